import type { Condition } from "../../client/client.ts";
import { type ConditionMessage, messageJson } from "../../client/message-json.ts";
import { toDuration, toTimestamp } from "../../client/spec/duration.ts";
import { toCondition } from "../../client/views/condition.ts";
import { required } from "../../client/wire/calls.ts";
import { withoutUndefined } from "../../client/without-undefined.ts";
import type { Command, CommandContext } from "../command.ts";
import { findCondition } from "../input/find-condition.ts";
import { readTime } from "../input/read-time.ts";
import { UsageError } from "../input/usage-error.ts";
import { printTime } from "../output/print-time.ts";

const force = { sentence: "also if somebody else is on it" };

/** `claim`: the caller takes a condition on. */
export const claimCommand: Command = {
  name: "claim",
  arguments: ["RUN", "NAME"],
  sentence: "says that you are on a condition",
  options: { force },
  async run(context) {
    const request = { ...(await target(context)), force: context.given.flag("force") };
    const { condition } = await context.calls.raw.conditions.claimCondition(request, {
      signal: context.signal,
    });
    tell(context, condition, ({ assignee }) => `is on ${assignee}`);
  },
};

/** `release`: nobody is on a condition any more. */
export const releaseCommand: Command = {
  name: "release",
  arguments: ["RUN", "NAME"],
  sentence: "says that nobody is on a condition any more",
  options: { force },
  async run(context) {
    const request = { ...(await target(context)), force: context.given.flag("force") };
    const { condition } = await context.calls.raw.conditions.releaseCondition(request, {
      signal: context.signal,
    });
    tell(context, condition, () => "is on nobody");
  },
};

/** `delegate`: hands the right to answer on. */
export const delegateCommand: Command = {
  name: "delegate",
  arguments: ["RUN", "NAME", "SUBJECT"],
  sentence: "hands your right to answer a condition on to somebody else",
  options: {},
  async run(context) {
    const request = { ...(await target(context)), to: context.given.argument(2) };
    const { condition } = await context.calls.raw.conditions.delegateCondition(request, {
      signal: context.signal,
    });
    tell(context, condition, ({ assignee }) => `is on ${assignee}`);
  },
};

/** `snooze`: takes a condition out of sight. */
export const snoozeCommand: Command = {
  name: "snooze",
  arguments: ["RUN", "NAME"],
  sentence: "takes a condition out of sight for a while",
  options: {
    for: { value: "DURATION", sentence: "how long, such as 4h" },
    until: { value: "TIME", sentence: "until when, such as 2026-12-01T09:00" },
    wake: { sentence: "back in sight at once" },
  },
  async run(context) {
    const { given, calls, signal } = context;
    const until = given.flag("wake") ? undefined : readTime(given);
    if (until !== undefined && until.getTime() <= Date.now()) {
      throw new UsageError(`${until.toISOString()} is over: --wake brings it back in sight`);
    }
    const endTime = toTimestamp(until);
    if (endTime === undefined && !given.flag("wake")) {
      throw new UsageError("snooze needs --for, --until or --wake");
    }
    const request = withoutUndefined({ ...(await target(context)), endTime });
    const { condition } = await calls.raw.conditions.snoozeCondition(request, { signal });
    tell(context, condition, ({ snoozeEndTime }) => {
      return snoozeEndTime === undefined
        ? "is in sight"
        : `is out of sight until ${printTime(snoozeEndTime)}`;
    });
  },
};

/** `extend`: moves a condition's deadline. */
export const extendCommand: Command = {
  name: "extend",
  arguments: ["RUN", "NAME"],
  sentence: "moves the deadline of a condition",
  options: {
    for: { value: "DURATION", sentence: "from now, such as 24h" },
    until: { value: "TIME", sentence: "until when, such as 2026-12-01T09:00" },
    never: { sentence: "it waits without end" },
  },
  async run(context) {
    const { given, calls, signal } = context;
    const deadlineTime = given.flag("never") ? undefined : toTimestamp(readTime(given));
    if (deadlineTime === undefined && !given.flag("never")) {
      throw new UsageError("extend needs --for, --until or --never");
    }
    const request = withoutUndefined({ ...(await target(context)), deadlineTime });
    const { condition } = await calls.raw.conditions.extendCondition(request, { signal });
    tell(context, condition, ({ deadlineTime: until }) => {
      return until === undefined ? "waits without end" : `waits until ${printTime(until)}`;
    });
  },
};

/** `link`: makes a link that answers a condition. */
export const linkCommand: Command = {
  name: "link",
  arguments: ["RUN", "NAME"],
  sentence: "makes a link that answers a condition once, without other credentials",
  notes: ["Who opens it gets a form. Who has it can answer: send it as you would send a password."],
  options: {
    for: {
      value: "DURATION",
      sentence: "how long it may be used; as long as the condition waits if not said",
    },
    subject: { value: "SUBJECT", sentence: "in whose name it answers (yours)" },
  },
  async run(context) {
    const { given, calls, signal, screen } = context;
    const lifetime = toDuration(given.durationMs("for"));
    const subject = given.text("subject") ?? "";
    const request = withoutUndefined({ ...(await target(context)), subject, lifetime });
    const { uri, expireTime } = await calls.raw.conditions.createAnswerLink(request, { signal });
    screen.line(screen.json ? JSON.stringify(withoutUndefined({ uri, expireTime })) : uri);
  },
};

/** The condition that is meant: its name, or the end of it. */
async function target(context: CommandContext) {
  const { given, calls } = context;
  const runId = given.argument(0);
  const name = given.argument(1);
  const found = await findCondition(context, runId, name);
  return { namespace: calls.namespace, runId, name: found?.name ?? name };
}

function tell(
  { screen }: CommandContext,
  message: ConditionMessage | undefined,
  describe: (condition: Condition) => string,
): void {
  const condition = required(message);
  screen.line(
    screen.json ? messageJson.condition(condition) : `${condition.name} ${describe(toCondition(condition))}`,
  );
}
