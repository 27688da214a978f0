import { type Action, type Attempt, isHeld } from "../../src/core/action.ts";
import { assert } from "../../src/core/assert.ts";
import type { Change } from "../../src/core/change.ts";
import type { Due } from "../../src/core/command.ts";
import type { KeptSignal, Loaded, StoredAnswer } from "../../src/core/loaded.ts";
import { namespaceOf, type RunKey } from "../../src/core/name.ts";
import type { Op } from "../../src/core/op.ts";
import type { Run } from "../../src/core/run.ts";
import type { Session } from "../../src/core/session.ts";

/**
 * What the rules see and change in their own specs: plain maps. It holds a change to what the stores rely on:
 * new rows are new, changed rows are there, and nothing is written twice.
 */
export class WorldState implements Loaded {
  readonly runs = new Map<RunKey, Run>();
  readonly attempts = new Map<string, Attempt>();
  readonly #actions = new Map<RunKey, Map<string, Action>>();
  readonly #dependents = new Map<string, string[]>();
  readonly #kept = new Map<string, KeptSignal>();
  readonly #answers = new Map<string, StoredAnswer>();
  readonly #ops = new Map<string, Op[]>();
  readonly #sessions = new Map<string, Session>();

  run(key: RunKey): Run | undefined {
    return this.runs.get(key);
  }

  action(run: RunKey, name: string): Action | undefined {
    return this.#actions.get(run)?.get(name);
  }

  children(run: RunKey, parent: string): readonly Action[] {
    return this.actions(run).filter((action) => action.parent === parent);
  }

  dependents(run: RunKey, name: string): readonly string[] {
    return this.#dependents.get(`${run} ${name}`) ?? [];
  }

  actions(run: RunKey): readonly Action[] {
    const actions = [...(this.#actions.get(run)?.values() ?? [])];
    return actions.sort((one, other) => (one.name < other.name ? -1 : 1));
  }

  keptSignal(run: RunKey, action: string): KeptSignal | undefined {
    return this.#kept.get(`${run} ${action}`);
  }

  keptSignals(run: RunKey): readonly KeptSignal[] {
    return [...this.#kept.values()].filter((signal) => signal.run === run);
  }

  answer(key: string): StoredAnswer | undefined {
    return this.#answers.get(key);
  }

  answersBefore(timeMs: number, limit: number): readonly string[] {
    const before = [...this.#answers.values()].filter((stored) => stored.timeMs < timeMs);
    return before.slice(0, limit).map((stored) => stored.key);
  }

  op(namespace: string, name: string, version: number): Op | undefined {
    const versions = this.#ops.get(`${namespace}/${name}`) ?? [];
    return version === 0 ? versions.at(-1) : versions[version - 1];
  }

  session(id: string): Session | undefined {
    return this.#sessions.get(id);
  }

  sessionOf(namespace: string, workerId: string): Session | undefined {
    return this.sessions().find((one) => one.namespace === namespace && one.workerId === workerId);
  }

  sessions(): readonly Session[] {
    return [...this.#sessions.values()];
  }

  heldBy(sessionId: string): readonly Action[] {
    return this.allActions().filter((action) => action.sessionId === sessionId);
  }

  queued(namespace: string, op: string, limit: number): readonly Action[] {
    const queued = this.allActions().filter(
      ({ state, spec, run }) =>
        state === "QUEUED" && spec.kind === "task" && spec.op === op && namespaceOf(run) === namespace,
    );
    queued.sort((one, other) => {
      const order = other.priority - one.priority || one.ageMs - other.ageMs;
      return order !== 0 ? order : `${one.run} ${one.name}` < `${other.run} ${other.name}` ? -1 : 1;
    });
    return queued.slice(0, limit);
  }

  /** Every action of every run. */
  allActions(): Action[] {
    return [...this.#actions.values()].flatMap((byName) => [...byName.values()]);
  }

  /** Every deadline, the earliest first. */
  deadlines(): readonly { readonly atMs: number; readonly due: Due }[] {
    const found: { atMs: number; due: Due }[] = [];
    for (const { key: run, dueMs } of this.runs.values()) {
      if (dueMs !== undefined) found.push({ atMs: dueMs, due: { kind: "run", run } });
    }
    for (const { run, name: action, dueMs } of this.allActions()) {
      if (dueMs !== undefined) found.push({ atMs: dueMs, due: { kind: "action", run, action } });
    }
    for (const { id: sessionId, leaseEndMs: atMs } of this.#sessions.values()) {
      found.push({ atMs, due: { kind: "session", sessionId } });
    }
    return found.sort((one, other) => one.atMs - other.atMs);
  }

  apply(change: Change): void {
    for (const run of change.runs) this.runs.set(run.key, Object.freeze(run));
    for (const action of change.newActions) this.#put(action, false);
    for (const action of change.actions) this.#put(action, true);
    for (const { run, from, to } of change.newEdges) {
      const known = this.#dependents.get(`${run} ${from}`);
      if (known === undefined) this.#dependents.set(`${run} ${from}`, [to]);
      else known.push(to);
    }
    for (const attempt of change.newAttempts) {
      insert(this.attempts, `${attempt.run} ${attempt.action} ${attempt.number}`, attempt);
    }
    for (const { run, action } of change.droppedSignals) this.#kept.delete(`${run} ${action}`);
    for (const signal of change.keptSignals) insert(this.#kept, `${signal.run} ${signal.action}`, signal);
    for (const key of change.droppedAnswers) this.#answers.delete(key);
    for (const answer of change.answers) insert(this.#answers, answer.key, answer);
    for (const op of change.newOps) {
      const key = `${op.namespace}/${op.name}`;
      this.#ops.set(key, [...(this.#ops.get(key) ?? []), op]);
    }
    for (const id of change.goneSessions) this.#sessions.delete(id);
    for (const session of change.sessions) this.#sessions.set(session.id, Object.freeze(session));
  }

  #put(action: Action, isKnown: boolean): void {
    const byName = this.#actions.get(action.run) ?? new Map<string, Action>();
    const known = byName.get(action.name);
    const facts = { run: action.run, action: action.name };
    assert((known !== undefined) === isKnown, "a new action is new, a changed one is there", facts);
    assert(known === undefined || known.spec === action.spec, "a spec never changes", facts);
    assert(isHeld(action) === (action.sessionId !== undefined), "what is held is held by a session", facts);
    this.#actions.set(action.run, byName.set(action.name, Object.freeze(action)));
  }
}

function insert<T>(rows: Map<string, T>, key: string, row: T): void {
  assert(!rows.has(key), "a row is written once", { key });
  rows.set(key, Object.freeze(row));
}
