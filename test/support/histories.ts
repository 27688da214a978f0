import type fc from "fast-check";
import type { Command, CommandOf } from "../../src/core/command.ts";
import { anonymousSubject } from "../../src/core/conditions/standing.ts";
import { runIdOf, wholeName } from "../../src/core/name.ts";
import { noCapacity } from "../../src/core/placement/demand.ts";
import type { AttemptReference, NewAction, ReportContent } from "../../src/core/stated.ts";
import type { Value } from "../../src/core/value.ts";
import {
  type After,
  aCondition,
  anOp,
  aTask,
  aTrace,
  bool,
  by,
  float,
  int,
  noReplays,
  noRequest,
  text,
  theTask,
} from "./builders.ts";
import { Chooser, type Step as ChosenStep, stepsOf } from "./chooser.ts";
import { acceptTimeoutMs, type World } from "./world.ts";

/** How often each kind of thing happens. */
const weights = {
  create: 2,
  wait: 3,
  attach: 2,
  assign: 4,
  acceptAll: 2,
  accept: 1,
  decline: 1,
  report: 5,
  add: 2,
  signal: 2,
  cancel: 1,
  retry: 2,
  update: 1,
  session: 1,
  boot: 1,
  register: 1,
  publish: 1,
};

/** A step of a random history. */
export type Step = ChosenStep<keyof typeof weights>;

/** Histories of up to so many steps. They shrink to few steps with small numbers. */
export function histories(maxLength: number): fc.Arbitrary<readonly Step[]> {
  return stepsOf(weights, maxLength);
}

/**
 * The command that a step is in a world; undefined lets time pass, as does what cannot be yet. `leased` has
 * every lease that there was: some steps are about those that are over.
 */
export function commandOf(
  step: Step,
  world: World,
  leased: readonly AttemptReference[],
): Command | undefined {
  const choose = new Chooser(step.choices);
  switch (step.kind) {
    case "create":
      return aCreate(choose, world);
    case "attach":
      return anAttach(choose, world, leased);
    case "assign": {
      const credit = 1 + choose.upTo(4);
      const sessions = world.state.sessions().map(({ id }) => ({ sessionId: id, credit }));
      return { kind: "assign", sessions, limit: 5, acceptTimeoutMs };
    }
    case "acceptAll":
      return { kind: "accept", sessionId: "", attempts: current(world) };
    case "accept":
    case "decline":
    case "report":
    case "add": {
      const attempt = choose.is(5) ? choose.of(leased) : choose.of(current(world));
      return attempt === undefined ? undefined : ofAttempt(step.kind, attempt, choose);
    }
    case "cancel":
    case "retry":
    case "update":
    case "signal":
    case "publish":
      return ofRun(step.kind, choose, world);
    case "boot":
      return { kind: "boot", leaseMs: leaseMsOf(choose) };
    case "session":
      return aSessionCommand(choose, choose.of(world.state.sessions())?.id ?? "none");
    case "register": {
      const content = anOp({ retry: { maxAttempts: 1 + choose.upTo(2) } });
      return { kind: "registerOp", request: noRequest, namespace: "default", name: "work", content };
    }
    default:
      return undefined;
  }
}

const names = ["a", "b", "c", "d"];

function current(world: World): readonly AttemptReference[] {
  return world.state
    .allActions()
    .filter(({ sessionId }) => sessionId !== undefined)
    .map(({ run, name, attempt, epoch }) => ({ run, action: name, attempt, epoch }));
}

function ofAttempt(
  kind: "accept" | "decline" | "report" | "add",
  attempt: AttemptReference,
  choose: Chooser,
): Command {
  const sessionId = "";
  if (kind === "accept") return { kind: "accept", sessionId, attempts: [attempt] };
  if (kind === "decline") return { kind: "decline", sessionId, attempt, cause: "" };
  if (kind === "add") return { kind: "addActions", sessionId, attempt, actions: someChildren(choose) };
  const content = aContent(choose);
  return { kind: "report", sessionId, reports: [{ attempt, sequence: 1 + choose.upTo(50), content }] };
}

function ofRun(
  kind: "cancel" | "retry" | "update" | "signal" | "publish",
  choose: Chooser,
  world: World,
): Command | undefined {
  const run = choose.of([...world.state.runs.keys()]);
  if (run === undefined) return undefined;
  const common = { request: noRequest, run };
  if (kind === "cancel") return { kind: "cancelRun", ...common, cause: "" };
  if (kind === "retry")
    return { kind: "retryRun", ...common, force: choose.is(3), all: choose.is(5), replays: noReplays };
  if (kind === "update") {
    return { kind: "updateRun", ...common, priority: choose.upTo(3), setLabels: {}, removeLabels: [] };
  }
  if (kind === "signal") {
    const parent = choose.is(2) ? (choose.of(world.state.actions(run))?.name ?? "") : "";
    const action = wholeName(parent, choose.of(names) ?? "");
    return { kind: "signalCondition", ...common, action, value: aValue(choose), by: by(), instance: 0 };
  }
  const published = { source: "s", type: "t", attributes: {}, payload: undefined };
  const events = [{ runId: runIdOf(run), action: "", published }];
  return { kind: "publishEvents", request: noRequest, namespace: "default", events };
}

