import { create, equals } from "@bufbuild/protobuf";
import { type Run as RunMessage, RunSchema } from "../../../../gen/flyteidl2/workflow/run_definition_pb.ts";
import {
  type WatchRunsResponse,
  WatchRunsResponseSchema,
} from "../../../../gen/flyteidl2/workflow/run_service_pb.ts";
import type { Event } from "../../../core/event.ts";
import { type RunKey, runKey } from "../../../core/name.ts";
import { heartbeatMs, runsRememberedMax, watchedRunsMax } from "../flyte-limits.ts";
import type { ListQuery } from "../lists/list-request.ts";
import { listRuns, type RunRow } from "../lists/run-pages.ts";
import { toListedRun } from "../mapping/identifiers.ts";
import { rootRowOf, toRun } from "../mapping/to-action.ts";
import { rootAction } from "../names.ts";
import type { ReadParts } from "./details.ts";
import { isChange, looks } from "./follow.ts";

/** Which runs are watched. */
export interface WatchedRuns {
  readonly org: string;
  /** Undefined means everywhere. */
  readonly namespace: string | undefined;
  readonly query: ListQuery;
  readonly signal: AbortSignal;
}

/**
 * Runs: first the newest, then each that is created or whose first action changes. Each look reads a run as
 * it is, and what a client has been sent last is not sent again. While nothing happens, an empty message says
 * that the stream lives. It does not end by itself.
 */
export async function* watchRuns(
  { engine, stopping }: ReadParts,
  { org, namespace, query, signal }: WatchedRuns,
): AsyncGenerator<WatchRunsResponse> {
  const { store } = engine;
  const sent = new Map<RunKey, RunMessage>();
  let sentMs = engine.nowMs();
  const fresh = (rows: readonly RunRow[]) => rows.flatMap((row) => remember(sent, org, row) ?? []);
  const matches = (event: Event) => isOfRun(event) && (namespace ?? event.namespace) === event.namespace;
  for await (const look of looks(engine, { matches, signal, stopping })) {
    let runs: RunMessage[];
    if (look === undefined) {
      const page = await listRuns(
        store,
        { namespace, pausedOnly: false },
        { ...query, limit: watchedRunsMax },
      );
      runs = fresh(page.runs);
    } else {
      const keys = new Set(look.events.map(({ event }) => runKey(event.namespace, event.runId)));
      const rows = await Promise.all([...keys].map((key) => read(store, key, query)));
      runs = fresh(rows.flatMap((row) => row ?? []));
      if (runs.length === 0 && engine.nowMs() - sentMs < heartbeatMs) continue;
    }
    sentMs = engine.nowMs();
    yield create(WatchRunsResponseSchema, { runs });
  }
}

/** Whether an event is about a run as lists show it: the run itself, or its first action. */
function isOfRun(event: Event): boolean {
  if (event.runId === "" || !isChange(event)) return false;
  return event.action === "" || event.action === rootAction;
}

async function read(
  store: ReadParts["engine"]["store"],
  key: RunKey,
  { filters }: ListQuery,
): Promise<RunRow | undefined> {
  const [run, root] = await Promise.all([store.run(key), store.action(key, rootAction)]);
  if (run === undefined) return undefined;
  const row = rootRowOf(run, root);
  const of = toListedRun(run);
  return filters.run(of, row) && filters.action(of, row) ? { run, row } : undefined;
}

/** The run as it is to be sent; undefined if that is what was sent last. */
function remember(sent: Map<RunKey, RunMessage>, org: string, { run, row }: RunRow): RunMessage | undefined {
  const message = toRun({ org, key: run.key }, row, run);
  const last = sent.get(run.key);
  if (last !== undefined && equals(RunSchema, last, message)) return undefined;
  sent.delete(run.key);
  sent.set(run.key, message);
  for (const oldest of sent.keys()) {
    if (sent.size <= runsRememberedMax) break;
    sent.delete(oldest);
  }
  return message;
}
