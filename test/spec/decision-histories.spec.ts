import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Action } from "../../src/core/action.ts";
import type { Command, CommandOf } from "../../src/core/command.ts";
import { voterOf } from "../../src/core/conditions/answers/voter.ts";
import { groupOf } from "../../src/core/conditions/group.ts";
import { type Answerer, standingOf } from "../../src/core/conditions/standing.ts";
import type { ConditionTerms } from "../../src/core/conditions/terms.ts";
import { decide } from "../../src/core/decide.ts";
import type { NewAction, Replay, Replays } from "../../src/core/stated.ts";
import type { Value } from "../../src/core/value.ts";
import { endsOnce, oneAnswer } from "../guarantees/actions.ts";
import { recordOf } from "../guarantees/record.ts";
import { aCondition, answerRule, aTask, bool, by, noRequest, terms, text } from "../support/builders.ts";
import { Chooser, type Step, stepsOf } from "../support/chooser.ts";
import { changeOf } from "../support/inbox-verbs.ts";
import { brokenInvariants } from "../support/invariants.ts";
import { theRun, World } from "../support/world.ts";

/** How often each kind of thing happens. */
const weights = {
  signal: 8,
  key: 3,
  change: 5,
  wait: 4,
  add: 4,
  end: 2,
  retry: 2,
  rerun: 2,
  cancel: 2,
  post: 2,
  link: 1,
};

type Kind = keyof typeof weights;

const names = ["p", "q", "r", "s"];
const people = ["ana", "ben", "cleo", "rita"];
const keys = ["k", "l"];

function aSigner(choose: Chooser): Answerer {
  const groups = choose.is(4) ? ["ops"] : [];
  const channel = choose.is(5) ? "link" : "call";
  const subject = choose.is(6) ? "anonymous" : (choose.of(people) ?? "ana");
  return by(subject, { groups, channel, signalledBy: choose.is(4) ? (choose.of(people) ?? "") : "" });
}

function aValue(choose: Chooser): Value {
  return choose.is(12) ? text("x") : bool(!choose.is(3));
}

function someTerms(choose: Chooser): ConditionTerms {
  const requiredCount = 1 + choose.upTo(3);
  const rule = answerRule({
    requiredCount,
    voterCount: requiredCount + choose.upTo(3),
    veto: choose.is(5) ? bool(false) : undefined,
    subjects: choose.is(4) ? ["ana", "ben"] : [],
    groups: choose.is(6) ? ["ops"] : [],
    excludesRequester: choose.is(5),
  });
  const step = (afterMs: number) => ({
    afterMs,
    notify: [],
    subjects: ["cleo"],
    groups: [],
    assignee: "ben",
  });
  return terms({
    rule: choose.is(3) ? undefined : rule,
    group: choose.is(2) ? (choose.of(["g", "h"]) ?? "") : "",
    correlationKey: choose.is(3) ? (choose.of(keys) ?? "") : "",
    escalations: choose.is(3) ? [step(1000), step(1000), step(2500)] : [],
    dropsEarly: choose.is(8),
    schema: choose.is(8) ? { const: true } : undefined,
    webhook: choose.is(3)
      ? {
          url: "https://example.test/",
          payload: undefined,
          secret: "",
          linkLifetimeMs: undefined,
          headers: {},
        }
      : undefined,
  });
}

function aQuestion(choose: Chooser, name: string, after: readonly string[] = []): NewAction {
  const timeoutMs = choose.is(3) ? 2500 : undefined;
  const defaultValue = timeoutMs !== undefined && choose.is(2) ? bool(true) : undefined;
  return aCondition(name, {
    after,
    timeoutMs,
    defaultValue,
    terms: choose.is(6) ? undefined : someTerms(choose),
  });
}

function create(world: World, choose: Chooser): void {
  const plan = names.map((name) => aQuestion(choose, name, choose.is(3) ? ["t"] : []));
  const retry = { maxAttempts: 9, initialBackoffMs: 1 };
  const waits = aTask("u", { after: [{ action: "p", equals: bool(true) }, "q ended"], retry });
  const last = aTask("v", { after: ["u ended", "t ended"], retry });
  world.create({ createdBy: "rita", plan: [aTask("t", { retry }), ...plan, waits, last] });
  world.attach();
}