function aCreate(choose: Chooser, world: World): CommandOf<"createRun"> {
  return {
    kind: "createRun",
    request: noRequest,
    namespace: "default",
    runId: "",
    newRunId: `r${world.state.runs.size}`,
    labels: {},
    priority: choose.upTo(3),
    timeoutMs: choose.is(6) ? 5000 : undefined,
    delivery: undefined,
    createdBy: anonymousSubject,
    work: choose.is(3) ? { task: theTask(parts(choose)) } : { plan: someActions(choose) },
  };
}

function someActions(choose: Chooser): readonly NewAction[] {
  return names.slice(0, 1 + choose.upTo(names.length)).map((name, index) => {
    const after = names.slice(0, index).flatMap((other) => afterOf(choose, other));
    return choose.is(3) ? condition(choose, name, after) : aTask(name, { after, ...parts(choose) });
  });
}

function someChildren(choose: Chooser): readonly NewAction[] {
  return names.slice(0, 1 + choose.upTo(4)).map((name, index) => {
    // Most of the time the same name means the same kind, so that calls find what they ask for.
    if (name === "c" && !choose.is(9)) return condition(choose, name, []);
    if (name === "d") return aTrace(name);
    const after = names.slice(0, index).flatMap((other) => afterOf(choose, other));
    return aTask(name, { after, ...parts(choose) });
  });
}

function afterOf(choose: Chooser, action: string): readonly After[] {
  return [[], [], [action], [`${action} ended`], [{ action, equals: bool(true) }]][choose.upTo(5)] ?? [];
}

function condition(choose: Chooser, name: string, after: readonly After[]): NewAction {
  const timeoutMs = choose.is(2) ? 3000 : undefined;
  const defaultValue = timeoutMs !== undefined && choose.is(2) ? bool(true) : undefined;
  return aCondition(name, { after, timeoutMs, defaultValue });
}

function parts(choose: Chooser) {
  return {
    retry: { maxAttempts: 1 + choose.upTo(3), initialBackoffMs: 1000, jitter: 0.5 },
    timeouts: {
      queueToStartMs: choose.is(6) ? 4000 : undefined,
      startToEndMs: choose.is(6) ? 6000 : undefined,
      heartbeatMs: choose.is(6) ? 2000 : undefined,
    },
    cancelGraceMs: choose.is(2) ? 3000 : undefined,
  };
}

function anAttach(choose: Chooser, world: World, leased: readonly AttemptReference[]): CommandOf<"attach"> {
  return {
    kind: "attach",
    newSessionId: `s${world.effects.length}-${world.feed.length}-${choose.upTo(1000)}`,
    namespace: "default",
    workerId: choose.is(3) ? "v" : "w",
    incarnation: choose.is(5) ? "2" : "1",
    ops: ["work"],
    labels: {},
    capacity: noCapacity,
    taints: [],
    sharedNamespaces: [],
    running: [...current(world).filter(() => !choose.is(4)), ...leased.slice(-2)],
    leaseMs: leaseMsOf(choose),
  };
}

function aSessionCommand(choose: Chooser, sessionId: string): Command {
  switch (choose.upTo(5)) {
    case 0:
      return { kind: "leave", sessionId, cause: "" };
    case 1:
      return { kind: "detach", sessionId };
    case 2:
      return { kind: "drain", sessionId };
    case 3:
      return { kind: "drainWorker", request: noRequest, namespace: "default", workerId: "w" };
    default:
      return { kind: "pulse", sessionId, leaseMs: leaseMsOf(choose) };
  }
}

function leaseMsOf(choose: Chooser): number {
  return 5000 + 1000 * choose.upTo(20);
}

function aValue(choose: Chooser): Value {
  return choose.of([bool(true), bool(true), bool(false), text("yes"), int(1), float(1)]) ?? bool(true);
}

function aContent(choose: Chooser): ReportContent {
  const error = { type: "Broken", message: "", stack: "", nonRetryable: choose.is(4) };
  const contents: readonly ReportContent[] = [
    { kind: "succeeded", outputs: { value: aValue(choose) } },
    { kind: "succeeded", outputs: {} },
    { kind: "failed", error },
    { kind: "failed", error },
    { kind: "stopped", message: "" },
    { kind: "heartbeat" },
    { kind: "progress", percent: 50, message: "" },
    { kind: "log", level: "info", message: "" },
    { kind: "trace_ended", name: "d", outputs: {}, error: undefined },
  ];
  return choose.of(contents) ?? { kind: "heartbeat" };
}
