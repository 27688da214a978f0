import type { WatchRunResponse } from "../../gen/signalbox/v1/run_service_pb.ts";
import type { Action } from "../core/action.ts";
import type { Position } from "../core/event.ts";
import type { RunKey } from "../core/name.ts";
import { hasRunEnded, type Run } from "../core/run.ts";
import type { Engine } from "../engine/engine.ts";
import type { FeedFrame } from "../engine/follower.ts";
import { eventSizeBytes } from "../engine/subscriptions/event-size.ts";
import { pageBytesMax, pageStepRows } from "../limits.ts";
import type { Store } from "../store/store.ts";
import { followFeed, positionIn } from "./feed.ts";
import { message } from "./mapping/message.ts";
import { toAction } from "./mapping/to-proto-action.ts";
import { toPlacedEvent } from "./mapping/to-proto-event.ts";
import { toRun } from "./mapping/to-proto-run.ts";
import { actionSizeBytes, collectPage } from "./pages.ts";
import { findRun } from "./reads.ts";
import { printCursor, tokenScope } from "./token.ts";

/** Which run to follow, from where, and what ends it. */
export interface WatchRunOptions {
  readonly run: RunKey;
  /** Empty begins with the state. */
  readonly cursor: string;
  readonly signal: AbortSignal;
  readonly stopping: AbortSignal;
}

/** How many actions a frame of a snapshot has, at most. */
const snapshotPageSize = 1_000;

/**
 * Follows a run until it has ended and everything that happened in it was sent.
 *
 * Without a cursor it begins with the state: the head of the feed is read first and the run and its actions
 * after it, so that the state is at least as new as that head and nothing can fall between the two. Then it
 * follows the feed from there. Each frame reads what it tells anew, so that the rows are at least as new as
 * the events, and may be newer: the last event of a row comes with the row as it stays.
 */
export async function* watchRun(engine: Engine, options: WatchRunOptions): AsyncGenerator<WatchRunResponse> {
  const { store } = engine;
  const { run: key, cursor, signal, stopping } = options;
  await findRun(store, key);
  const scope = tokenScope("runWatch", { run: key }, store.feedId);
  const print = (position: Position) => printCursor(scope, position);
  let after: Position;
  if (cursor === "") {
    after = await store.head();
    yield* snapshot(store, key, print(after));
  } else {
    after = await positionIn(engine, scope, cursor);
  }
  const matches = () => true;
  let place = after;
  for await (const frame of followFeed(engine, { scope, after, run: key, matches, signal, stopping })) {
    const cursors = { before: print(place), behind: print(frame.through) };
    const ended = yield* tell(store, key, { ...frame, ...cursors });
    if (ended) return;
    place = frame.through;
  }
}

/** The run and its actions, in pages; the last one says where to go on. */
async function* snapshot(store: Store, key: RunKey, cursor: string): AsyncGenerator<WatchRunResponse> {
  let place: string | undefined;
  do {
    const run = toRun(await findRun(store, key));
    const { items, next } = await collectPage<Action, string>({
      after: place,
      limit: snapshotPageSize,
      read: (after, limit) => store.listActions({ run: key, states: [], after, limit }),
      placeOf: (action) => action.name,
      sizeOf: actionSizeBytes,
    });
    place = next;
    yield frameOf({
      run,
      actions: items.map(toAction),
      snapshot: true,
      cursor: next === undefined ? cursor : "",
    });
  } while (place !== undefined);
}

/** A transaction, with the cursors before and behind it. */
type Told = FeedFrame & { readonly before: string; readonly behind: string };

/**
 * The actions that a transaction changed, as they stand: in as many frames as they take, of which the last
 * has the events and moves the cursor. A bookmark carries nothing, unless it is the last frame. True if
 * nothing comes behind it.
 */
async function* tell(
  store: Store,
  key: RunKey,
  { events: placed, through, before, behind }: Told,
): AsyncGenerator<WatchRunResponse, boolean> {
  let actions: Action[] = [];
  let bytes = 0;
  for await (const action of readActions(store, key, new Set(placed.map(({ event }) => event.action)))) {
    const size = actionSizeBytes(action);
    if (actions.length > 0 && bytes + size > pageBytesMax) {
      yield frameOf({
        run: toRun(await findRun(store, key)),
        actions: actions.map(toAction),
        cursor: before,
      });
      actions = [];
      bytes = 0;
    }
    actions.push(action);
    bytes += size;
  }
  for (const { event } of placed) bytes += eventSizeBytes(event);
  const run = await findRun(store, key);
  if (actions.length > 0 && bytes > pageBytesMax) {
    yield frameOf({ run: toRun(run), actions: actions.map(toAction), cursor: before });
    actions = [];
  }
  const events = placed.map(toPlacedEvent);
  const ended = await isLast(store, run, through);
  if (events.length === 0 && !ended) yield frameOf({ cursor: behind });
  else yield frameOf({ run: toRun(run), actions: actions.map(toAction), events, ended, cursor: behind });
  return ended;
}

/**
 * True if the run has ended and nothing of it lies behind a position. The run alone does not say it: it may
 * have ended, been opened again and ended once more, and all of that may still have to be sent.
 */
async function isLast(store: Store, run: Run, through: Position): Promise<boolean> {
  if (!hasRunEnded(run)) return false;
  for (let after = through; ; ) {
    const page = await store.readFeed({ after, run: run.key, eventsMax: 1, bytesMax: 1 });
    if (page.transactions.length > 0) return false;
    if (page.atHead) return true;
    after = page.through;
  }
}

/** The actions of these names as they stand, a few at a time; the empty name is the run's own. */
async function* readActions(store: Store, key: RunKey, names: ReadonlySet<string>): AsyncGenerator<Action> {
  const wanted = [...names].filter((name) => name !== "");
  for (let index = 0; index < wanted.length; index += pageStepRows) {
    const step = wanted.slice(index, index + pageStepRows);
    const read = await Promise.all(step.map((name) => store.action(key, name)));
    yield* read.filter((action) => action !== undefined);
  }
}

type Parts = Partial<Omit<WatchRunResponse, "$typeName" | "$unknown">>;

function frameOf({ run, actions = [], events = [], snapshot = false, cursor = "", ended = false }: Parts) {
  return message<WatchRunResponse>({
    $typeName: "signalbox.v1.WatchRunResponse",
    run,
    actions,
    events,
    snapshot,
    cursor,
    ended,
  });
}
