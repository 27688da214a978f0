import type { Event, EventKind, Position } from "../core/event.ts";
import { type RunKey, runKey } from "../core/name.ts";
import type { Labels } from "../core/run.ts";
import { goesTo } from "../core/subscriptions/event-filter.ts";
import type { Engine } from "../engine/engine.ts";
import { CursorExpired, type PlacedEvent } from "../engine/feed-pages.ts";
import type { FeedFrame } from "../engine/follower.ts";
import { eitherSignal } from "./carrier/either-signal.ts";
import { toConnectError, toThrown } from "./status.ts";
import type { TokenScope } from "./token.ts";
import { printCursor, readCursor, underFeed } from "./token.ts";

/** Which events are wanted, as the rules name things. Undefined, or an empty list, does not restrict. */
export interface EventFilter {
  readonly namespace: string | undefined;
  readonly runId: string | undefined;
  readonly kinds: readonly EventKind[];
  readonly labels: Labels;
  /** `*` means any topic. */
  readonly topics: readonly string[];
  /** What else must be true of an event, in CEL; left out for nothing. */
  readonly expression?: string;
}

/** The run that a filter is about, if it says both parts of its key. */
export function runOf({ namespace, runId }: Pick<EventFilter, "namespace" | "runId">): RunKey | undefined {
  return namespace === undefined || runId === undefined ? undefined : runKey(namespace, runId);
}

/** Tells wanted events from others, by all but the filter's expression. */
export function matcherOf(filter: EventFilter): (event: Event) => boolean {
  const { namespace, runId, kinds, labels, topics } = filter;
  const kindSet = new Set<EventKind>(kinds);
  const wantedLabels = Object.entries(labels);
  return (event) =>
    (namespace === undefined || event.namespace === namespace) &&
    (runId === undefined || event.runId === runId) &&
    (kindSet.size === 0 || kindSet.has(event.detail.kind)) &&
    goesTo(event, topics) &&
    wantedLabels.every(([name, value]) => event.runLabels[name] === value);
}

/** Where a cursor says to go on. Ends the call with TOKEN_INVALID, FILTER_CHANGED or CURSOR_EXPIRED. */
export async function positionIn(engine: Engine, scope: TokenScope, cursor: string): Promise<Position> {
  const read = readCursor(scope, cursor);
  if (read.ok) return read.place;
  if (read.cause !== "OTHER_FEED") throw toConnectError({ reason: read.cause });
  throw expired(scope, await engine.store.oldest(), commonPosition(engine, scope, cursor));
}

/**
 * How far what a cursor of an earlier epoch has seen is part of this feed: up to its own position or to where
 * the feed went on from, whichever comes first. Undefined if it is of a feed that is none of those before.
 */
function commonPosition({ store }: Engine, scope: TokenScope, cursor: string): Position | undefined {
  const { ancestors } = store.feedOrigin;
  for (const [index, { feedId }] of ancestors.entries()) {
    const read = readCursor(underFeed(scope, feedId), cursor);
    if (!read.ok) continue;
    const places = [read.place, ...ancestors.slice(index).map(({ through }) => through)];
    return places.reduce((least, place) => (place < least ? place : least));
  }
  return undefined;
}

/**
 * The refusal of a cursor behind which something is missing; `common` is how far it is good, for one of an
 * earlier epoch.
 */
export function expired(scope: TokenScope, oldest: Position, common?: Position) {
  return toConnectError({
    reason: "CURSOR_EXPIRED",
    oldestCursor: printCursor(scope, oldest),
    feedEpoch: scope.feedId,
    ...(common === undefined ? {} : { resumeCursor: printCursor(scope, common) }),
  });
}

/** What there is to say of the feed as a whole. */
export interface FeedDescription {
  readonly feedId: string;
  readonly head: Position;
  readonly oldest: Position;
  /** How long events are kept, 0 for ever. */
  readonly retentionMs: number;
  readonly epochTimeMs: number;
}

/** Says what the feed is, as it stands. */
export async function describeFeed({ store, settings }: Engine): Promise<FeedDescription> {
  const [oldest, head] = await Promise.all([store.oldest(), store.head()]);
  const { feedId, feedOrigin } = store;
  const retentionMs = settings.feedRetentionMs ?? 0;
  return { feedId, head, oldest, retentionMs, epochTimeMs: feedOrigin.timeMs };
}

/** What to follow, and what ends it. */
export interface FollowOptions {
  readonly scope: TokenScope;
  readonly after: Position | "now" | "beginning";
  readonly run?: RunKey | undefined;
  readonly matches: (event: Event, placed: PlacedEvent) => boolean;
  /** The call's own: its client is gone. */
  readonly signal: AbortSignal;
  /** The server's: it is stopping. */
  readonly stopping: AbortSignal;
}

/**
 * Follows the feed until the client is gone, which ends it quietly, or the server stops, which ends it with
 * STOPPING. What can go wrong with the feed becomes a refusal.
 */
export async function* followFeed(engine: Engine, options: FollowOptions): AsyncGenerator<FeedFrame> {
  const { scope, after, run, matches, signal, stopping } = options;
  using ending = eitherSignal(signal, stopping);
  try {
    yield* engine.feeds.follow({ after, run, matches, signal: ending.signal });
    if (stopping.aborted) throw toConnectError({ reason: "STOPPING" });
  } catch (error) {
    throw error instanceof CursorExpired ? expired(scope, error.oldest) : toThrown(error);
  }
}