/** The command that a step is, or undefined for one that cannot be yet. */
function commandOf(step: Step<Kind>, world: World): Command | undefined {
  const choose = new Chooser(step.choices);
  const held = world.state.allActions().filter(({ sessionId }) => sessionId !== undefined);
  const conditions = world.state.allActions().filter(({ spec }) => spec.kind === "condition");
  const chosen = choose.of(conditions);
  const named = chosen?.name ?? "t/p";
  const run = chosen?.run ?? theRun;
  const common = { request: noRequest, run } as const;
  switch (step.kind) {
    case "signal": {
      const action = choose.is(4) ? `t/${choose.of(names)}` : named;
      const instance = choose.is(8) ? 1 + choose.upTo(2) : 0;
      return {
        kind: "signalCondition",
        ...common,
        action,
        value: aValue(choose),
        by: aSigner(choose),
        instance,
      };
    }
    case "key": {
      const keepForMs = choose.is(4) ? undefined : 1000 + choose.upTo(3) * 500;
      const of = { request: noRequest, namespace: "default", correlationKey: choose.of(keys) ?? "" };
      return { kind: "signalByKey", ...of, value: aValue(choose), by: aSigner(choose), keepForMs };
    }
    case "change":
      return aChange(choose, world, { run, action: named });
    case "add": {
      const parent = choose.of(held);
      if (parent === undefined) return undefined;
      const { attempt, epoch, name, run: of } = parent;
      const actions = names.filter(() => choose.is(2)).map((child) => aQuestion(choose, child));
      return {
        kind: "addActions",
        sessionId: "",
        attempt: { run: of, action: name, attempt, epoch },
        actions,
      };
    }
    case "end": {
      const one = choose.of(held);
      if (one === undefined) return undefined;
      const attempt = { run: one.run, action: one.name, attempt: one.attempt, epoch: one.epoch };
      const error = { type: "Broken", message: "", stack: "", nonRetryable: choose.is(4) };
      const content = choose.is(2)
        ? ({ kind: "succeeded", outputs: {} } as const)
        : ({ kind: "failed", error } as const);
      return {
        kind: "report",
        sessionId: "",
        reports: [{ attempt, sequence: 1 + choose.upTo(1000), content }],
      };
    }
    case "retry":
      return {
        kind: "retryRun",
        ...common,
        force: choose.is(2),
        all: choose.is(3),
        replays: someReplays(choose, named),
      };
    case "rerun":
      return {
        kind: "rerunRun",
        ...common,
        runId: `r${world.state.runs.size + 1}`,
        newRunId: "",
        again: choose.is(3) ? [choose.of(["t", "u", "p"]) ?? "t"] : [],
        replays: someReplays(choose, named),
        labels: {},
        priority: undefined,
        createdBy: choose.of(people) ?? "rita",
      };
    case "cancel":
      return choose.is(3) ? { kind: "cancelRun", ...common, cause: "" } : undefined;
    case "post": {
      const post = choose.of(world.state.decisions.duePosts(Number.MAX_SAFE_INTEGER, 100).posts);
      if (post === undefined) return undefined;
      const retryMs = choose.is(2) ? world.nowMs + 500 : undefined;
      return { kind: "settlePost", post, end: choose.is(2) ? "taken" : { cause: "500", retryMs } };
    }
    case "link":
      return { kind: "noteLinkRefusal", run, action: named, cause: "LINK_EXPIRED", origin: "" };
    case "wait":
      return undefined;
  }
}

function someReplays(choose: Chooser, name: string): Replays {
  const replay = () => choose.of<Replay>(["reuse", "askAgain", "requireBoth"]);
  const one = choose.is(3) ? replay() : undefined;
  return { all: choose.is(2) ? replay() : undefined, byCondition: one === undefined ? {} : { [name]: one } };
}

function aChange(
  choose: Chooser,
  world: World,
  of: Pick<CommandOf<"changeCondition">, "run" | "action">,
): CommandOf<"changeCondition"> {
  const verb = choose.of(["claims", "releases", "delegates", "snoozes", "extends"]) ?? "claims";
  const time = `${(world.nowMs + choose.upTo(5) * 700) / 1000}s`;
  const to = verb === "delegates" ? (choose.of(people) ?? "") : choose.is(4) ? "never" : time;
  const change = changeOf(verb, to, choose.is(3));
  return { kind: "changeCondition", request: noRequest, ...of, by: aSigner(choose), change };
}

/** What must never be of conditions, as sentences. */
function brokenDecisions(world: World): readonly string[] {
  const actions = world.state.allActions();
  const wrong = actions.flatMap((action) => brokenCondition(action, actions));
  for (const { run, action, about, instance, key } of world.state.decisions.duePosts(
    Number.MAX_SAFE_INTEGER,
    1000,
  ).posts) {
    const condition = world.action(action, run);
    const isOfWait = about !== "condition_ended";
    const isOpen = condition.state === "PAUSED" && standingOf(condition).instance === instance;
    if (isOfWait && !isOpen) wrong.push(`${key} tells of a wait that is over`);
  }
  return wrong;
}

