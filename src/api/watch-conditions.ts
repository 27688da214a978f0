import type { Condition } from "../../gen/signalbox/v1/condition_pb.ts";
import type { WatchConditionsResponse } from "../../gen/signalbox/v1/condition_service_pb.ts";
import type { Event, Position } from "../core/event.ts";
import { runKey } from "../core/name.ts";
import type { Engine } from "../engine/engine.ts";
import type { PlacedEvent } from "../engine/feed-pages.ts";
import type { FeedFrame } from "../engine/follower.ts";
import type { ConditionPlace, ConditionRow, Store } from "../store/store.ts";
import type { ConditionFilter } from "./condition-filter.ts";
import { conditionPages, wantsCondition } from "./condition-filter.ts";
import { toConditions, withSurroundings } from "./conditions/find-condition.ts";
import { followFeed, matcherOf, positionIn, runOf } from "./feed.ts";
import { toPlacedEvent } from "./mapping/to-proto-event.ts";
import { collectPage } from "./pages.ts";
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
  for await (const frame of followFeed(engine, follow)) {
    const told = await describeFrame(store, filter, frame);
    // A transaction that only looked like one of a condition's is a bookmark: the cursor moves on by it too.
    yield { ...told, cursor: print(frame.through), atHead: frame.atHead };
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
      events: [],
      snapshot: true,
      cursor: isLast ? cursor : "",
      atHead: isLast,
    };
  } while (place !== undefined);
}

/** A frame without its place: the conditions that a transaction changed, as they stand. */
async function describeFrame(
  store: Store,
  filter: ConditionFilter,
  frame: FeedFrame,
): Promise<WatchConditionsResponse> {
  const conditions: Condition[] = [];
  const changed = new Set<string>();
  for (const event of lastOfEach(frame.events)) {
    const action = await store.action(runKey(event.namespace, event.runId), event.action);
    if (action === undefined) continue;
    const row = { ...(await withSurroundings(store, action)), runLabels: event.runLabels };
    if (!wantsCondition(filter, row)) continue;
    conditions.push(...toConditions(row));
    changed.add(nameOf(event));
  }
  return {
    $typeName: "signalbox.v1.WatchConditionsResponse",
    conditions,
    events: frame.events.filter(({ event }) => changed.has(nameOf(event))).map(toPlacedEvent),
    snapshot: false,
    cursor: "",
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
