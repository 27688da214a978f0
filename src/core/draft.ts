import type { Action, Attempt } from "./action.ts";
import type { Answers, Effect } from "./answer.ts";
import { assert } from "./assert.ts";
import type { Change, Decision, Edge } from "./change.ts";
import type { CommandKind, Stamp } from "./command.ts";
import { DraftTables } from "./draft-tables.ts";
import type { Event, EventDetail } from "./event.ts";
import type { KeptSignal, Loaded } from "./loaded.ts";
import { namespaceOf, type RunKey, runIdOf } from "./name.ts";
import { accountHeld } from "./placement/account.ts";
import type { Run } from "./run.ts";
import type { Session } from "./session.ts";

/**
 * A change in the making: what the rules have decided so far, on top of what was loaded. Reads see its own
 * writes. It lives within one call of `decide` and never leaves it.
 */
export class Draft extends DraftTables {
  readonly nowMs: number;
  readonly chance: number;
  readonly #loaded: Loaded;
  readonly #runs = new Map<string, Run>();
  readonly #actions = new Map<string, Action>();
  readonly #created = new Set<string>();
  /** Names of created actions by `run parent`. */
  readonly #createdBelow = new Map<string, string[]>();
  readonly #edges: Edge[] = [];
  /** Names of what waits, by `run name` of what it waits for; only what this draft has added. */
  readonly #waitingFor = new Map<string, string[]>();
  readonly #attempts: Attempt[] = [];
  readonly #kept = new Map<string, KeptSignal | undefined>();
  readonly #sessions = new Map<string, Session | undefined>();
  readonly #events: Event[] = [];
  readonly #effects: Effect[] = [];
  /** Actions that have ended in this draft and whose consequences are still to be drawn; see `settle`. */
  readonly ended: Action[] = [];

  constructor(loaded: Loaded, stamp: Stamp) {
    super(loaded);
    this.#loaded = loaded;
    this.nowMs = stamp.nowMs;
    this.chance = stamp.chance;
  }

  run(key: RunKey): Run | undefined {
    return this.#runs.get(key) ?? this.#loaded.run(key);
  }

  /** The run of an action that exists. */
  runOf(action: Action): Run {
    const run = this.run(action.run);
    assert(run !== undefined, "an action has a run", { run: action.run, action: action.name });
    return run;
  }

  setRun(run: Run): void {
    this.#runs.set(run.key, run);
  }

  action(run: RunKey, name: string): Action | undefined {
    return this.#actions.get(`${run} ${name}`) ?? this.#loaded.action(run, name);
  }

  setAction(action: Action): Action {
    this.#actions.set(`${action.run} ${action.name}`, action);
    return action;
  }

