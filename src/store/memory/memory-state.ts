import type { Action, Attempt } from "../../core/action.ts";
import { assert } from "../../core/assert.ts";
import type { Change } from "../../core/change.ts";
import { type Due, queueKey } from "../../core/command.ts";
import type { Position, Transaction } from "../../core/event.ts";
import type { KeptSignal, Loaded, StoredAnswer } from "../../core/loaded.ts";
import { namespaceOf, type RunKey } from "../../core/name.ts";
import type { Op } from "../../core/ops/op.ts";
import type { Run } from "../../core/run.ts";
import type { Session } from "../../core/session.ts";
import { compareTexts, SortedSet } from "./sorted-set.ts";

/** The order of a queue: the highest priority first, then the oldest, then by run and name. */
function byQueueOrder(one: Action, other: Action): number {
  return other.priority - one.priority || one.ageMs - other.ageMs || byRunThenName(one, other);
}

function byRunThenName(one: Action, other: Action): number {
  return compareTexts(one.run, other.run) || compareTexts(one.name, other.name);
}

/** Something that is due at some time. */
interface Deadline {
  readonly atMs: number;
  readonly due: Due;
  /** Orders what is due at the same time: actions, then runs, then sessions, each by name. */
  readonly place: string;
}

/** The longest due first. */
function byTime(one: Deadline, other: Deadline): number {
  return one.atMs - other.atMs || compareTexts(one.place, other.place);
}

/** Everything of one run. */
interface RunShelf {
  readonly actions: Map<string, Action>;
  readonly childNames: Map<string, string[]>;
  readonly dependents: Map<string, string[]>;
  readonly attempts: Map<string, Attempt[]>;
  readonly keptSignals: Map<string, KeptSignal>;
}

/** The whole state as plain maps: what the rules look at, and what a change is made to. */
export class MemoryState implements Loaded {
  readonly runs = new Map<RunKey, Run>();
  readonly ops = new Map<string, Op[]>();
  readonly transactions: Transaction[] = [];
  head = 0n as Position;
  readonly #shelves = new Map<RunKey, RunShelf>();
  readonly #queues = new Map<string, SortedSet<Action>>();
  readonly #held = new Map<string, SortedSet<Action>>();
  readonly #deadlines = new SortedSet<Deadline>(byTime);
  readonly #answers = new Map<string, StoredAnswer>();
  readonly #sessions = new Map<string, Session>();
  readonly #sessionByWorker = new Map<string, Session>();

  run(key: RunKey): Run | undefined {
    return this.runs.get(key);
  }

  action(run: RunKey, name: string): Action | undefined {
    return this.#shelves.get(run)?.actions.get(name);
  }

