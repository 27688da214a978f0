import type { DatabaseSync, StatementSync } from "node:sqlite";
import type { Action } from "../../../core/action.ts";
import type { Change } from "../../../core/change.ts";
import type { WebhookPost } from "../../../core/conditions/outbox.ts";
import type { Counter, Limit } from "../../../core/limits/limit.ts";
import type { KeptSignal, KeptTransaction, KeyedSignal, Loaded, StoredAnswer } from "../../../core/loaded.ts";
import type { RunKey } from "../../../core/name.ts";
import type { Op } from "../../../core/ops/op.ts";
import { hasRunEnded, type Run } from "../../../core/run.ts";
import type { Session } from "../../../core/session.ts";
import type { DeadLetter, Subscription } from "../../../core/subscriptions/subscription.ts";
import { metaNumber } from "../meta.ts";
import { attemptColumns } from "../rows/action-row.ts";
import { insertSql, namesOf, valuesOf } from "../rows/columns.ts";
import * as row from "../rows/worker-row.ts";
import { ActionTable } from "./action-table.ts";
import { DecisionTable } from "./decision-table.ts";
import { FeedTable } from "./feed-table.ts";
import { CounterTable, LimitTable } from "./limit-table.ts";
import { OpTable } from "./op-table.ts";
import { RunTable } from "./run-table.ts";
import { SessionTable } from "./session-table.ts";
import { SubscriptionTable } from "./subscription-table.ts";

/**
 * The state as the rules see it in the middle of a transaction, and the only one who writes it. Rows that
 * change often are kept in memory between transactions and written by `flush`; after a rollback `clear` goes
 * back to what the database says.
 */
export class Workspace implements Loaded {
  readonly #runs: RunTable;
  readonly #actions: ActionTable;
  readonly #decisions: DecisionTable;
  readonly #sessions: SessionTable;
  readonly #feed: FeedTable;
  readonly #ops: OpTable;
  readonly #limits: LimitTable;
  readonly #counters: CounterTable;
  readonly #subscriptions: SubscriptionTable;
  readonly #sql: ReturnType<typeof prepare>;
  readonly #epochBase: number;

  constructor(database: DatabaseSync) {
    this.#epochBase = metaNumber(database, "epoch_base");
    this.#runs = new RunTable(database);
    this.#actions = new ActionTable(database);
    this.#decisions = new DecisionTable(database);
    this.#sessions = new SessionTable(database);
    this.#feed = new FeedTable(database);
    this.#ops = new OpTable(database);
    this.#limits = new LimitTable(database);
    this.#counters = new CounterTable(database);
    this.#subscriptions = new SubscriptionTable(database);
    this.#sql = prepare(database);
  }

  /** The position of the last event. */
  get head(): number {
    return this.#feed.head;
  }

  run(key: RunKey): Run | undefined {
    return this.#runs.get(key);
  }

  action(run: RunKey, name: string): Action | undefined {
    return this.#actions.get(run, name);
  }

  children(run: RunKey, parent: string): readonly Action[] {
    return this.#actions.children(run, parent);
  }

  dependents(run: RunKey, name: string): readonly string[] {
    return this.#actions.dependents(run, name);
  }

  actions(run: RunKey): readonly Action[] {
    return this.#actions.actions(run);
  }

  keptSignal(run: RunKey, action: string): KeptSignal | undefined {
    return this.#decisions.kept(run, action);
  }

  keptSignals(run: RunKey): readonly KeptSignal[] {
    return this.#decisions.keptOf(run);
  }

  keyedSignal(namespace: string, correlationKey: string): KeyedSignal | undefined {
    return this.#decisions.keyed(namespace, correlationKey);
  }

  keyedSignalCount(namespace: string): number {
    return this.#decisions.keyedCount(namespace);
  }

  openByKey(namespace: string, correlationKey: string, limit: number): readonly Action[] {
    return this.#actions.openByKey(namespace, correlationKey, limit);
  }

  post(key: string): WebhookPost | undefined {
    return this.#decisions.post(key);
  }

  answer(key: string): StoredAnswer | undefined {
    const found = this.#sql.answer.get(key) as row.AnswerRow | undefined;
    return found === undefined ? undefined : row.answerOfRow(found);
  }

  answersBefore(timeMs: number, limit: number): readonly string[] {
    return this.#sql.answersBefore.all(timeMs, limit).map((found) => found["key"] as string);
  }

  op(namespace: string, name: string, version: number): Op | undefined {
    return this.#ops.get(namespace, name, version);
  }

  opVersions(namespace: string, name: string): readonly Op[] {
    return this.#ops.versions(namespace, name);
  }

  lastOpVersion(namespace: string, name: string): number {
    return this.#ops.lastVersion(namespace, name);
  }

  liveTaskOf(namespace: string, op: string, version: number): Action | undefined {
    return this.#actions.liveTaskOf(namespace, op, version);
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
    return this.#actions.heldBy(sessionId);
  }

