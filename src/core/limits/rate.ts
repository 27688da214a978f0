import type { Counter, Limit } from "./limit.ts";

/**
 * Rates as one number: `Counter.fullTimeMs` is when all starts are to be had again if none is taken until
 * then. Each start moves it on by the time that one takes to come back; a start may be taken while that
 * leaves it no further ahead than a whole period. Starts that have not been used may be taken at once.
 */

/** When the rate of a limit lets the next one start: now or earlier if it lets it at once. */
export function nextStartMs(counter: Pick<Counter, "fullTimeMs"> | undefined, limit: Limit): number {
  if (limit.rate === undefined || counter === undefined) return 0;
  const { count, periodMs } = limit.rate;
  return counter.fullTimeMs - periodMs + periodMs / count - toleranceMs;
}

/** How many the rate of a limit lets start at once. */
export function startsLeft(
  counter: Pick<Counter, "fullTimeMs"> | undefined,
  limit: Limit,
  nowMs: number,
): number {
  if (limit.rate === undefined) return Number.POSITIVE_INFINITY;
  const { count, periodMs } = limit.rate;
  const aheadMs = Math.max(0, (counter?.fullTimeMs ?? 0) - nowMs);
  return Math.max(0, Math.floor(((periodMs - aheadMs + toleranceMs) / periodMs) * count));
}

/** When all starts are to be had again, once one is taken. */
export function afterStartMs(fullTimeMs: number, limit: Limit, nowMs: number): number {
  if (limit.rate === undefined) return 0;
  return Math.max(fullTimeMs, nowMs) + limit.rate.periodMs / limit.rate.count;
}

/** The same under a limit that has changed: as many starts are taken as were, but no more than there are. */
export function convertedMs(
  fullTimeMs: number,
  { before, after }: { readonly before: Limit; readonly after: Limit },
  nowMs: number,
): number {
  if (before.rate === undefined || after.rate === undefined) return 0;
  const taken = Math.max(0, fullTimeMs - nowMs) / (before.rate.periodMs / before.rate.count);
  return nowMs + (Math.min(taken, after.rate.count) * after.rate.periodMs) / after.rate.count;
}

/** A thousandth of a millisecond, so that sums of fractions do not hold up a start by a whole look. */
const toleranceMs = 0.001;