  addAction(action: Action): Action {
    this.#created.add(`${action.run} ${action.name}`);
    append(this.#createdBelow, `${action.run} ${action.parent}`, action.name);
    return this.setAction(action);
  }

  addEdge(edge: Edge): void {
    this.#edges.push(edge);
    append(this.#waitingFor, `${edge.run} ${edge.from}`, edge.to);
  }

  addAttempt(attempt: Attempt): void {
    this.#attempts.push(attempt);
  }

  children(run: RunKey, parent: string): readonly Action[] {
    const created = this.#createdBelow.get(`${run} ${parent}`) ?? [];
    return this.#current(run, this.#loaded.children(run, parent), created);
  }

  actions(run: RunKey): readonly Action[] {
    const created: string[] = [];
    for (const key of this.#created) if (key.startsWith(`${run} `)) created.push(key.slice(run.length + 1));
    return this.#current(run, this.#loaded.actions(run), created);
  }

  dependents(run: RunKey, name: string): readonly string[] {
    const added = this.#waitingFor.get(`${run} ${name}`);
    const known = this.#loaded.dependents(run, name);
    return added === undefined ? known : [...known, ...added];
  }

  keptSignal(run: RunKey, action: string): KeptSignal | undefined {
    const key = `${run} ${action}`;
    return this.#kept.has(key) ? this.#kept.get(key) : this.#loaded.keptSignal(run, action);
  }

  keptSignals(run: RunKey): readonly KeptSignal[] {
    return this.#loaded
      .keptSignals(run)
      .filter((signal) => this.keptSignal(run, signal.action) !== undefined);
  }

  /** Open conditions with a correlation key, as they were before this draft. */
  openByKey(namespace: string, correlationKey: string, limit: number): readonly Action[] {
    return this.#loaded.openByKey(namespace, correlationKey, limit);
  }

  keepSignal(signal: KeptSignal): void {
    this.#kept.set(`${signal.run} ${signal.action}`, signal);
  }

  dropSignal(run: RunKey, action: string): void {
    this.#kept.set(`${run} ${action}`, undefined);
  }

  /** What the store knew before this draft, for what follows from a difference. */
  get before(): Loaded {
    return this.#loaded;
  }

  /** The actions that this draft has written, as they are to be. */
  written(): Iterable<Action> {
    return this.#actions.values();
  }

  session(id: string): Session | undefined {
    return this.#sessions.has(id) ? this.#sessions.get(id) : this.#loaded.session(id);
  }

  sessionOf(namespace: string, workerId: string): Session | undefined {
    const session = this.#loaded.sessionOf(namespace, workerId);
    return session === undefined ? undefined : this.session(session.id);
  }

  sessions(): readonly Session[] {
    return this.#loaded.sessions();
  }

  setSession(session: Session): void {
    this.#sessions.set(session.id, session);
  }

  removeSession(id: string): void {
    this.#sessions.set(id, undefined);
  }

  /** What a session holds, by what was loaded and by this draft. */
  heldBy(sessionId: string): readonly Action[] {
    return this.#loaded
      .heldBy(sessionId)
      .map((action) => this.action(action.run, action.name) ?? action)
      .filter((action) => action.sessionId === sessionId);
  }

  /** The queue as it was before this draft. */
  queued(namespace: string, op: string, shape: string, limit: number): readonly Action[] {
    return this.#loaded.queued(namespace, op, shape, limit);
  }

  /** Adds an event of a run, and of one of its actions if said. */
  emit(run: Run, action: Action | undefined, detail: EventDetail): void {
    const attempt = action?.spec.kind === "task" ? action.attempt : 0;
    this.#emit(run, { action: action?.name ?? "", attempt }, detail);
  }

  /** Adds an event of an action by its whole name: it need not exist. */
  emitNamed(run: Run, action: string, detail: EventDetail): void {
    this.#emit(run, { action, attempt: 0 }, detail);
  }

  /** Adds an event that belongs to no run. */
  emitFor(namespace: string, detail: EventDetail): void {
    this.#events.push({
      timeMs: this.nowMs,
      namespace,
      runId: "",
      action: "",
      attempt: 0,
      runLabels: {},
      delivery: undefined,
      detail,
    });
  }

  affect(effect: Effect): void {
    this.#effects.push(effect);
  }

  /** The decision that this draft amounts to. */
  accept<K extends CommandKind>(answer: Answers[K]): Decision<K> {
    accountHeld(this);
    return { ok: true, change: this.#change(), answer, effects: this.#effects };
  }

  #emit(run: Run, of: Pick<Event, "action" | "attempt">, detail: EventDetail): void {
    this.#events.push({
      timeMs: this.nowMs,
      namespace: namespaceOf(run.key),
      runId: runIdOf(run.key),
      action: of.action,
      attempt: of.attempt,
      runLabels: run.labels,
      delivery: run.delivery,
      detail,
    });
  }

  #change(): Change {
    const actions: Action[] = [];
    const newActions: Action[] = [];
    for (const [key, action] of this.#actions) (this.#created.has(key) ? newActions : actions).push(action);
    const keptSignals: KeptSignal[] = [];
    const droppedSignals: { run: RunKey; action: string }[] = [];
    for (const [key, signal] of this.#kept) {
      const space = key.indexOf(" ");
      if (signal !== undefined) keptSignals.push(signal);
      else droppedSignals.push({ run: key.slice(0, space) as RunKey, action: key.slice(space + 1) });
    }
    const sessions: Session[] = [];
    const goneSessions: string[] = [];
    for (const [id, session] of this.#sessions) {
      if (session === undefined) goneSessions.push(id);
      else sessions.push(session);
    }
    return {
      runs: [...this.#runs.values()],
      actions,
      newActions,
      newEdges: this.#edges,
      newAttempts: this.#attempts,
      keptSignals,
      droppedSignals,
      ...this.tables(),
      sessions,
      goneSessions,
      events: this.#events,
    };
  }

  /** What was loaded as it stands by now, and what was created beside it, by name. */
  #current(run: RunKey, loaded: readonly Action[], created: readonly string[]): readonly Action[] {
    if (this.#actions.size === 0) return loaded;
    const current = loaded.map((action) => this.action(run, action.name) ?? action);
    if (created.length === 0) return current;
    for (const name of created) {
      const action = this.action(run, name);
      if (action !== undefined) current.push(action);
    }
    return current.sort((one, other) => (one.name < other.name ? -1 : 1));
  }
}

function append(listByKey: Map<string, string[]>, key: string, item: string): void {
  const list = listByKey.get(key);
  if (list === undefined) listByKey.set(key, [item]);
  else list.push(item);
}