  queuedShapes(namespace: string, op: string): readonly string[] {
    return this.#actions.queuedShapes(namespace, op);
  }

  queued(namespace: string, op: string, shape: string, limit: number): readonly Action[] {
    return this.#actions.queued({ namespace, op, shape, limit });
  }

  parked(counter: string, limit: number): readonly Action[] {
    return this.#actions.parked(counter, limit);
  }

  limits(namespace: string): readonly Limit[] {
    return this.#limits.of(namespace);
  }

  counter(key: string): Counter | undefined {
    return this.#counters.get(key);
  }

  countersOf(namespace: string, limit: string): readonly Counter[] {
    return this.#counters.of(namespace, limit);
  }

  subscription(namespace: string, name: string): Subscription | undefined {
    return this.#subscriptions.get(namespace, name);
  }

  subscriptionCount(): number {
    return this.#subscriptions.count;
  }

  allSubscriptions(): readonly Subscription[] {
    return this.#subscriptions.all();
  }

  deadLetters(namespace: string, subscription: string, limit: number): readonly DeadLetter[] {
    return this.#subscriptions.letters(namespace, subscription, limit);
  }

  deadLetter(namespace: string, subscription: string, position: number): DeadLetter | undefined {
    return this.#subscriptions.letter(namespace, subscription, position);
  }

  feedOldest(): number {
    return this.#feed.oldest;
  }

  feedHead(): number {
    return this.#feed.head;
  }

  oldestTransactions(limit: number): readonly KeptTransaction[] {
    return this.#feed.first(limit);
  }

  epochBase(): number {
    return this.#epochBase;
  }

  /** Makes a change; answers the position of its last event, or undefined if it has none. */
  apply(change: Change): number | undefined {
    for (const run of change.runs) if (this.#runs.put(run)) this.#actions.beginRun(run.key);
    for (const action of change.newActions) this.#actions.add(action);
    for (const action of change.actions) this.#actions.put(action);
    for (const run of change.runs) if (hasRunEnded(run)) this.#actions.endRun(run.key);
    for (const edge of change.newEdges) this.#actions.addEdge(edge);
    for (const attempt of change.newAttempts)
      this.#sql.insertAttempt.run(...valuesOf(attemptColumns, attempt));
    this.#decisions.apply(change);
    for (const key of change.droppedAnswers) this.#sql.dropAnswer.run(key);
    for (const answer of change.answers) this.#sql.insertAnswer.run(...valuesOf(row.answerColumns, answer));
    for (const op of change.goneOps) this.#ops.remove(op);
    for (const op of change.newOps) this.#ops.add(op);
    this.#applyLimits(change);
    this.#applySubscriptions(change);
    for (const id of change.goneSessions) this.#sessions.remove(id);
    for (const session of change.sessions) this.#sessions.put(session);
    if (change.feedTrimmedThrough !== undefined) this.#feed.trim(change.feedTrimmedThrough);
    return this.#feed.append(change.events);
  }

  /** Writes what is in memory only. */
  flush(): void {
    this.#runs.flush();
    this.#actions.flush();
    this.#sessions.flush();
    this.#limits.flush();
    this.#counters.flush();
    this.#subscriptions.flush();
  }

  /** Everything is flushed and committed: lets go of what need not stay in memory. */
  settle(): void {
    this.#runs.settle();
    this.#actions.settle();
    this.#ops.settle();
    this.#counters.settle();
  }

  /** Goes back to what the database says. */
  clear(): void {
    this.#runs.clear();
    this.#actions.clear();
    this.#decisions.clear();
    this.#sessions.clear();
    this.#ops.clear();
    this.#limits.clear();
    this.#counters.clear();
    this.#subscriptions.clear();
    this.#feed.clear();
  }

  #applyLimits({ goneLimits, limits, goneCounters, counters }: Change): void {
    for (const limit of goneLimits) this.#limits.remove(limit);
    for (const limit of limits) this.#limits.put(limit);
    for (const key of goneCounters) this.#counters.remove(key);
    for (const counter of counters) this.#counters.put(counter);
  }

  #applySubscriptions(change: Change): void {
    for (const subscription of change.goneSubscriptions) this.#subscriptions.remove(subscription);
    for (const subscription of change.subscriptions) this.#subscriptions.put(subscription);
    for (const letter of change.goneDeadLetters) this.#subscriptions.removeLetter(letter);
    for (const letter of change.deadLetters) this.#subscriptions.putLetter(letter);
  }
}

function prepare(database: DatabaseSync) {
  const sql = (text: string): StatementSync => database.prepare(text);
  return {
    insertAttempt: sql(insertSql("attempts", attemptColumns)),
    answer: sql(`SELECT ${namesOf(row.answerColumns)} FROM answers WHERE key = ?`),
    answersBefore: sql("SELECT key FROM answers WHERE time_ms < ? ORDER BY time_ms, key LIMIT ?"),
    insertAnswer: sql(insertSql("answers", row.answerColumns)),
    dropAnswer: sql("DELETE FROM answers WHERE key = ?"),
  };
}
