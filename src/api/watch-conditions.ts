import type { WatchConditionsResponse } from "../../gen/signalbox/v1/condition_service_pb.ts";
import type { Event, Position } from "../core/event.ts";
import { runKey } from "../core/name.ts";
import type { Engine } from "../engine/engine.ts";
import type { PlacedEvent } from "../engine/feed-pages.ts";
import type { FeedFrame } from "../engine/follower.ts";
import { eventSizeBytes } from "../engine/subscriptions/event-size.ts";
import { pageBytesMax } from "../limits.ts";
import type { ConditionPlace, ConditionRow, Store } from "../store/store.ts";
import type { ConditionFilter } from "./condition-filter.ts";
import { conditionPages, standingIn } from "./condition-filter.ts";
import { toConditions, withSurroundings } from "./conditions/find-condition.ts";
import { followFeed, matcherOf, positionIn, runOf } from "./feed.ts";
import { toPlacedEvent } from "./mapping/to-proto-event.ts";
import { actionSizeBytes, collectPage } from "./pages.ts";
import { printCursor, tokenScope } from "./token.ts";

/** Which conditions to follow, from where, and what ends it. */
export interface WatchConditionsOptions {
  readonly filter: ConditionFilter;
  /** Empty begins with the open conditions. */
  readonly cursor: string;
  readonly signal: AbortSignal;
  readonly stopping: AbortSignal;
}

/** How many conditions a frame of a snapshot has, at most. */
const snapshotPageSize = 1_000;

/**
 * Follows the conditions that a filter wants, without end. As WatchRun does, it reads the head of the feed
 * first, the open conditions after it, and then follows from that head.
 */
export async function* watchConditions(
  engine: Engine,
  { filter: stated, cursor, signal, stopping }: WatchConditionsOptions,
): AsyncGenerator<WatchConditionsResponse> {
  const { store } = engine;
  const filter = { ...stated, includeEnded: false };
  const scope = tokenScope("conditionWatch", filter, store.feedId);
  const print = (position: Position) => printCursor(scope, position);
  let after: Position;
  if (cursor === "") {
    after = await store.head();
    yield* snapshot(store, filter, print(after));
  } else {
    after = await positionIn(engine, scope, cursor);
  }
  const isWanted = matcherOf({ ...filter, kinds: [], topics: [] });
  const matches = (event: Event) => mayChangeCondition(event) && isWanted(event);
  const follow = { scope, after, run: runOf(filter), matches, signal, stopping };
  let place = after;
  for await (const frame of followFeed(engine, follow)) {
    yield* tell(store, filter, { ...frame, before: print(place), behind: print(frame.through) });
    place = frame.through;
  }
}

/**
 * True if an event may be one of a condition. How a condition ended without an answer is told as the end of
 * any other action is; that no worker reported it narrows it down, and reading the action makes sure.
 */
function mayChangeCondition({ detail }: Event): boolean {
  switch (detail.kind) {
    case "condition_paused":
    case "condition_answered":
    case "answer_given":
    case "condition_changed":
    case "condition_escalated":
    case "action_reopened":
      return true;
    case "action_ended":
      return detail.epoch === 0;
    default:
      return false;
  }
}

/** The open conditions, in pages; the last one says where to go on. */
async function* snapshot(
  store: Store,
  filter: ConditionFilter,
  cursor: string,
): AsyncGenerator<WatchConditionsResponse> {
  let place: ConditionPlace | undefined;
  do {
    const { items, next } = await collectPage<ConditionRow, ConditionPlace>({
      after: place,
      limit: snapshotPageSize,
      ...conditionPages(store, filter, "age"),
    });
    place = next;
    const isLast = next === undefined;
    yield {
      $typeName: "signalbox.v1.WatchConditionsResponse",
      conditions: items.flatMap(toConditions),
      gone: [],
      events: [],
      snapshot: true,
      cursor: isLast ? cursor : "",
      atHead: isLast,
    };
  } while (place !== undefined);
}

/** A transaction, with the cursors before and behind it. */
type Told = FeedFrame & { readonly before: string; readonly behind: string };

/**
 * The conditions that a transaction changed, as they stand: in as many frames as they take, of which the last
 * has the events and moves the cursor. A transaction that only looked like one of a condition's is a
 * bookmark: the cursor moves on by it too.
 */
async function* tell(
  store: Store,
  filter: ConditionFilter,
  { events: placed, before, behind, atHead }: Told,
): AsyncGenerator<WatchConditionsResponse> {
  let frame = change(before);
  let bytes = 0;
  const isEmpty = () => frame.conditions.length + frame.gone.length === 0;
  const changed = new Set<string>();
  const movable = new Set(placed.filter(({ event }) => mayMove(event)).map(({ event }) => nameOf(event)));
  for (const event of lastOfEach(placed)) {
    const action = await store.action(runKey(event.namespace, event.runId), event.action);
    if (action === undefined) continue;
    const row = { ...(await withSurroundings(store, action)), runLabels: event.runLabels };
    const standing = standingIn(filter, row);
    if (standing === "other" || (standing === "gone" && !movable.has(nameOf(event)))) continue;
    const size = actionSizeBytes(action);
    if (!isEmpty() && bytes + size > pageBytesMax) {
      yield frame;
      frame = change(before);
      bytes = 0;
    }
    frame[standing === "wanted" ? "conditions" : "gone"].push(...toConditions(row));
    bytes += size;
    changed.add(nameOf(event));
  }
  const told = placed.filter(({ event }) => changed.has(nameOf(event)));
  for (const { event } of told) bytes += eventSizeBytes(event);
  if (!isEmpty() && bytes > pageBytesMax) {
    yield frame;
    frame = change(before);
  }
  yield { ...frame, events: told.map(toPlacedEvent), cursor: behind, atHead };
}

/**
 * True if an event may have taken its condition out of what a filter wants. Nobody has been told before of
 * one that is opened for the first time, and none goes to somebody else by its end.
 */
function mayMove({ detail }: Event): boolean {
  if (detail.kind === "condition_paused") return detail.instance !== undefined;
  return detail.kind !== "condition_answered" && detail.kind !== "action_ended";
}

/** A frame of a change that nothing is in yet. */
function change(cursor: string): WatchConditionsResponse {
  return {
    $typeName: "signalbox.v1.WatchConditionsResponse",
    conditions: [],
    gone: [],
    events: [],
    snapshot: false,
    cursor,
    atHead: false,
  };
}

/** The last event of each action, in the order in which the actions first occur. */
function lastOfEach(events: readonly PlacedEvent[]): Iterable<Event> {
  const lasts = new Map<string, Event>();
  for (const { event } of events) lasts.set(nameOf(event), event);
  return lasts.values();
}

function nameOf({ namespace, runId, action }: Event): string {
  return `${namespace}/${runId}/${action}`;
}
