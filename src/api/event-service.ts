import type { ServiceImpl } from "@connectrpc/connect";
import type {
  EventKind as EventKindMessage,
  Event as EventMessage,
} from "../../gen/signalbox/v1/event_pb.ts";
import type {
  EventFilter as EventFilterMessage,
  EventService,
  WatchEventsRequest,
} from "../../gen/signalbox/v1/event_service_pb.ts";
import type { Event, EventKind, Position } from "../core/event.ts";
import type { Engine } from "../engine/engine.ts";
import { feedBatchBytesMax, rowsPerPageScanMax } from "../limits.ts";
import type { EventFilter } from "./feed.ts";
import { expired, followFeed, matcherOf, positionIn, runOf } from "./feed.ts";
import { eventKinds } from "./mapping/enums.ts";
import { fromPublished } from "./mapping/from-proto-report.ts";
import { fromNamespace } from "./mapping/from-proto-run.ts";
import { toEvent, toPlacedEvent } from "./mapping/to-proto-event.ts";
import { answered, fromNamespaces, requestOf, translated } from "./requests.ts";
import type { TokenScope } from "./token.ts";
import { printCursor, tokenScope } from "./token.ts";

/** How many events a page has that does not say. */
const defaultPageSize = 100;

/** The feed, as its contract says. */
export function eventService(engine: Engine, stopping: AbortSignal): ServiceImpl<typeof EventService> {
  const scopeOf = (filter: EventFilter) => tokenScope("events", filter, engine.store.feedId);

  return {
    async listEvents({ filter: stated, pageSize, pageToken }) {
      const filter = fromEventFilter(stated);
      const scope = scopeOf(filter);
      const oldest = await engine.store.oldest();
      const after = pageToken === "" ? oldest : await positionIn(engine, scope, pageToken);
      if (after < oldest || after > (await engine.store.head())) throw expired(scope, oldest);
      const page = await readEvents(engine, filter, after, pageSize === 0 ? defaultPageSize : pageSize);
      return { events: page.events, nextPageToken: printCursor(scope, page.through), atHead: page.atHead };
    },

    async *watchEvents({ filter: stated, start }, { signal }) {
      const filter = fromEventFilter(stated);
      const scope = scopeOf(filter);
      const after = await startOf(engine, scope, start);
      const matches = matcherOf(filter);
      const run = runOf(filter);
      for await (const frame of followFeed(engine, { scope, after, run, matches, signal, stopping })) {
        yield {
          events: frame.events.map(toPlacedEvent),
          cursor: printCursor(scope, frame.through),
          atHead: frame.atHead,
        };
      }
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

function startOf(
  engine: Engine,
  scope: TokenScope,
  start: WatchEventsRequest["start"],
): Promise<Position> | "now" | "beginning" {
  switch (start.case) {
    case "cursor":
      return positionIn(engine, scope, start.value);
    case "beginning":
      return "beginning";
    case "now":
    case undefined:
      return "now";
  }
}

function fromEventFilter(filter: EventFilterMessage | undefined): EventFilter {
  const runId = filter?.runId ?? "";
  return {
    namespace: fromNamespaces(filter?.namespace ?? ""),
    runId: runId === "" ? undefined : runId,
    kinds: fromKinds(filter?.kinds ?? []),
    labels: filter?.labels ?? {},
    topics: [...(filter?.topics ?? [])].sort(),
  };
}

/** Sorted, so that the order in which kinds are named makes no other filter. */
export function fromKinds(kinds: readonly EventKindMessage[]): readonly EventKind[] {
  return kinds.flatMap((kind) => eventKinds.word(kind) ?? []).sort();
}

/** A page of events: whole transactions, until enough match or enough was looked at. */
async function readEvents(
  engine: Engine,
  filter: EventFilter,
  start: Position,
  pageSize: number,
): Promise<{ readonly events: EventMessage[]; readonly through: Position; readonly atHead: boolean }> {
  const matches = matcherOf(filter);
  const run = runOf(filter);
  const events: EventMessage[] = [];
  let after = start;
  for (let scanned = 0; ; ) {
    const eventsMax = pageSize;
    const page = await engine.store.readFeed({ after, run, eventsMax, bytesMax: feedBatchBytesMax });
    for (const { first, events: committed } of page.transactions) {
      scanned += committed.length;
      committed.forEach((event: Event, index) => {
        if (matches(event)) events.push(toEvent((first + BigInt(index)) as Position, event));
      });
    }
    after = page.through;
    // Whatever matched is sent: going on could take the page over the size of a message.
    if (page.atHead || events.length > 0 || scanned >= rowsPerPageScanMax) {
      return { events, through: after, atHead: page.atHead };
    }
  }
}