  children(run: RunKey, parent: string): readonly Action[] {
    const names = this.#shelves.get(run)?.childNames.get(parent) ?? [];
    return names.map((name) => this.#named(run, name)).sort(byRunThenName);
  }

  dependents(run: RunKey, name: string): readonly string[] {
    return [...(this.#shelves.get(run)?.dependents.get(name) ?? [])].sort(compareTexts);
  }

  actions(run: RunKey): readonly Action[] {
    return [...(this.#shelves.get(run)?.actions.values() ?? [])].sort(byRunThenName);
  }

  /** The ended attempts of an action, by number. */
  attempts(run: RunKey, name: string): readonly Attempt[] {
    return this.#shelves.get(run)?.attempts.get(name) ?? [];
  }

  keptSignal(run: RunKey, action: string): KeptSignal | undefined {
    return this.#shelves.get(run)?.keptSignals.get(action);
  }

  keptSignals(run: RunKey): readonly KeptSignal[] {
    const signals = [...(this.#shelves.get(run)?.keptSignals.values() ?? [])];
    return signals.sort((one, other) => compareTexts(one.action, other.action));
  }

  answer(key: string): StoredAnswer | undefined {
    return this.#answers.get(key);
  }

  answersBefore(timeMs: number, limit: number): readonly string[] {
    return [...this.#answers.values()]
      .filter((answer) => answer.timeMs < timeMs)
      .sort((one, other) => one.timeMs - other.timeMs || compareTexts(one.key, other.key))
      .slice(0, limit)
      .map((answer) => answer.key);
  }

  op(namespace: string, name: string, version: number): Op | undefined {
    const versions = this.ops.get(`${namespace}/${name}`) ?? [];
    return version === 0 ? versions.at(-1) : versions.find((op) => op.version === version);
  }

  session(id: string): Session | undefined {
    return this.#sessions.get(id);
  }

  sessionOf(namespace: string, workerId: string): Session | undefined {
    return this.#sessionByWorker.get(`${namespace}/${workerId}`);
  }

  sessions(): readonly Session[] {
    return [...this.#sessions.values()].sort((one, other) => compareTexts(one.id, other.id));
  }

  heldBy(sessionId: string): readonly Action[] {
    return this.#held.get(sessionId)?.first(Number.POSITIVE_INFINITY) ?? [];
  }

  queued(namespace: string, op: string, limit: number): readonly Action[] {
    return this.#queues.get(queueKey(namespace, op))?.first(limit) ?? [];
  }

  /** How many queued actions of its op come before an action. */
  queuePlace(action: Action): number {
    return this.#queues.get(queueOf(action))?.placeOf(action) ?? 0;
  }

  /** The first deadlines, the longest due first. */
  deadlinesFirst(count: number): readonly Deadline[] {
    return this.#deadlines.first(count);
  }

  /** Makes a change; answers the position of its last event, or undefined if it has none. */
  apply(change: Change): Position | undefined {
    this.#check(change);
    for (const run of change.runs) this.#putRun(run);
    for (const action of change.newActions) this.#add(action);
    for (const action of change.actions) this.#put(action);
    for (const { run, from, to } of change.newEdges) push(this.#shelf(run).dependents, from, to);
    for (const attempt of change.newAttempts)
      push(this.#shelf(attempt.run).attempts, attempt.action, attempt);
    for (const { run, action } of change.droppedSignals) this.#shelf(run).keptSignals.delete(action);
    for (const kept of change.keptSignals) this.#shelf(kept.run).keptSignals.set(kept.action, kept);
    for (const key of change.droppedAnswers) this.#answers.delete(key);
    for (const answer of change.answers) this.#answers.set(answer.key, answer);
    for (const op of change.newOps) push(this.ops, `${op.namespace}/${op.name}`, op);
    for (const id of change.goneSessions) this.#removeSession(id);
    for (const session of change.sessions) this.#putSession(session);
    if (change.events.length === 0) return undefined;
    this.transactions.push({ first: (this.head + 1n) as Position, events: change.events });
    this.head = (this.head + BigInt(change.events.length)) as Position;
    return this.head;
  }

  /** Throws, before anything is written, where a change does not fit what is there. */
  #check({ newActions, actions }: Change): void {
    for (const { run, name } of newActions) {
      assert(this.action(run, name) === undefined, "a new action is not there yet", { run, action: name });
    }
    for (const { run, name } of actions) this.#named(run, name);
  }

  #putRun(run: Run): void {
    const due = { kind: "run", run: run.key } as const;
    this.#moveDeadline(due, `b ${run.key}`, { from: this.runs.get(run.key)?.dueMs, to: run.dueMs });
    this.runs.set(run.key, run);
  }

  #add(action: Action): void {
    push(this.#shelf(action.run).childNames, action.parent, action.name);
    this.#shelf(action.run).actions.set(action.name, action);
    this.#index(action);
  }

  #put(action: Action): void {
    const known = this.#named(action.run, action.name);
    if (known.state === "QUEUED") this.#queues.get(queueOf(known))?.delete(known);
    if (known.sessionId !== undefined) this.#held.get(known.sessionId)?.delete(known);
    this.#moveActionDeadline(known, { from: known.dueMs, to: undefined });
    // A spec does not change: what comes with the change is not looked at.
    const { spec } = known;
    const kept = { ...action, spec };
    this.#shelf(action.run).actions.set(action.name, kept);
    this.#index(kept);
  }

  #index(action: Action): void {
    if (action.state === "QUEUED") entry(this.#queues, queueOf(action), byQueueOrder).add(action);
    if (action.sessionId !== undefined) entry(this.#held, action.sessionId, byRunThenName).add(action);
    this.#moveActionDeadline(action, { from: undefined, to: action.dueMs });
  }

  #moveActionDeadline({ run, name }: Action, move: Move): void {
    this.#moveDeadline({ kind: "action", run, action: name }, `a ${run} ${name}`, move);
  }

  #moveDeadline(due: Due, place: string, { from, to }: Move): void {
    if (from !== undefined) this.#deadlines.delete({ atMs: from, due, place });
    if (to !== undefined) this.#deadlines.add({ atMs: to, due, place });
  }

  #putSession(session: Session): void {
    const { id: sessionId, leaseEndMs: to } = session;
    const from = this.#sessions.get(sessionId)?.leaseEndMs;
    this.#moveDeadline({ kind: "session", sessionId }, `c ${sessionId}`, { from, to });
    this.#sessions.set(session.id, session);
    this.#sessionByWorker.set(`${session.namespace}/${session.workerId}`, session);
  }

  #removeSession(id: string): void {
    const session = this.#sessions.get(id);
    if (session === undefined) return;
    this.#sessions.delete(id);
    const due = { kind: "session", sessionId: id } as const;
    this.#moveDeadline(due, `c ${id}`, { from: session.leaseEndMs, to: undefined });
    const worker = `${session.namespace}/${session.workerId}`;
    if (this.#sessionByWorker.get(worker)?.id === id) this.#sessionByWorker.delete(worker);
  }

  #named(run: RunKey, name: string): Action {
    const action = this.action(run, name);
    assert(action !== undefined, "an action that changes is there", { run, action: name });
    return action;
  }

  #shelf(run: RunKey): RunShelf {
    const known = this.#shelves.get(run);
    if (known !== undefined) return known;
    const shelf = {
      actions: new Map<string, Action>(),
      childNames: new Map<string, string[]>(),
      dependents: new Map<string, string[]>(),
      attempts: new Map<string, Attempt[]>(),
      keptSignals: new Map<string, KeptSignal>(),
    };
    this.#shelves.set(run, shelf);
    return shelf;
  }
}

/** How a deadline changes; undefined is none. */
interface Move {
  readonly from: number | undefined;
  readonly to: number | undefined;
}

function queueOf(action: Action): string {
  return queueKey(namespaceOf(action.run), action.spec.kind === "task" ? action.spec.op : "");
}

function push<Key, T>(lists: Map<Key, T[]>, key: Key, value: T): void {
  const list = lists.get(key);
  if (list === undefined) lists.set(key, [value]);
  else list.push(value);
}

function entry(
  sets: Map<string, SortedSet<Action>>,
  key: string,
  compare: (one: Action, other: Action) => number,
): SortedSet<Action> {
  const known = sets.get(key);
  if (known !== undefined) return known;
  const set = new SortedSet(compare);
  sets.set(key, set);
  return set;
}
