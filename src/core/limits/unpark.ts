import { parkedLookMs, unparkedPerCommandMax } from "../../limits.ts";
import type { Action } from "../action.ts";
import { queueKey } from "../command.ts";
import type { Draft } from "../draft.ts";
import { namespaceOf } from "../name.ts";
import type { Counter, Limit } from "./limit.ts";
import { type AppliedLimit, areAllHeld } from "./limits-of.ts";
import { nextStartMs, startsLeft } from "./rate.ts";

/**
 * What is parked waits for a counter. Always one of these holds, so that nothing waits for ever: nothing is
 * parked on it; all its places are held, and each end lets one out; or it is due, and is looked at then.
 *
 * A counter that is due at `letGoMs` lets out everything, full or not: its limit is gone, or is about other
 * tasks. Nothing is parked on it until that is done.
 */
export const letGoMs = 0;

/** Parks a queued task on the counter of a full limit: it leaves the queue until there is a place. */
export function park(draft: Draft, queued: Action, full: AppliedLimit & { readonly counter: Counter }): void {
  draft.setAction({ ...queued, parkedOn: full.key });
  if (areAllHeld(full.counter, full.limit)) return;
  const dueMs = lookMs(full.counter, full.limit, draft.nowMs);
  const counter = draft.counter(full.key) ?? { ...full.counter, heldCount: 0 };
  if (counter.dueMs !== undefined && counter.dueMs <= dueMs) return;
  setDue(draft, counter, dueMs);
}

/** The time of a counter has come: what is parked on it goes back to the queue as far as there are places. */
export function unparkDue(draft: Draft, key: string): void {
  const counter = draft.counter(key);
  if (counter?.dueMs === undefined || counter.dueMs > draft.nowMs) return;
  const limit = draft.limits(counter.namespace).find(({ name }) => name === counter.limit);
  tend(draft, counter, limit);
}

/** Lets out what a counter has places for, says when to look at it again, and removes it if nothing needs it. */
export function tend(draft: Draft, counter: Counter, limit: Limit | undefined): void {
  const letsGo = counter.dueMs === letGoMs || limit === undefined;
  const places = Math.min(letsGo ? Number.POSITIVE_INFINITY : placesLeft(counter, limit, draft.nowMs));
  const count = Math.min(places, unparkedPerCommandMax);
  const parked = parkedOn(draft, counter.key, count + 1);
  const let_out = parked.slice(0, count);
}
