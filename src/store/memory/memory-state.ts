import type { Action, Attempt } from "../../core/action.ts";
import { assert } from "../../core/assert.ts";
import type { Change } from "../../core/change.ts";
import { queueKey } from "../../core/command.ts";
import type { WebhookPost } from "../../core/conditions/outbox.ts";
import type { Position } from "../../core/event.ts";
import type { Counter, Limit } from "../../core/limits/limit.ts";
import type { KeptSignal, KeptTransaction, KeyedSignal, Loaded, StoredAnswer } from "../../core/loaded.ts";
import type { RunKey } from "../../core/name.ts";
import type { Op } from "../../core/ops/op.ts";
import type { Run } from "../../core/run.ts";
import type { Session } from "../../core/session.ts";
import type { Due } from "../../core/stated.ts";
import type { DeadLetter, Subscription } from "../../core/subscriptions/subscription.ts";
import { ActionIndexes, byRunThenName } from "./action-indexes.ts";
import { Deadlines } from "./deadlines.ts";
import { MemoryDecisions } from "./memory-decisions.ts";
import { MemoryFeed } from "./memory-feed.ts";
import { MemoryOps } from "./memory-ops.ts";
import { MemorySessions } from "./memory-sessions.ts";
import { MemorySubscriptions } from "./memory-subscriptions.ts";
import { emptyShelf, type RunShelf } from "./run-shelf.ts";
import { compareTexts } from "./sorted-set.ts";

/** The whole state as plain maps: what the rules look at, and what a change is made to. */
export class MemoryState implements Loaded {
  readonly runs = new Map<RunKey, Run>();
  readonly ops = new MemoryOps();
  readonly indexes = new ActionIndexes();
  readonly deadlines = new Deadlines();
  readonly allLimits = new Map<string, Limit>();
  readonly counters = new Map<string, Counter>();
  readonly subscriptions = new MemorySubscriptions();
  readonly decisions = new MemoryDecisions(this.deadlines);
  readonly feed = new MemoryFeed();
  readonly #shelves = new Map<RunKey, RunShelf>();
  readonly #answers = new Map<string, StoredAnswer>();
  readonly #sessions = new MemorySessions(this.deadlines);

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

  keyedSignal(namespace: string, correlationKey: string): KeyedSignal | undefined {
    return this.decisions.keyedSignal(namespace, correlationKey);
  }

  keyedSignalCount(namespace: string): number {
    return this.decisions.keyedSignalCount(namespace);
  }

  openByKey(namespace: string, correlationKey: string, limit: number): readonly Action[] {
    return this.indexes.openByKey(namespace, correlationKey, limit);
  }

  post(key: string): WebhookPost | undefined {
    return this.decisions.post(key);
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
    return this.ops.get(namespace, name, version);
  }

  opVersions(namespace: string, name: string): readonly Op[] {
    return this.ops.versions(namespace, name);
  }

  lastOpVersion(namespace: string, name: string): number {
    return this.ops.lastVersion(namespace, name);
  }

  liveTaskOf(namespace: string, op: string, version: number): Action | undefined {
    return this.indexes.liveTaskOf(namespace, op, version);
  }

  session(id: string): Session | undefined {
    return this.#sessions.get(id);
  }

  sessionOf(namespace: string, workerId: string): Session | undefined {
    return this.#sessions.of(namespace, workerId);
  }

  sessions(): readonly Session[] {
    return this.#sessions.all();
  }

  heldBy(sessionId: string): readonly Action[] {
    return this.indexes.heldBy(sessionId, Number.POSITIVE_INFINITY);
  }

  queuedShapes(namespace: string, op: string): readonly string[] {
    return this.indexes.shapes(namespace, op);
  }

  queued(namespace: string, op: string, shape: string, limit: number): readonly Action[] {
    return this.indexes.queued(queueKey(namespace, op), shape, limit);
  }

  parked(counter: string, limit: number): readonly Action[] {
    return this.indexes.parked(counter, limit);
  }

  limits(namespace: string): readonly Limit[] {
    const limits = [...this.allLimits.values()].filter((limit) => limit.namespace === namespace);
    return limits.sort((one, other) => compareTexts(one.name, other.name));
  }

  counter(key: string): Counter | undefined {
    return this.counters.get(key);
  }

  countersOf(namespace: string, limit: string): readonly Counter[] {
    return [...this.counters.values()]
      .filter((counter) => counter.namespace === namespace && counter.limit === limit)
      .sort((one, other) => compareTexts(one.key, other.key));
  }

