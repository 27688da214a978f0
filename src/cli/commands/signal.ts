import { userInfo } from "node:os";
import type { ConditionType } from "../../client/client.ts";
import { fromValue } from "../../client/js-value.ts";
import { messageJson, type SignalMessage, type ValueMessage } from "../../client/message-json.ts";
import { toDuration } from "../../client/spec/duration.ts";
import { toCondition } from "../../client/views/condition.ts";
import { required } from "../../client/wire/calls.ts";
import { withoutUndefined } from "../../client/without-undefined.ts";
import type { Command, CommandContext } from "../command.ts";
import type { CommandArguments } from "../input/command-arguments.ts";
import { findCondition } from "../input/find-condition.ts";
import { conditionTypes, parseLiteral, parseTyped } from "../input/parse-value.ts";
import { printValue } from "../output/print-value.ts";
import type { Screen } from "../output/screen.ts";

/** `signal`: answers a condition. */
export const signalCommand: Command = {
  name: "signal",
  arguments: ["RUN", "NAME", "VALUE"],
  sentence: "answers a condition",
  notes: [
    "VALUE is read as the type that the condition asks for: true or false (yes, no), 5, 0.5, text, JSON.",
    "NAME may be the last part of a condition's name, as long as only one open condition ends so.",
    "An answer to a condition that its task has yet to add is kept; it is read as JSON if it is JSON, else as",
    "text, unless --type says more.",
  ],
  options: {
    type: {
      value: "TYPE",
      sentence: `the type of VALUE, instead of the condition's: ${conditionTypes.join(", ")}`,
    },
    by: { value: "NAME", sentence: "in whose name; shown and kept (your user name, if you have no token)" },
    comment: { value: "TEXT", sentence: "why; shown and kept" },
    instance: { value: "N", sentence: "only the Nth time that it asks" },
  },
  examples: ["signalbox signal RUN approve true", "signalbox signal RUN limits '{\"max\": 5}' --by carol"],
  async run(context) {
    const { given, screen, calls, signal, environment } = context;
    const runId = given.argument(0);
    const condition = await findCondition(context, runId, given.argument(1));
    const name = condition?.name ?? given.argument(1);
    const type = askedType(given) ?? condition?.type;
    const value = readValue(given.argument(2), type, name);
    const instance = given.integer("instance", { min: 1, max: 2 ** 31 - 1 }) ?? 0;
    const request = { namespace: calls.namespace, runId, name, value, instance, ...said(given, environment) };
    tell(screen, { value, name, answer: await calls.raw.conditions.signalCondition(request, { signal }) });
  },
};

/** `signal-key`: answers the condition that has a correlation key. */
export const signalKeyCommand: Command = {
  name: "signal-key",
  arguments: ["KEY", "VALUE"],
  sentence: "answers the open condition that has a correlation key",
  notes: ["VALUE is read as JSON if it is JSON, else as text, unless --type says more."],
  options: {
    type: { value: "TYPE", sentence: `the type of VALUE: ${conditionTypes.join(", ")}` },
    "keep-for": { value: "DURATION", sentence: "how long it waits for such a condition, if none is open" },
    by: { value: "NAME", sentence: "in whose name; shown and kept (your user name, if you have no token)" },
    comment: { value: "TEXT", sentence: "why; shown and kept" },
  },
  examples: ["signalbox signal-key order-77 true --keep-for 24h"],
  async run({ given, screen, calls, signal, environment }) {
    const correlationKey = given.argument(0);
    const value = readValue(given.argument(1), askedType(given), correlationKey);
    const keepFor = toDuration(given.durationMs("keep-for"));
    const target = withoutUndefined({ namespace: calls.namespace, correlationKey, keepFor });
    const request = { ...target, value, ...said(given, environment) };
    const answer = await calls.raw.conditions.signalCondition(request, { signal });
    tell(screen, { value, name: answer.condition?.name ?? correlationKey, answer });
  },
};

function askedType(given: CommandArguments): ConditionType | undefined {
  const words = conditionTypes.map((type) => type.toUpperCase() as Uppercase<ConditionType>);
  return given.choices("type", words)[0]?.toLowerCase() as ConditionType | undefined;
}

function said(given: CommandArguments, environment: CommandContext["environment"]) {
  return {
    signalledBy: given.text("by") ?? (hasToken(given, environment) ? "" : readUserName(environment)),
    comment: given.text("comment") ?? "",
  };
}

/** True for a caller whom the server knows by name. */
function hasToken(given: CommandArguments, environment: CommandContext["environment"]): boolean {
  return (given.text("token") ?? environment["SIGNALBOX_TOKEN"] ?? "") !== "";
}

function tell(
  screen: Screen,
  {
    value,
    name,
    answer,
  }: { readonly value: ValueMessage; readonly name: string; readonly answer: SignalMessage },
): void {
  if (screen.json) screen.line(messageJson.signalResult(answer));
  else screen.line(`${printValue(fromValue(value))} ${outcomeOf(answer, name)}`);
}

function outcomeOf({ kept, repeated, condition }: SignalMessage, name: string): string {
  if (kept) return `is kept for ${name}, which does not wait yet`;
  if (repeated) return `was the answer to ${name} already`;
  const { terms, answers, endTime, answer } = toCondition(required(condition));
  const requiredCount = terms.answerRule?.requiredCount ?? 1;
  if (endTime !== undefined && answer === undefined) {
    return `is recorded, and by it ${name} has ended without a decision: signalbox action says why`;
  }
  if (endTime !== undefined || requiredCount <= 1) return `answers ${name}`;
  return `is one answer to ${name}: ${answers.length} so far, ${requiredCount} equal ones decide`;
}

function readValue(text: string, type: ConditionType | undefined, name: string): ValueMessage {
  return type === undefined ? parseLiteral(text) : parseTyped(text, type, name);
}

function readUserName(environment: CommandContext["environment"]): string {
  try {
    return userInfo().username;
  } catch {
    // There is no such user, as in some containers.
    return environment["USER"] ?? "";
  }
}
