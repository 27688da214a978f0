import { create } from "@bufbuild/protobuf";
import type { Filter } from "../../../../gen/flyteidl2/common/list_pb.ts";
import type { EnrichedAction } from "../../../../gen/flyteidl2/workflow/run_definition_pb.ts";
import {
  type WatchActionsResponse,
  WatchActionsResponseSchema,
} from "../../../../gen/flyteidl2/workflow/run_service_pb.ts";
import { Stopping } from "../../../engine/execute.ts";
import { eitherSignal } from "../../carrier/either-signal.ts";
import { heartbeatMs, watchedActionsMax } from "../flyte-limits.ts";
import { readFilters } from "../lists/filter.ts";
import { type NamedRun, toListedRun } from "../mapping/identifiers.ts";
import { toAction, toEnrichedAction } from "../mapping/to-action.ts";
import type { RunView } from "../view/run-view.ts";
import type { ViewRow } from "../view/view-row.ts";
import { namesAbove } from "../view/view-tree.ts";
import type { ViewWatch } from "../view/view-watch.ts";
import type { ReadParts } from "./details.ts";

/** Which actions are watched. */
export interface WatchedActions {
  readonly run: NamedRun;
  readonly filters: readonly Filter[];
  readonly signal: AbortSignal;
}

/** What the fields of a watch are called in lists. */
const fieldNames: Readonly<Record<string, string>> = { phase: "phase", name: "short_name" };

/**
 * The actions of a run: first all that meet the filters, with those above them, the oldest first; then each
 * that changes, whether it meets them or not, with those above it, whose counts change with it. A client that
 * is slow is sent an action once for all that happened to it meanwhile. While nothing happens, an empty
 * message says that the stream lives. It does not end by itself.
 */
export async function* watchActions(
  parts: ReadParts,
  { run, filters: stated, signal }: WatchedActions,
): AsyncGenerator<WatchActionsResponse> {
  const filters = readFilters(stated.map(inLists));
  using used = await parts.views.use(run.key);
  const { view } = used;
  await view.catchUp();
  const watch = view.watch();
  try {
    const meets = (row: ViewRow): boolean => {
      const of = toListedRun(view.run);
      return filters.run(of, row) && filters.action(of, row);
    };
    const enrich = (name: string): EnrichedAction | undefined => {
      const row = view.tree.row(name);
      if (row === undefined) return undefined;
      const counts = view.tree.countsOf(name);
      return toEnrichedAction(toAction(run, row, view.run), { meetsFilter: meets(row), counts });
    };
    for (const names of chunks(snapshotOf(view, meets))) {
      // What changed until it is read is in it.
      watch.forget(names);
      yield responseOf(names, enrich);
    }
    yield* changes(watch, { enrich, signal, stopping: parts.stopping });
  } finally {
    view.unwatch(watch);
  }
}

type Enrich = (name: string) => EnrichedAction | undefined;

async function* changes(
  watch: ViewWatch,
  {
    enrich,
    signal,
    stopping,
  }: { readonly enrich: Enrich; readonly signal: AbortSignal; readonly stopping: AbortSignal },
): AsyncGenerator<WatchActionsResponse> {
  using either = eitherSignal(signal, stopping);
  for (;;) {
    const wanted = { limit: watchedActionsMax, quietMs: heartbeatMs, signal: either.signal };
    const names = await watch.next(wanted);
    if (signal.aborted) return;
    if (stopping.aborted) throw new Stopping();
    if (names.length === 0) yield create(WatchActionsResponseSchema);
    const above = new Set(names.flatMap(namesAbove));
    for (const name of names) above.delete(name);
    for (const chunk of chunks([...names, ...above])) yield responseOf(chunk, enrich);
  }
}

function responseOf(names: readonly string[], enrich: Enrich): WatchActionsResponse {
  const enrichedActions = names.flatMap((name) => enrich(name) ?? []);
  return create(WatchActionsResponseSchema, { enrichedActions });
}

/** The names of all actions that are wanted, with those above them, the oldest first. */
function snapshotOf(view: RunView, isWanted: (row: ViewRow) => boolean): readonly string[] {
  const wanted = new Set<string>();
  for (const row of view.tree.all()) {
    if (!isWanted(row)) continue;
    const { name } = row;
    for (const above of namesAbove(name)) wanted.add(above);
    wanted.add(name);
  }
  const createdMs = (name: string) => view.tree.row(name)?.createTimeMs ?? 0;
  return [...wanted].sort((one, other) => createdMs(one) - createdMs(other) || (one < other ? -1 : 1));
}

function* chunks(names: readonly string[]): Generator<readonly string[]> {
  for (let index = 0; index < names.length; index += watchedActionsMax) {
    yield names.slice(index, index + watchedActionsMax);
  }
}

/** A filter of a watch as lists have it. */
function inLists({ function: is, field, values }: Filter) {
  return { function: is, field: fieldNames[field.toLowerCase()] ?? field, values };
}