  subscription(namespace: string, name: string): Subscription | undefined {
    return this.subscriptions.get(namespace, name);
  }

  subscriptionCount(): number {
    return this.subscriptions.count;
  }

  allSubscriptions(): readonly Subscription[] {
    return this.subscriptions.all();
  }

  deadLetters(namespace: string, subscription: string, limit: number): readonly DeadLetter[] {
    return this.subscriptions.letters(namespace, subscription, limit);
  }

  deadLetter(namespace: string, subscription: string, position: number): DeadLetter | undefined {
    return this.subscriptions.letter(namespace, subscription, position);
  }

  feedOldest(): number {
    return Number(this.feed.oldest);
  }

  feedHead(): number {
    return Number(this.feed.head);
  }

  oldestTransactions(limit: number): readonly KeptTransaction[] {
    return this.feed.first(limit);
  }

  /** Nothing is ever put back to an earlier state. */
  epochBase(): number {
    return 0;
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
    this.decisions.apply(change);
    for (const key of change.droppedAnswers) this.#answers.delete(key);
    for (const answer of change.answers) this.#answers.set(answer.key, answer);
    for (const op of change.goneOps) this.ops.remove(op);
    for (const op of change.newOps) this.ops.add(op);
    this.#applyLimits(change);
    this.subscriptions.apply(change);
    for (const id of change.goneSessions) this.#sessions.remove(id);
    for (const session of change.sessions) this.#sessions.put(session);
    const trimmed = change.feedTrimmedThrough;
    if (trimmed !== undefined) this.feed.trim(BigInt(trimmed) as Position);
    return this.feed.append(change.events);
  }

  /** Throws, before anything is written, where a change does not fit what is there. */
  #check({ newActions, actions }: Change): void {
    for (const { run, name } of newActions) {
      assert(this.action(run, name) === undefined, "a new action is not there yet", { run, action: name });
    }
    for (const { run, name } of actions) this.#named(run, name);
  }

  #applyLimits({ goneLimits, limits, goneCounters, counters }: Change): void {
    for (const { namespace, name } of goneLimits) this.allLimits.delete(`${namespace}/${name}`);
    for (const limit of limits) this.allLimits.set(`${limit.namespace}/${limit.name}`, limit);
    for (const key of goneCounters) {
      this.deadlines.move({ kind: "counter", key }, { from: this.counters.get(key)?.dueMs, to: undefined });
      this.counters.delete(key);
    }
    for (const counter of counters) {
      const { key, dueMs: to } = counter;
      this.deadlines.move({ kind: "counter", key }, { from: this.counters.get(key)?.dueMs, to });
      this.counters.set(key, counter);
    }
  }

  #putRun(run: Run): void {
    const { key, dueMs: to } = run;
    this.deadlines.move({ kind: "run", run: key }, { from: this.runs.get(key)?.dueMs, to });
    this.runs.set(key, run);
  }

  #add(action: Action): void {
    push(this.#shelf(action.run).childNames, action.parent, action.name);
    this.#shelf(action.run).actions.set(action.name, action);
    this.indexes.add(action);
    this.deadlines.move(dueOf(action), { from: undefined, to: action.dueMs });
  }

  #put(action: Action): void {
    const known = this.#named(action.run, action.name);
    this.indexes.delete(known);
    // A spec does not change: what comes with the change is not looked at.
    const { spec } = known;
    const kept = { ...action, spec };
    this.#shelf(action.run).actions.set(action.name, kept);
    this.indexes.add(kept);
    this.deadlines.move(dueOf(action), { from: known.dueMs, to: kept.dueMs });
  }

  #named(run: RunKey, name: string): Action {
    const action = this.action(run, name);
    assert(action !== undefined, "an action that changes is there", { run, action: name });
    return action;
  }

  #shelf(run: RunKey): RunShelf {
    const known = this.#shelves.get(run);
    if (known !== undefined) return known;
    const shelf = emptyShelf();
    this.#shelves.set(run, shelf);
    return shelf;
  }
}

function dueOf({ run, name }: Action): Due {
  return { kind: "action", run, action: name };
}

function push<Key, T>(lists: Map<Key, T[]>, key: Key, value: T): void {
  const list = lists.get(key);
  if (list === undefined) lists.set(key, [value]);
  else list.push(value);
}
