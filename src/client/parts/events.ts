import type { JsonValue } from "@bufbuild/protobuf";
import { timestampDate } from "@bufbuild/protobuf/wkt";
import type { DescribeFeedResponse } from "../../../gen/signalbox/v1/event_service_pb.ts";
import { type EventFrame, type EventWatchOptions, followEvents, toEventFrame } from "../follow.ts";
import { toValueOfType } from "../js-value.ts";
import { type EventQuery, toEventFilter } from "../spec/event-filter.ts";
import { type Event, toEvent } from "../views/event.ts";
import { type CallOptions, type Calls, type ChangeOptions, toWireOptions } from "../wire/calls.ts";
import { listPages, type Pages } from "../wire/pages.ts";
import { mapWatch } from "../wire/watch.ts";

/** An event of a service's own. */
export interface NewEvent {
  /** Who publishes, as a name of its own choosing. */
  readonly source: string;
  /** What kind of thing it is, as a name of its own choosing. */
  readonly type: string;
  readonly attributes?: Readonly<Record<string, string>>;
  readonly payload?: JsonValue;
  /** The run it belongs to, if any. */
  readonly runId?: string;
  /** The action it belongs to, if any; only with a run. */
  readonly action?: string;
}

/** What the feed is, as it stands. */
export interface FeedDescription {
  /** Names this feed. Another name means other events: the store was made anew or put back. */
  readonly epoch: string;
  /** When this epoch began; undefined if that is not known. */
  readonly epochTime: Date | undefined;
  /** The position of the last event, 0 for none. */
  readonly headPosition: bigint;
  /** Everything behind this position is kept. */
  readonly oldestPosition: bigint;
  /** How long events are kept, in milliseconds; 0 means for ever. */
  readonly retentionMs: number;
}

/** The feed: every event of every run, worker and op, in commit order. */
export interface Events {
  /** Reads what is in the feed already, from the oldest event that is kept. */
  list(query?: EventQuery & CallOptions): Pages<Event>;
  /**
   * Follows the feed without end, from now on unless `from` or `cursor` says otherwise: each frame has all
   * matching events of one transaction and the cursor behind it; a bookmark has the cursor alone. With
   * `snapshot` the runs that match come first, as they stand, and then what is committed after that state.
   * Resumes by itself; a cursor goes before `from` and `snapshot`.
   */
  watch(query?: EventQuery & EventWatchOptions): AsyncGenerator<EventFrame, undefined>;
  /** What the feed is, and how much of it is kept. */
  describe(options?: CallOptions): Promise<FeedDescription>;
  /**
   * Puts 1 to 1,000 events into the feed, in order, as one transaction; durable when the promise is
   * fulfilled.
   */
  publish(events: readonly NewEvent[], options?: ChangeOptions): Promise<void>;
}

/** The part of the client that is about the feed. */
export function makeEvents(calls: Calls): Events {
  const { raw } = calls;
  const toFilter = (query: EventQuery & { namespace?: string | undefined }) => ({
    ...toEventFilter(query),
    namespace: query.namespace ?? calls.namespace,
  });
  return {
    list(query = {}) {
      const filter = toFilter(query);
      return listPages(async ({ size, token }) => {
        const request = { filter, pageSize: size, pageToken: token };
        const { events, nextPageToken, atHead } = await raw.events.listEvents(request, toWireOptions(query));
        return { items: events.map(toEvent), nextPageToken, last: atHead };
      });
    },
    watch: (query = {}) => mapWatch(followEvents(calls, toFilter(query), query), toEventFrame),
    async describe(options = {}) {
      return toFeedDescription(await raw.events.describeFeed({}, toWireOptions(options)));
    },
    async publish(events, { requestId = "", ...options } = {}) {
      const request = {
        namespace: options.namespace ?? calls.namespace,
        requestId,
        events: events.map(toNewEvent),
      };
      await raw.events.publishEvents(request, toWireOptions(options));
    },
  };
}

/** What the server says of its feed. */
export function toFeedDescription(answer: DescribeFeedResponse): FeedDescription {
  const { feedEpoch, epochTime, headPosition, oldestPosition, retentionSeconds } = answer;
  return {
    epoch: feedEpoch,
    epochTime: epochTime === undefined ? undefined : timestampDate(epochTime),
    headPosition,
    oldestPosition,
    retentionMs: Number(retentionSeconds) * 1_000,
  };
}

function toNewEvent({ source, type, attributes = {}, payload, runId = "", action = "" }: NewEvent) {
  const { kind } = toValueOfType(payload ?? null, "json", "the payload");
  const json = payload === undefined || kind.case !== "jsonValue" ? {} : { payload: kind.value };
  return { runId, action, published: { source, type, attributes, ...json } };
}
