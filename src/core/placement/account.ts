import type { Action } from "../action.ts";
import type { Draft } from "../draft.ts";
import { type Counter, isShare, newCounter } from "../limits/limit.ts";
import { areAllHeld } from "../limits/limits-of.ts";
import { letGoMs, limitOf, tend } from "../limits/unpark.ts";
import { nothingReserved, type Reserved } from "./demand.ts";
import { release, reserve } from "./reserve.ts";

/** What a draft changes in what is held: of sessions, by their ids, and of counters, by their keys. */
interface Changes {
  readonly reservedBySession: Map<string, Reserved>;
  readonly countByKey: Map<string, number>;
  /** Something of a session was given back. */
  isFreed: boolean;
}

/**
 * Draws what follows from who holds what: what is reserved of sessions, the places in counters, and what may
 * leave those for a place that was given back. Called once, when a draft is accepted: whatever a command does
 * with an action, its place follows from the session that it has before and after.
 */
export function accountHeld(draft: Draft): void {
  const changes: Changes = { reservedBySession: new Map(), countByKey: new Map(), isFreed: false };
  const left: Action[] = [];
  const leftCountByKey = new Map<string, number>();
  for (const action of draft.written()) {
    if (action.parkedOn !== undefined && action.state !== "QUEUED") {
      left.push(action);
      add(leftCountByKey, action.parkedOn, 1);
    }
    if (action.spec.kind !== "task") continue;
    if (action.spec.demand === undefined && action.holds.length === 0) continue;
    const before = draft.before.action(action.run, action.name);
    if (before?.sessionId === action.sessionId) continue;
    if (before?.sessionId !== undefined) giveBack(draft, changes, before);
    if (action.sessionId !== undefined) take(draft, changes, action);
  }
  for (const [id, reserved] of changes.reservedBySession) {
    const session = draft.session(id);
    if (session !== undefined) draft.setSession({ ...session, reserved });
  }
  for (const [key, count] of changes.countByKey) {
    const counter = draft.counter(key) ?? newCounter(key);
    if (count > 0) draft.setCounter(grown(draft, { ...counter, heldCount: counter.heldCount + count }));
    else if (count < 0) {
      shrink(draft, counter, { changes, count: -count, leftCount: leftCountByKey.get(key) ?? 0 });
    }
  }
  for (const action of left) draft.setAction({ ...action, parkedOn: undefined });
  if (changes.isFreed) draft.affect({ kind: "freed" });
}

function giveBack(draft: Draft, changes: Changes, held: Action): void {
  const { reservedBySession, countByKey } = changes;
  const { sessionId = "", spec, deviceIndexes, holds } = held;
  for (const key of holds) add(countByKey, key, -1);
  const reserved = reservedBySession.get(sessionId) ?? draft.session(sessionId)?.reserved;
  if (spec.kind !== "task" || spec.demand === undefined || reserved === undefined) return;
  reservedBySession.set(sessionId, release(reserved, spec.demand, deviceIndexes));
  changes.isFreed = true;
}

function take(draft: Draft, { reservedBySession, countByKey }: Changes, held: Action): void {
  const { sessionId = "", spec, deviceIndexes, holds } = held;
  for (const key of holds) add(countByKey, key, 1);
  if (spec.kind !== "task" || spec.demand === undefined) return;
  const reserved = reservedBySession.get(sessionId) ?? draft.session(sessionId)?.reserved ?? nothingReserved;
  reservedBySession.set(sessionId, reserve(reserved, spec.demand, deviceIndexes));
}

/** With all places held, an end lets the next one out; there is no need to look before. */
function grown(draft: Draft, counter: Counter): Counter {
  if (counter.dueMs === undefined || counter.dueMs === letGoMs) return counter;
  const limit = limitOf(draft, counter);
  return limit !== undefined && areAllHeld(counter, limit) ? { ...counter, dueMs: undefined } : counter;
}

function shrink(
  draft: Draft,
  before: Counter,
  {
    changes,
    count,
    leftCount,
  }: { readonly changes: Changes; readonly count: number; readonly leftCount: number },
): void {
  const counter = { ...before, heldCount: before.heldCount - count };
  if (isShare(counter)) {
    if (counter.heldCount > 0) draft.setCounter(counter);
    else draft.removeCounter(counter.key);
    return;
  }
  const limit = limitOf(draft, counter);
  if (limit !== undefined && areAllHeld(before, limit) && !areAllHeld(counter, limit)) changes.isFreed = true;
  tend(draft, counter, { limit, leftCount });
}

function add(countByKey: Map<string, number>, key: string, count: number): void {
  countByKey.set(key, (countByKey.get(key) ?? 0) + count);
}
