import fc from "fast-check";
import type { AttemptReference, Command, NewAction, ReportContent } from "../../src/core/command.ts";
import { wholeName } from "../../src/core/name.ts";
import type { Value } from "../../src/core/value.ts";
import {
  type After,
  aCondition,
  aTask,
  aTrace,
  bool,
  float,
  int,
  noRequest,
  text,
  theTask,
} from "./builders.ts";
import { acceptTimeoutMs, type World } from "./world.ts";

/**
 * A step of a random history: what kind of thing happens, and numbers that choose among what is there by
 * then.
 */
export interface Step {
  readonly kind: (typeof kinds)[number];
  readonly choices: readonly number[];
  readonly chance: number;
}

// What happens more often in life stands here more often.
const kinds = [
  "create",
  "wait",
  "wait",
  "wait",
  "attach",
  "assign",
  "assign",
  "assign",
  "accept",
  "accept",
  "decline",
  "report",
  "report",
  "report",
  "report",
  "add",
  "add",
  "signal",
  "signal",
  "cancel",
  "retry",
  "update",
  "session",
  "boot",
  "register",
  "publish",
] as const;

/** Histories of up to so many steps. They shrink to few steps with small numbers. */
export function histories(maxLength: number): fc.Arbitrary<readonly Step[]> {
  const choices = fc.array(fc.nat(1000), { minLength: 8, maxLength: 8 });
  const chance = fc.double({ min: 0, max: 0.999, noNaN: true });
  const step = fc.record({ kind: fc.constantFrom(...kinds), choices, chance });
  return fc.array(step, { maxLength, size: "max" });
}

/** Takes choices one by one. */
class Chooser {
  readonly #choices: readonly number[];
  #at = 0;

  constructor(choices: readonly number[]) {
    this.#choices = choices;
  }

  upTo(count: number): number {
    const choice = this.#choices[this.#at % this.#choices.length] ?? 0;
    this.#at += 1;
    // Each round through the choices reads them differently.
    return (choice + 7 * Math.floor(this.#at / this.#choices.length)) % count;
  }

  of<T>(items: readonly T[]): T | undefined {
    return items.length === 0 ? undefined : items[this.upTo(items.length)];
  }

  is(oneIn: number): boolean {
    return this.upTo(oneIn) === oneIn - 1;
  }
}

/**
 * The command that a step is in a world, or undefined for the passing of time. `leased` has every lease so
 * far.
 */
export function commandOf(
  step: Step,
  world: World,
  leased: readonly AttemptReference[],
): Command | undefined {
  const choose = new Chooser(step.choices);
  const sessions = world.state.sessions();
  const sessionId = choose.of(sessions)?.id ?? "none";
  const attempt = choose.is(4) ? choose.of(leased) : choose.of(current(world));
  const run = choose.of([...world.state.runs.keys()]);
  switch (step.kind) {
    case "wait":
      return undefined;
    case "create":
      return aCreate(choose, world);
    case "attach":
      return anAttach(choose, world, leased);
    case "assign": {
      const taking = sessions.map(({ id }) => ({ sessionId: id, credit: choose.upTo(4) }));
      return { kind: "assign", sessions: taking, limit: 5, acceptTimeoutMs };
    }
    case "boot":
      return { kind: "boot", leaseMs: leaseMsOf(choose) };
    case "session":
      return aSessionCommand(choose, sessionId);
    case "register": {
      const retry = { maxAttempts: 1 + choose.upTo(2) };
      const content = { description: "", labels: {}, retry, timeouts: undefined };
      return { kind: "registerOp", request: noRequest, namespace: "default", name: "work", content };
    }
    default:
  }
  if (run === undefined) return undefined;
  if (step.kind === "accept" && choose.is(3)) return { kind: "accept", sessionId, attempts: current(world) };
  if (attempt !== undefined) {
    if (step.kind === "accept") return { kind: "accept", sessionId, attempts: [attempt] };
    if (step.kind === "decline") return { kind: "decline", sessionId, attempt, cause: "" };
    if (step.kind === "add") return { kind: "addActions", sessionId, attempt, actions: someChildren(choose) };
    if (step.kind === "report") {
      const reports = [{ attempt, sequence: 1 + choose.upTo(9), content: aContent(choose) }];
      return { kind: "report", sessionId, reports };
    }
  }
  switch (step.kind) {
    case "cancel":
      return { kind: "cancelRun", request: noRequest, run, cause: "" };
    case "retry":
      return { kind: "retryRun", request: noRequest, run, force: choose.is(2) };
    case "update": {
      const priority = choose.upTo(3);
      return { kind: "updateRun", request: noRequest, run, priority, setLabels: {}, removeLabels: [] };
    }
    case "signal": {
      const parent = choose.is(2) ? (choose.of(world.state.actions(run))?.name ?? "") : "";
      const action = wholeName(parent, choose.of(names) ?? "");
      return {
        kind: "signalCondition",
        request: noRequest,
        run,
        action,
        value: aValue(choose),
        signalledBy: "",
      };
    }
    default: {
      const published = { source: "s", type: "t", attributes: {}, payload: undefined };
      const events = [{ runId: run.slice(run.indexOf("/") + 1), action: "", published }];
      return { kind: "publishEvents", request: noRequest, namespace: "default", events };
    }
  }
}

const names = ["a", "b", "c", "d"];

function current(world: World): readonly AttemptReference[] {
  return world.state
    .allActions()
    .filter(({ sessionId }) => sessionId !== undefined)
    .map(({ run, name, attempt, epoch }) => ({ run, action: name, attempt, epoch }));
}

function aCreate(choose: Chooser, world: World): Command {
  const runId = `r${world.state.runs.size}`;
  const timeoutMs = choose.is(5) ? 5000 : undefined;
  const common = {
    kind: "createRun" as const,
    request: noRequest,
    namespace: "default",
    runId,
    newRunId: runId,
  };
  const work = choose.is(3) ? { task: theTask(parts(choose)) } : { plan: someActions(choose) };
  return { ...common, labels: {}, priority: choose.upTo(3), timeoutMs, work };
}

function someActions(choose: Chooser): readonly NewAction[] {
  return names.slice(0, 1 + choose.upTo(names.length)).map((name, index) => {
    const after = names.slice(0, index).flatMap((other) => afterOf(choose, other));
    return choose.is(3) ? condition(choose, name, after) : aTask(name, { after, ...parts(choose) });
  });
}

function someChildren(choose: Chooser): readonly NewAction[] {
  const count = 1 + choose.upTo(3);
  return names.slice(0, count).map((name, index) => {
    // The same name means the same kind, so that most calls find what they ask for.
    if (name === "c") return condition(choose, name, []);
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
      queueToStartMs: choose.is(4) ? 4000 : undefined,
      startToEndMs: choose.is(4) ? 6000 : undefined,
      heartbeatMs: choose.is(4) ? 2000 : undefined,
    },
    cancelGraceMs: choose.is(2) ? 3000 : undefined,
  };
}

function anAttach(choose: Chooser, world: World, leased: readonly AttemptReference[]): Command {
  const running = [...current(world).filter(() => choose.is(2)), ...leased.slice(-2)];
  return {
    kind: "attach",
    newSessionId: `s${world.effects.length}-${world.feed.length}-${choose.upTo(1000)}`,
    namespace: "default",
    workerId: choose.is(3) ? "v" : "w",
    incarnation: choose.is(4) ? "2" : "1",
    ops: ["work"],
    labels: {},
    running,
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
