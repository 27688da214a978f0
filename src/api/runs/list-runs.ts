import type { Timestamp } from "@bufbuild/protobuf/wkt";
import type { ListRunsRequest, RunFilter } from "../../../gen/signalbox/v1/run_service_pb.ts";
import { runKey } from "../../core/name.ts";
import type { Violation } from "../../core/refusal.ts";
import type { Run } from "../../core/run.ts";
import { pageBytesMax, pageStepRows } from "../../limits.ts";
import type { RunPlace, RunQuery, Store } from "../../store/store.ts";
import { runStates } from "../mapping/enums.ts";
import { fromNamespace } from "../mapping/from-proto-run.ts";
import { defaultPageSize, isRunPlace, listPage, runSizeBytes } from "../pages.ts";
import { fromNamespaces } from "../requests.ts";
import { toConnectError } from "../status.ts";
import { printToken, type TokenScope, tokenScope } from "../token.ts";

type Filter = Omit<RunQuery, "after" | "before" | "limit">;

/** A page of runs; `hasMore` is about the direction that was asked for. */
export interface RunPage {
  readonly runs: readonly Run[];
  readonly nextPageToken: string;
  readonly hasMore: boolean;
}

/** The page of runs that a request asks for: by token, behind a run, or right before one. */
export async function listRuns(store: Store, request: ListRunsRequest): Promise<RunPage> {
  const filter = fromRunFilter(request.filter);
  const scope = tokenScope("runs", filter, store.feedId);
  checkBounds(request, filter);
  if (request.endingBefore !== "") return pageBefore(store, request, { filter, scope });
  const start = await placeOf(store, filter, { field: "starting_after", runId: request.startingAfter });
  const { items, nextPageToken } = await listPage<Run, RunPlace>({
    ...request,
    scope,
    read: (after, limit) => {
      return store.listRuns({ ...filter, after: after ?? start, before: undefined, limit });
    },
    placeOf: placeOfRun,
    isPlace: isRunPlace,
    sizeOf: runSizeBytes,
  });
  const last = items.at(-1);
  // A full page may be the last one: the store has not looked behind it.
  const isOver =
    nextPageToken !== "" &&
    last !== undefined &&
    (await isNothing(store, { ...filter, after: placeOfRun(last) }));
  return isOver
    ? { runs: items, nextPageToken: "", hasMore: false }
    : { runs: items, nextPageToken, hasMore: nextPageToken !== "" };
}

/** True if it is known that there is nothing more: what much was passed over for may hold something yet. */
async function isNothing(
  store: Store,
  query: Filter & Partial<Pick<RunQuery, "after" | "before">>,
): Promise<boolean> {
  const page = await store.listRuns({ after: undefined, before: undefined, ...query, limit: 1 });
  return page.items.length === 0 && page.next === undefined;
}

/** The page that ends right before a run, read from there towards the newest. */
async function pageBefore(
  store: Store,
  { endingBefore, pageSize }: ListRunsRequest,
  { filter, scope }: { readonly filter: Filter; readonly scope: TokenScope },
): Promise<RunPage> {
  const limit = pageSize === 0 ? defaultPageSize : pageSize;
  let before = await placeOf(store, filter, { field: "ending_before", runId: endingBefore });
  const runs: Run[] = [];
  let bytes = 0;
  let hasMore = true;
  while (hasMore && runs.length < limit && bytes <= pageBytesMax) {
    const step = Math.min(limit - runs.length, pageStepRows);
    const page = await store.listRuns({ ...filter, after: undefined, before, limit: step });
    bytes += page.items.reduce((total, run) => total + runSizeBytes(run), 0);
    runs.unshift(...page.items);
    before = page.next;
    hasMore = page.next !== undefined;
  }
  const [first] = runs;
  if (hasMore && first !== undefined) {
    hasMore = !(await isNothing(store, { ...filter, before: placeOfRun(first) }));
  }
  const last = runs.at(-1);
  const nextPageToken = last === undefined ? "" : printToken(scope, placeOfRun(last));
  return { runs, nextPageToken, hasMore };
}

function placeOfRun(run: Run): RunPlace {
  return { timeMs: run.createTimeMs, run: run.key };
}

function checkBounds({ startingAfter, endingBefore, pageToken }: ListRunsRequest, filter: Filter): void {
  const violations: Violation[] = [];
  const says = (field: string, description: string) => violations.push({ field, description });
  if (startingAfter !== "" && pageToken !== "") says("starting_after", "not together with page_token");
  if (endingBefore !== "" && pageToken !== "") says("ending_before", "not together with page_token");
  if (endingBefore !== "" && startingAfter !== "") says("ending_before", "not together with starting_after");
  if (filter.namespace === undefined && (startingAfter !== "" || endingBefore !== "")) {
    says("filter.namespace", "must be one namespace where a run is named: ids are unique in theirs");
  }
  if (violations.length > 0) throw toConnectError({ reason: "INVALID_REQUEST", violations });
}

/** The place of a run that a request names, which need not meet the filter; undefined if it names none. */
async function placeOf(
  store: Store,
  filter: Filter,
  { field, runId }: { readonly field: string; readonly runId: string },
): Promise<RunPlace | undefined> {
  if (runId === "") return undefined;
  const namespace = filter.namespace ?? fromNamespace("");
  const run = await store.run(runKey(namespace, runId));
  if (run !== undefined) return placeOfRun(run);
  const description = `there is no run ${runId} in namespace ${namespace}`;
  throw toConnectError({ reason: "INVALID_REQUEST", violations: [{ field, description }] });
}

/** Sorted where order means nothing, so that the same filter in other words is the same filter. */
function fromRunFilter(filter: RunFilter | undefined): Filter {
  return {
    namespace: fromNamespaces(filter?.namespace ?? ""),
    states: (filter?.states ?? []).flatMap((state) => runStates.word(state) ?? []).sort(),
    labels: filter?.labels ?? {},
    pausedOnly: filter?.pausedOnly ?? false,
    op: filter === undefined || filter.op === "" ? undefined : filter.op,
    image: filter === undefined || filter.image === "" ? undefined : filter.image,
    createdFromMs: latest(from(filter?.createdFrom), after(filter?.createdAfter)),
    createdUntilMs: earliest(until(filter?.createdUntil), before(filter?.createdBefore)),
  };
}

/** Runs are created at whole milliseconds: a bound between two of them is moved to the one that it means. */
function from(time: Timestamp | undefined): number | undefined {
  if (time === undefined) return undefined;
  return Number(time.seconds) * 1000 + Math.ceil(time.nanos / 1_000_000);
}

function until(time: Timestamp | undefined): number | undefined {
  if (time === undefined) return undefined;
  return Number(time.seconds) * 1000 + Math.floor(time.nanos / 1_000_000);
}

function after(time: Timestamp | undefined): number | undefined {
  const last = until(time);
  return last === undefined ? undefined : last + 1;
}

function before(time: Timestamp | undefined): number | undefined {
  const first = from(time);
  return first === undefined ? undefined : first - 1;
}

function latest(one: number | undefined, other: number | undefined): number | undefined {
  return one === undefined || other === undefined ? (one ?? other) : Math.max(one, other);
}

function earliest(one: number | undefined, other: number | undefined): number | undefined {
  return one === undefined || other === undefined ? (one ?? other) : Math.min(one, other);
}