function brokenCondition(action: Action, all: readonly Action[]): string[] {
  if (action.spec.kind !== "condition") return [];
  const wrong: string[] = [];
  const { answers, instance } = standingOf(action);
  const voters = answers.filter(({ channel }) => channel !== "default").map(voterOf);
  if (new Set(voters).size < voters.length) wrong.push(`${action.name}: a voter counts twice`);
  if (answers.some((answer) => answer.instance !== instance))
    wrong.push(`${action.name}: an answer of before`);
  const isOfUse = action.state === "SUCCEEDED" || action.state === "FAILED" || action.state === "PAUSED";
  if (action.state === "SUCCEEDED" && answers.length === 0) wrong.push(`${action.name}: answered by nobody`);
  if (!isOfUse && action.state === "PENDING" && answers.length > 0)
    wrong.push(`${action.name}: answered early`);
  const group = groupOf(action);
  if (group === "" || action.state !== "SUCCEEDED" || action.isStale) return wrong;
  for (const other of all) {
    if (
      other === action ||
      other.run !== action.run ||
      other.parent !== action.parent ||
      groupOf(other) !== group
    )
      continue;
    if (other.state === "PAUSED" || (other.state === "SUCCEEDED" && !other.isStale)) {
      wrong.push(`${action.name} has decided its group, and ${other.name} is ${other.state}`);
    }
  }
  return wrong;
}

/** What fell due earlier than was known before must be told outside. */
function untold(
  before: ReadonlyMap<string, number | undefined>,
  world: World,
  from: number,
): readonly string[] {
  const armed = world.effects.slice(from).flatMap((effect) => (effect.kind === "due" ? [effect.atMs] : []));
  return world.state.allActions().flatMap(({ run, name, dueMs }) => {
    const earlier = before.get(`${run} ${name}`);
    if (dueMs === undefined || (earlier !== undefined && earlier <= dueMs)) return [];
    return armed.some((atMs) => atMs <= dueMs) ? [] : [`${name} is due at ${dueMs}, and nobody is told`];
  });
}

describe("whatever people do with conditions, in whatever order", () => {
  const seen = new Set<string>();

  test("each ends once with one answer, nobody counts twice, and a group has one winner", () => {
    const history = fc.record({
      plan: fc.array(fc.nat(1000), { minLength: 60, maxLength: 60 }),
      steps: stepsOf(weights, 60),
    });
    const property = fc.property(history, ({ plan, steps }) => {
      const world = new World();
      create(world, new Chooser(plan));
      for (const [index, step] of steps.entries()) {
        const before = new Map(
          world.state.allActions().map(({ run, name, dueMs }) => [`${run} ${name}`, dueMs]),
        );
        const from = world.effects.length;
        const command = commandOf(step, world);
        if (command === undefined) world.at(world.nowMs + 1 + ((step.choices[0] ?? 0) % 20) * 100).start();
        else {
          const stamp = { nowMs: world.nowMs, chance: world.chance };
          const first = decide(command, world.state, stamp);
          expect(decide(command, world.state, stamp)).toEqual(first);
          const done = world.do(command);
          seen.add(done.ok ? command.kind : done.refusal.reason);
        }
        const wrong = [
          ...brokenInvariants(world.state),
          ...brokenDecisions(world),
          ...untold(before, world, from),
        ];
        if (wrong.length > 0) throw new Error(`after step ${index + 1}, ${step.kind}: ${wrong.join("; ")}`);
      }
      for (const event of world.events()) seen.add(event.detail.kind);
      const events = recordOf(world.feed).flat();
      const broken = [...endsOnce(events), ...oneAnswer(events)];
      if (broken.length > 0) throw new Error(broken.join("; "));
    });
    fc.assert(property, { seed: 20261121, numRuns: 400 });
  });

  test("these histories come to every event of decisions and to their refusals", () => {
    const expected = [
      "answer_given",
      "condition_answered",
      "condition_changed",
      "condition_escalated",
      "link_refused",
      "signal_dropped",
      "signal_kept",
      "webhook_posted",
      "retryRun",
      "rerunRun",
      "ACTION_ENDED",
      "ALREADY_ANSWERED",
      "ALREADY_CLAIMED",
      "ANSWER_INVALID",
      "CONDITION_NOT_OPEN",
      "CORRELATION_AMBIGUOUS",
      "CORRELATION_NOT_FOUND",
      "INSTANCE_CHANGED",
      "INVALID_REQUEST",
      "NOT_ALLOWED",
    ];
    expect(expected.filter((one) => !seen.has(one))).toEqual([]);
  });
});
