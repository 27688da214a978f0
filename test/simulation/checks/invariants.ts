import { type Action, hasEnded, isHeld } from "../../../src/core/action.ts";
import type { Change } from "../../../src/core/change.ts";
import { queueKey } from "../../../src/core/command.ts";
import { namespaceOf, type RunKey, runIdOf } from "../../../src/core/name.ts";
import { hasRunEnded } from "../../../src/core/run.ts";
import type { MemoryState } from "../../../src/store/memory/memory-state.ts";
import { brokenInvariants } from "../../support/invariants.ts";
import { brokenPlacement } from "../../support/placement-invariants.ts";
import type { WorldState } from "../../support/world-state.ts";
import type { Judged } from "../world/disk.ts";

/**
 * What must hold of the state after every step, and of every change on its way there. It looks only at what
 * has changed where that is enough, so that a step costs little.
 */
export class Invariants {
  readonly #violated: (what: string) => void;
  readonly #touched = new Set<RunKey>();
  #hasChanged = false;

  constructor(violated: (what: string) => void) {
    this.#violated = violated;
  }

  /** Looks at a judgement before it takes effect. */
  readonly judged = ({ command, before, decision }: Judged): void => {
    if (!decision.ok) return;
    const { change } = decision;
    this.#hasChanged = true;
    for (const { key } of change.runs) this.#touched.add(key);
    for (const id of change.goneSessions) {
      for (const { run } of before.heldBy(id)) this.#touched.add(run);
    }
    for (const action of change.newActions) this.#touched.add(action.run);
    for (const action of change.actions) {
      this.#touched.add(action.run);
      const known = before.action(action.run, action.name);
      if (known !== undefined) this.#moved(known, action, { change, kind: command.kind });
    }
  };

  /** The state was built anew from less. */
  forget(): void {
    this.#hasChanged = true;
  }

  /** Looks at the state, if it has changed since the last time. */
  check(state: MemoryState): void {
    if (!this.#hasChanged) return;
    this.#hasChanged = false;
    const open = [...state.runs.values()]
      .filter((run) => !hasRunEnded(run) || this.#touched.has(run.key))
      .flatMap((run) => state.actions(run.key));
    for (const what of brokenInvariants(viewOf(state, [...this.#touched]))) this.#violated(what);
    for (const what of brokenPlacement(placementOf(state, open))) this.#violated(what);
    this.#touched.clear();
    this.#checkQueues(state, open);
    this.#checkDue(state, open);
  }

  /** An action moves on only in the ways that there are. */
  #moved(known: Action, next: Action, { change, kind }: { change: Change; kind: string }): void {
    const say = (what: string) =>
      this.#violated(`${known.run}/${known.name} ${what} (${known.state} to ${next.state} by ${kind})`);
    const isReopened = change.events.some(
      ({ namespace, runId, action, detail }) =>
        detail.kind === "action_reopened" &&
        action === known.name &&
        namespace === namespaceOf(known.run) &&
        runId === runIdOf(known.run),
    );
    if (next.epoch < known.epoch) say("goes back to an older epoch");
    if (hasEnded(known) && !isReopened) {
      if (!hasEnded(next)) say("goes on behind its end");
      else if (next.state !== known.state) say("changes its end");
    }
    if (isHeld(known) && isHeld(next) && known.sessionId !== next.sessionId) {
      if (next.epoch === known.epoch && kind !== "attach") say("has two holders under one epoch");
    }
    const isLeased = next.state === "ASSIGNED" && known.state !== "ASSIGNED";
    if (isLeased && next.epoch <= known.epoch) say("is leased under an epoch that was used");
  }

  /** What is found by queue is what is queued. */
  #checkQueues(state: MemoryState, open: readonly Action[]): void {
    const namesByLine = new Map<string, string[]>();
    for (const action of open) {
      const { spec, run, name } = action;
      if (action.state !== "QUEUED" || action.parkedOn !== undefined || spec.kind !== "task") continue;
      const line = `${queueKey(namespaceOf(run), spec.op)} ${spec.demand?.shape ?? ""}`;
      const names = namesByLine.get(line) ?? [];
      namesByLine.set(line, names);
      names.push(`${run}/${name}`);
    }
    for (const [line, names] of namesByLine) {
      const [queue = "", shape = ""] = line.split(" ");
      const found = state.indexes.queued(queue, shape, Number.POSITIVE_INFINITY);
      const foundNames = found.map(({ run, name }) => `${run}/${name}`).sort();
      if (foundNames.join() !== names.sort().join()) {
        this.#violated(`in the queue ${line} are ${foundNames.join()}, and queued are ${names.join()}`);
      }
    }
  }

  /** Whatever waits for a time has its place among what is due: a deadline, a lease, a time to try again. */
  #checkDue(state: MemoryState, open: readonly Action[]): void {
    const expected: string[] = [];
    for (const { key, dueMs } of state.runs.values())
      if (dueMs !== undefined) expected.push(`${dueMs} ${key}`);
    for (const { run, name, dueMs } of open) {
      if (dueMs !== undefined) expected.push(`${dueMs} ${run}/${name}`);
    }
    for (const { id, leaseEndMs } of state.sessions()) expected.push(`${leaseEndMs} ${id}`);
    for (const { key, dueMs } of state.counters.values())
      if (dueMs !== undefined) expected.push(`${dueMs} ${key}`);
    const all = state.deadlines.first(Number.POSITIVE_INFINITY).map(({ atMs, due }) => {
      switch (due.kind) {
        case "action":
          return `${atMs} ${due.run}/${due.action}`;
        case "run":
          return `${atMs} ${due.run}`;
        case "session":
          return `${atMs} ${due.sessionId}`;
        case "counter":
          return `${atMs} ${due.key}`;
        default:
          return "";
      }
    });
    const found = all.filter((one) => one !== "");
    const missing = difference(expected, found);
    const extra = difference(found, expected);
    if (missing.length > 0) this.#violated(`nobody waits for what is due at ${missing.join()}`);
    if (extra.length > 0) this.#violated(`somebody waits for what is not due: ${extra.join()}`);
  }
}

function difference(all: readonly string[], without: readonly string[]): readonly string[] {
  const known = new Set(without);
  return all.filter((one) => !known.has(one));
}

/** The state as the rules' own invariants look at it, with some of its runs. */
function viewOf(state: MemoryState, keys: readonly RunKey[]): WorldState {
  const runs = new Map(
    keys.flatMap((key) => {
      const run = state.run(key);
      return run === undefined ? [] : [[key, run] as const];
    }),
  );
  return delegate(state, { runs });
}

function placementOf(state: MemoryState, open: readonly Action[]): WorldState {
  return delegate(state, { allActions: () => [...open] });
}

/** The same state with some of its parts replaced. */
function delegate(state: MemoryState, parts: Readonly<Record<string, unknown>>): WorldState {
  return new Proxy(state, {
    get(target, name) {
      if (typeof name === "string" && name in parts) return parts[name];
      const found: unknown = Reflect.get(target, name, target);
      return typeof found === "function" ? found.bind(target) : found;
    },
  }) as unknown as WorldState;
}
