import type { WatchEventsRequest, WatchEventsResponse } from "../../../gen/signalbox/v1/event_service_pb.ts";
import { WatchEventsRequest_Snapshot as Snapshot } from "../../../gen/signalbox/v1/event_service_pb.ts";
import type { Position } from "../../core/event.ts";
import { runIdOf } from "../../core/name.ts";
import { hasRunEnded, type Run, type RunState } from "../../core/run.ts";
import type { Engine } from "../../engine/engine.ts";
import type { FeedFrame } from "../../engine/follower.ts";
import { runsPerFrameMax } from "../../limits.ts";
import type { RunPlace } from "../../store/store.ts";
import type { FrameSink } from "../carrier/frame-sink.ts";
import type { EventFilter } from "../feed.ts";
import { followFeed, positionIn, runOf } from "../feed.ts";
import { runStates } from "../mapping/enums.ts";
import { toPlacedEvent } from "../mapping/to-proto-event.ts";
import { toRun } from "../mapping/to-proto-run.ts";
import { collectPage, runSizeBytes } from "../pages.ts";
import { toConnectError } from "../status.ts";
import { printCursor, type TokenScope, tokenScope } from "../token.ts";
import { eventMatcher, fromEventFilter } from "./event-filter.ts";
import { toFrameBytes } from "./frame-bytes.ts";
import { streamFrames } from "./frame-stream.ts";

/** What ends a watch. */
export interface WatchEnds {
  /** The call's own: its client is gone. */
  readonly signal: AbortSignal;
  /** The server's: it is stopping. */
  readonly stopping: AbortSignal;
}

/** What ends a watch, and where its frames can go without being messages first. */
export interface WatchCall extends WatchEnds {
  readonly sink: FrameSink | undefined;
}

/**
 * Follows the feed, without end. With a snapshot the head of the feed is read first and the runs after it, so
 * that each run is at least as new as that head: what is followed from there leaves nothing out, and may tell
 * again what a run of the snapshot shows already.
 */
export async function* watchEvents(
  engine: Engine,
  request: WatchEventsRequest,
  { signal, stopping, sink }: WatchCall,
): AsyncGenerator<WatchEventsResponse> {
  const filter = fromEventFilter(request.filter);
  const matches = eventMatcher(filter);
  const scope = tokenScope("events", filter, engine.store.feedId);
  let after = await startOf(engine, scope, request);
  if (request.snapshot !== Snapshot.UNSPECIFIED) {
    after = await engine.store.head();
    const isLive = request.snapshot === Snapshot.LIVE_RUNS;
    for await (const { runs, isLast } of snapshotOf(engine, filter, isLive)) {
      if (stopping.aborted) throw toConnectError({ reason: "STOPPING" });
      if (signal.aborted) return;
      yield frameOf({
        runs: runs.map(toRun),
        snapshot: true,
        cursor: isLast ? printCursor(scope, after) : "",
      });
    }
  }
  const run = runOf(filter);
  const frames = followFeed(engine, { scope, after, run, matches, signal, stopping });
  for await (const { events, through, atHead } of frames) {
    yield frameOf({ events: events.map(toPlacedEvent), cursor: printCursor(scope, through), atHead });
    // The first one opens the stream; the others need not become messages for each who follows.
    if (sink !== undefined) await streamFrames(sink, bytesOf(engine, scope, frames));
  }
}

/** Not a generator: one more of those for each frame is what a feed would notice. */
function bytesOf(
  { feeds }: Engine,
  scope: TokenScope,
  frames: AsyncIterator<FeedFrame>,
): AsyncIterable<Uint8Array> {
  const next = async (): Promise<IteratorResult<Uint8Array>> => {
    const { done, value } = await frames.next();
    if (done === true) return { done, value: undefined };
    return { done: false, value: toFrameBytes(scope, value, feeds.followerCount > 1) };
  };
  return { [Symbol.asyncIterator]: () => ({ next }) };
}

async function startOf(
  engine: Engine,
  scope: TokenScope,
  { start, snapshot }: WatchEventsRequest,
): Promise<Position | "now" | "beginning"> {
  const hasSnapshot = snapshot !== Snapshot.UNSPECIFIED;
  if (hasSnapshot && (start.case === "cursor" || start.case === "beginning")) {
    const description = `not together with ${start.case}: what follows a snapshot begins where it was taken`;
    throw toConnectError({ reason: "INVALID_REQUEST", violations: [{ field: "snapshot", description }] });
  }
  switch (start.case) {
    case "cursor":
      return await positionIn(engine, scope, start.value);
    case "beginning":
      return "beginning";
    case "now":
    case undefined:
      return "now";
  }
}

/** The states of runs that have not ended, in the order in which a query has them. */
const liveStates = (Object.keys(runStates.of) as RunState[])
  .filter((state) => !hasRunEnded({ state }))
  .sort();

interface SnapshotPage {
  readonly runs: readonly Run[];
  readonly isLast: boolean;
}

/** The runs that a filter wants as they stand, the newest first, a page of bounded size at a time. */
async function* snapshotOf(
  { store }: Engine,
  filter: EventFilter,
  isLive: boolean,
): AsyncGenerator<SnapshotPage> {
  const { namespace, runId, labels } = filter;
  const states = isLive ? liveStates : [];
  const isWanted = (run: Run): boolean =>
    (runId === undefined || runIdOf(run.key) === runId) &&
    (!isLive || !hasRunEnded(run)) &&
    Object.entries(labels).every(([name, value]) => run.labels[name] === value);
  const key = runOf(filter);
  if (key !== undefined) {
    const run = await store.run(key);
    yield { runs: run === undefined || !isWanted(run) ? [] : [run], isLast: true };
    return;
  }
  const query = { namespace, states, labels, pausedOnly: false, op: undefined, image: undefined };
  const times = { createdFromMs: undefined, createdUntilMs: undefined };
  let place: RunPlace | undefined;
  do {
    const page = await collectPage<Run, RunPlace>({
      after: place,
      limit: runsPerFrameMax,
      read: (after, limit) => store.listRuns({ ...query, ...times, after, before: undefined, limit }),
      placeOf: (run) => ({ timeMs: run.createTimeMs, run: run.key }),
      sizeOf: runSizeBytes,
    });
    place = page.next;
    yield { runs: page.items.filter(isWanted), isLast: place === undefined };
  } while (place !== undefined);
}

type Parts = Partial<Omit<WatchEventsResponse, "$typeName" | "$unknown">>;

function frameOf({ events = [], cursor = "", atHead = false, runs = [], snapshot = false }: Parts) {
  const $typeName = "signalbox.v1.WatchEventsResponse" as const;
  return { $typeName, events, cursor, atHead, runs, snapshot };
}
