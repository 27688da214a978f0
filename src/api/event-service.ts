import type { ServiceImpl } from "@connectrpc/connect";
import type { Event as EventMessage } from "../../gen/signalbox/v1/event_pb.ts";
import type { EventService } from "../../gen/signalbox/v1/event_service_pb.ts";
import type { Event, Position } from "../core/event.ts";
import type { Engine } from "../engine/engine.ts";
import type { EventMatcher } from "../engine/subscriptions/expressions.ts";
import { feedBatchBytesMax, rowsPerPageScanMax } from "../limits.ts";
import { frameSinkKey } from "./carrier/frame-sink.ts";
import { eventMatcher, fromEventFilter } from "./events/event-filter.ts";
import { watchEvents } from "./events/watch-events.ts";
import type { EventFilter } from "./feed.ts";
import { describeFeed, expired, positionIn, runOf } from "./feed.ts";
import { fromPublished } from "./mapping/from-proto-report.ts";
import { fromNamespace } from "./mapping/from-proto-run.ts";
import { toTimestamp } from "./mapping/time.ts";
import { toPlacedEvent } from "./mapping/to-proto-event.ts";
import { answered, requestOf, translated } from "./requests.ts";
import { printCursor, tokenScope } from "./token.ts";

/** How many events a page has that does not say. */
const defaultPageSize = 100;

/** The feed, as its contract says. */
export function eventService(engine: Engine, stopping: AbortSignal): ServiceImpl<typeof EventService> {
  return {
    async listEvents({ filter: stated, pageSize, pageToken }) {
      const filter = fromEventFilter(stated);
      const matches = eventMatcher(filter);
      const scope = tokenScope("events", filter, engine.store.feedId);
      const oldest = await engine.store.oldest();
      const after = pageToken === "" ? oldest : await positionIn(engine, scope, pageToken);
      if (after < oldest || after > (await engine.store.head())) throw expired(scope, oldest);
      const size = pageSize === 0 ? defaultPageSize : pageSize;
      const page = await readEvents(engine, { filter, matches }, after, size);
      // Events may have been removed while it was read: then there are holes in it.
      const kept = await engine.store.oldest();
      if (kept > after) throw expired(scope, kept);
      return { events: page.events, nextPageToken: printCursor(scope, page.through), atHead: page.atHead };
    },

    watchEvents: (request, { signal, values }) => {
      return watchEvents(engine, request, { signal, stopping, sink: values.get(frameSinkKey) });
    },

    async describeFeed() {
      const { feedId, head, oldest, retentionMs, epochTimeMs } = await describeFeed(engine);
      return {
        feedEpoch: feedId,
        headPosition: head,
        oldestPosition: oldest,
        retentionSeconds: BigInt(Math.ceil(retentionMs / 1_000)),
        epochTime: toTimestamp(epochTimeMs),
      };
    },

    async publishEvents({ namespace: stated, requestId, events: statedEvents }) {
      const namespace = fromNamespace(stated);
      const events = translated((faults) =>
        faults.each("events", statedEvents, ({ runId, action, published }) => ({
          runId,
          action,
          published: faults.within("published", () => {
            if (published !== undefined) return fromPublished(published, faults);
            faults.add("must be set");
            return { source: "", type: "", attributes: {}, payload: undefined };
          }),
        })),
      );
      const request = requestOf(requestId, { namespace, events });
      const { answer } = answered(
        await engine.execute({ kind: "publishEvents", request, namespace, events }),
      );
      return { publishedCount: answer.count };
    },
  };
}

/** A page of events: whole transactions, until enough match or enough was looked at. */
async function readEvents(
  engine: Engine,
  { filter, matches }: { readonly filter: EventFilter; readonly matches: EventMatcher },
  start: Position,
  pageSize: number,
): Promise<{ readonly events: EventMessage[]; readonly through: Position; readonly atHead: boolean }> {
  const run = runOf(filter);
  const events: EventMessage[] = [];
  let after = start;
  for (let scanned = 0; ; ) {
    const eventsMax = pageSize;
    const page = await engine.store.readFeed({ after, run, eventsMax, bytesMax: feedBatchBytesMax });
    for (const { first, events: committed } of page.transactions) {
      scanned += committed.length;
      committed.forEach((event: Event, index) => {
        const placed = { position: (first + BigInt(index)) as Position, event };
        if (matches(event, placed)) events.push(toPlacedEvent(placed));
      });
    }
    after = page.through;
    // Whatever matched is sent: going on could take the page over the size of a message.
    if (page.atHead || events.length > 0 || scanned >= rowsPerPageScanMax) {
      return { events, through: after, atHead: page.atHead };
    }
  }
}
