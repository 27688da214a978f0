import { parkedLookMs, unparkedPerCommandMax } from "../../limits.ts";
import type { Action } from "../action.ts";
import { queueKey } from "../command.ts";
import type { Draft } from "../draft.ts";
import { namespaceOf } from "../name.ts";
import { type Counter, type Limit, newCounter } from "./limit.ts";
import { areAllHeld } from "./limits-of.ts";
import { nextStartMs, startsLeft } from "./rate.ts";

/**
 * What is parked waits for a counter. One of these always holds, so that nothing waits for ever: nothing is
 * parked on it; or all its places are held, and the end of a holder lets others out; or it is due, and is
 * looked at then.
 *
 * A counter that is due at `letGoMs` lets out everything, full or not: its limit is gone or has become about
 * other tasks. Nothing is parked on it until that is done.
 */
export const letGoMs = -1;

/**
 * Parks a queued task on a counter, all of whose places are held or whose rate is used up: it leaves the
 * queue until there is a place. `counter` is how it stands with all that this draft has assigned.
 */
export function park(
  draft: Draft,
  queued: Action,
  { counter, limit }: { readonly counter: Counter; readonly limit: Limit },
): void {
  draft.setAction({ ...queued, parkedOn: counter.key });
  if (areAllHeld(counter, limit)) return;
  const known = draft.counter(counter.key) ?? newCounter(counter.key);
  const dueMs = lookMs(known, limit, draft.nowMs);
  if (known.dueMs === undefined || known.dueMs > dueMs) setDue(draft, { ...known, dueMs });
}

/** The time of a counter has come: what is parked on it goes back to the queue as far as there are places. */
export function unparkDue(draft: Draft, key: string): void {
  const counter = draft.counter(key);
  if (counter?.dueMs === undefined || counter.dueMs > draft.nowMs) return;
  tend(draft, counter, { limit: limitOf(draft, counter), leftCount: 0 });
}

/** The limit of a counter, if there still is one. */
export function limitOf(draft: Draft, counter: Pick<Counter, "namespace" | "limit">): Limit | undefined {
  return draft.limits(counter.namespace).find(({ name }) => name === counter.limit);
}

/**
 * Puts a counter in order after something changed in it: lets out what it has places for, a bounded lot at
 * once, says when to look at it again, and removes it once nothing needs it. At most once in a draft for each
 * counter. `leftCount` is how many of those parked on it have ended in this draft.
 */
export function tend(
  draft: Draft,
  counter: Counter,
  { limit, leftCount }: { readonly limit: Limit | undefined; readonly leftCount: number },
): void {
  const letsGo = counter.dueMs === letGoMs || limit === undefined;
  const places = letsGo ? Number.POSITIVE_INFINITY : placesLeft(counter, limit, draft.nowMs);
  const count = Math.min(places, unparkedPerCommandMax);
  const canPark = letsGo || limit.scope.kind === "label";
  const parked = canPark ? parkedOn(draft, counter.key, count + 1 + leftCount) : [];
  unpark(draft, parked.slice(0, count));
  if (parked.length > count) {
    if (letsGo) setDue(draft, { ...counter, dueMs: letGoMs });
    else if (places > count) setDue(draft, { ...counter, dueMs: draft.nowMs });
    else if (areAllHeld(counter, limit)) draft.setCounter({ ...counter, dueMs: undefined });
    else setDue(draft, { ...counter, dueMs: lookMs(counter, limit, draft.nowMs) });
  } else if (counter.heldCount > 0) draft.setCounter({ ...counter, dueMs: undefined });
  else if (limit?.rate !== undefined && counter.fullTimeMs > draft.nowMs) {
    setDue(draft, { ...counter, dueMs: Math.ceil(counter.fullTimeMs) });
  } else draft.removeCounter(counter.key);
}

/** Writes a counter and has its time told. */
export function setDue(draft: Draft, counter: Counter & { readonly dueMs: number }): void {
  draft.setCounter(counter);
  draft.affect({ kind: "due", atMs: Math.max(counter.dueMs, draft.nowMs) });
}

/** When a counter with a free place is to be looked at: once its rate lets one start, else after a while. */
export function lookMs(counter: Counter, limit: Limit, nowMs: number): number {
  const nextMs = nextStartMs(counter, limit);
  return nextMs > nowMs ? Math.ceil(nextMs) : nowMs + parkedLookMs;
}

function placesLeft(counter: Counter, limit: Limit, nowMs: number): number {
  const { concurrentMax } = limit;
  const free = concurrentMax === 0 ? Number.POSITIVE_INFINITY : concurrentMax - counter.heldCount;
  return Math.max(0, Math.min(free, startsLeft(counter, limit, nowMs)));
}

/** The first of those parked on a counter, without those of them that have ended in this draft. */
function parkedOn(draft: Draft, key: string, count: number): readonly Action[] {
  return draft.before
    .parked(key, count)
    .map((action) => draft.action(action.run, action.name) ?? action)
    .filter((action) => action.state === "QUEUED" && action.parkedOn === key);
}

/** Puts what is parked back into its queue: whether it has to wait is seen when it is its turn. */
export function unpark(draft: Draft, parked: readonly Action[]): void {
  const queues = new Set<string>();
  for (const action of parked) {
    draft.setAction({ ...action, parkedOn: undefined });
    if (action.spec.kind === "task") queues.add(queueKey(namespaceOf(action.run), action.spec.op));
  }
  for (const queue of queues) draft.affect({ kind: "queued", queue });
}
