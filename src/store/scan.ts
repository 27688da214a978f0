import type { RunKey } from "../core/name.ts";
import type { Labels } from "../core/run.ts";
import { rowsPerPageScanMax } from "../limits.ts";
import type { Page, RunPlace, RunQuery } from "./store.ts";

/** What to look through for a page, and what of it to take. */
export interface Scan<Row, Key> {
  /** In the order of the list, from where the page begins; read only as far as needed. */
  readonly rows: Iterable<Row>;
  readonly matches: (row: Row) => boolean;
  readonly placeOf: (row: Row) => Key;
  readonly limit: number;
}

/**
 * One page of what matches. It ends early after `rowsPerPageScanMax` rows, so that a filter that hardly
 * anything passes holds nobody up: the page is short then, even empty, and `next` goes on behind them.
 */
export function scanPage<Row, Key>({ rows, matches, placeOf, limit }: Scan<Row, Key>): Page<Row, Key> {
  const items: Row[] = [];
  let scannedCount = 0;
  let last: Key | undefined;
  for (const row of rows) {
    if (items.length >= limit || scannedCount >= rowsPerPageScanMax) return { items, next: last };
    scannedCount += 1;
    last = placeOf(row);
    if (matches(row)) items.push(row);
  }
  return { items, next: undefined };
}

/** True if all of the wanted labels are among these. */
export function hasLabels(labels: Labels, wanted: Labels): boolean {
  for (const [name, value] of Object.entries(wanted)) if (labels[name] !== value) return false;
  return true;
}

/** The parts of a place that is `namespace/name`; both empty, before everything, for undefined. */
export function placeParts(place: string | undefined): { readonly namespace: string; readonly name: string } {
  if (place === undefined) return { namespace: "", name: "" };
  const slash = place.indexOf("/");
  return { namespace: place.slice(0, slash), name: place.slice(slash + 1) };
}

/** Between which places a list of runs looks: what is older than one and newer than the other. */
export function runBounds(query: RunQuery): { readonly older: RunPlace; readonly newer: RunPlace } {
  const { createdFromMs, createdUntilMs, after, before } = query;
  // No run has an empty key: a time with it comes before all runs of that time.
  const none = "" as RunKey;
  const until = {
    timeMs: createdUntilMs === undefined ? Number.MAX_SAFE_INTEGER : createdUntilMs + 1,
    run: none,
  };
  const from = { timeMs: createdFromMs ?? -1, run: none };
  return {
    older: after !== undefined && byPlace(after, until) < 0 ? after : until,
    newer: before !== undefined && byPlace(before, from) > 0 ? before : from,
  };
}

/** Orders runs' places; negative if the first is older. */
function byPlace(one: RunPlace, other: RunPlace): number {
  return one.timeMs - other.timeMs || (one.run < other.run ? -1 : one.run > other.run ? 1 : 0);
}
