import type { Labels } from "../core/run.ts";
import { rowsPerPageScanMax } from "../limits.ts";
import type { Page } from "./store.ts";

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
