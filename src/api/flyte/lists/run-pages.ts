import { Sort_Direction } from "../../../../gen/flyteidl2/common/list_pb.ts";
import type { RunKey } from "../../../core/name.ts";
import type { Run } from "../../../core/run.ts";
import type { RunPlace, Store } from "../../../store/store.ts";
import { invalid } from "../faults.ts";
import { runReadsMax, runsScannedMax, runsSortedMax, runsSortScanMax } from "../flyte-limits.ts";
import { toListedRun } from "../mapping/identifiers.ts";
import { rootRowOf } from "../mapping/to-action.ts";
import { rootAction } from "../names.ts";
import type { ViewRow } from "../view/view-row.ts";
import { type ListQuery, printToken } from "./list-request.ts";
import type { Place } from "./order.ts";

/** A run with the row of its first action. */
export interface RunRow {
  readonly run: Run;
  readonly row: ViewRow;
}

/** A page of runs; the token is empty at the end of the list. */
export interface RunPage {
  readonly runs: readonly RunRow[];
  readonly token: string;
}

/** Where runs are looked for. */
export interface RunScope {
  /** Undefined means everywhere. */
  readonly namespace: string | undefined;
  readonly pausedOnly: boolean;
}

type Reads = Pick<Store, "listRuns" | "action">;

/**
 * The page of runs that a query asks for. By creation, which is the usual order, the store's own order is
 * followed, and no more is read than the page needs; by anything else all that meet the filters are sorted,
 * and the call ends with INVALID_ARGUMENT if they are too many.
 */
export async function listRuns(store: Reads, scope: RunScope, query: ListQuery): Promise<RunPage> {
  const [key, ...more] = query.sortKeys;
  if (more.length === 0 && (key === undefined || key.key === "created_at")) {
    return listByCreation(store, scope, query);
  }
  return listSorted(store, scope, query);
}

async function listByCreation(store: Reads, scope: RunScope, query: ListQuery): Promise<RunPage> {
  const { limit, start, digest, sortKeys } = query;
  const isAscending = sortKeys[0]?.direction === Sort_Direction.ASCENDING;
  const skipCount = start.kind === "offset" ? start.offset : 0;
  const after = start.kind === "behind" ? placeFrom(start.place) : undefined;
  const tokenBehind = ({ createTimeMs, key }: Run) =>
    printToken(digest, { order: "", index: 0, place: [createTimeMs, key] });
  const runs: RunRow[] = [];
  let skipped = 0;
  let scanned = 0;
  for await (const { run, row } of scan(store, scope, { query, isAscending, after })) {
    scanned += 1;
    if (row !== undefined && skipped < skipCount) {
      skipped += 1;
    } else if (row !== undefined) {
      // One more than the page has says that it is not the last.
      const last = runs.at(-1);
      if (runs.length === limit && last !== undefined) return { runs, token: tokenBehind(last.run) };
      runs.push({ run, row });
    }
    if (scanned < runsScannedMax + skipCount) continue;
    return { runs, token: tokenBehind(run) };
  }
  return { runs, token: "" };
}

async function listSorted(store: Reads, scope: RunScope, query: ListQuery): Promise<RunPage> {
  const { limit, start, digest, order } = query;
  const found: (RunRow & { readonly place: Place })[] = [];
  let scanned = 0;
  for await (const { run, row } of scan(store, scope, { query, isAscending: false, after: undefined })) {
    scanned += 1;
    if (row !== undefined) found.push({ run, row, place: order.placeOf({ run: toListedRun(run), row }) });
    if (found.length <= runsSortedMax && scanned <= runsSortScanMax) continue;
    throw invalid("too many runs to sort: narrow the filters, or sort by created_at");
  }
  found.sort((one, other) => order.compare(one.place, other.place));
  const rest =
    start.kind === "behind" ? found.filter(({ place }) => order.compare(place, start.place) > 0) : found;
  const first = start.kind === "offset" ? start.offset : 0;
  const runs = rest.slice(first, first + limit);
  const last = runs.at(-1);
  if (last === undefined || first + limit >= rest.length) return { runs, token: "" };
  return { runs, token: printToken(digest, { order: "", index: 0, place: last.place }) };
}

interface Scan {
  readonly query: ListQuery;
  readonly isAscending: boolean;
  readonly after: RunPlace | undefined;
}

const beforeAll: RunPlace = { timeMs: -1, run: "" as RunKey };

/** All runs of a scope by creation, with the row of those that meet the filters; read as they are pulled. */
async function* scan(
  store: Reads,
  { namespace, pausedOnly }: RunScope,
  { query, isAscending, after }: Scan,
): AsyncGenerator<{ readonly run: Run; readonly row: ViewRow | undefined }> {
  const { filters } = query;
  const { labels, createdFromMs, createdUntilMs } = filters;
  const fixed = { namespace, pausedOnly, labels, createdFromMs, createdUntilMs };
  const any = { states: [], op: undefined, image: undefined, limit: runReadsMax };
  let place = isAscending ? (after ?? beforeAll) : after;
  for (;;) {
    const bounds = isAscending ? { after: undefined, before: place } : { after: place, before: undefined };
    const page = await store.listRuns({ ...fixed, ...any, ...bounds });
    const runs = isAscending ? page.items.toReversed() : page.items;
    const rows = await Promise.all(runs.map((run) => rowOfRun(store, run, query)));
    for (const [index, run] of runs.entries()) yield { run, row: rows[index] };
    if (page.next === undefined) return;
    place = page.next;
  }
}

/** The row of a run's first action, if the run meets the filters. */
async function rowOfRun(store: Reads, run: Run, { filters }: ListQuery): Promise<ViewRow | undefined> {
  const listed = toListedRun(run);
  const unread = rootRowOf(run, undefined);
  if (!filters.run(listed, unread)) return undefined;
  const row = rootRowOf(run, await store.action(run.key, rootAction));
  return filters.action(listed, row) ? row : undefined;
}

function placeFrom([timeMs, run]: Place): RunPlace {
  if (typeof timeMs === "number" && typeof run === "string") return { timeMs, run: run as RunKey };
  throw invalid("invalid token");
}
