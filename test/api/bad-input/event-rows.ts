import { EventKind } from "../../../gen/signalbox/v1/event_pb.ts";
import { toJson } from "../../../src/api/mapping/to-proto-value.ts";
import { filterChanged, invalid, noAction, noRun, type Row, readAll, reused, tokenInvalid } from "./row.ts";

/** What the feed is asked for that it cannot give. */
export const eventRows: readonly Row[] = [
  {
    rpc: "ListEvents",
    given: "a token that is none",
    call: (server) => server.events.listEvents({ pageToken: "nonsense" }),
    ...tokenInvalid,
  },
  {
    rpc: "ListEvents",
    given: "a token under another filter",
    call: async (server) => {
      const { nextPageToken: pageToken } = await server.events.listEvents({ filter: { namespace: "other" } });
      return server.events.listEvents({ pageToken });
    },
    ...filterChanged,
  },
  {
    rpc: "ListEvents",
    given: "a kind that does not exist, and one twice",
    call: (server) =>
      server.events.listEvents({
        filter: { kinds: [EventKind.RUN_ENDED, EventKind.RUN_ENDED, 16 as never] },
      }),
    ...invalid,
    fields: ["filter.kinds", "filter.kinds[2]"],
  },
  {
    rpc: "ListEvents",
    given: "an expression that does not parse",
    call: (server) => server.events.listEvents({ filter: { expression: "event.kind ==" } }),
    code: "InvalidArgument",
    reason: "FILTER_INVALID",
  },
  {
    rpc: "WatchEvents",
    given: "a cursor that is none",
    call: (server) => readAll(server.events.watchEvents({ start: { case: "cursor", value: "nonsense" } })),
    ...tokenInvalid,
  },
  {
    rpc: "WatchEvents",
    given: "a cursor that was changed",
    call: async (server) => {
      const { nextPageToken } = await server.events.listEvents({});
      const value = `${nextPageToken.slice(0, -1)}${nextPageToken.endsWith("A") ? "B" : "A"}`;
      await readAll(server.events.watchEvents({ start: { case: "cursor", value } }));
    },
    ...tokenInvalid,
  },
  {
    rpc: "PublishEvents",
    given: "no events",
    call: (server) => server.events.publishEvents({}),
    ...invalid,
    fields: ["events"],
  },
  {
    rpc: "PublishEvents",
    given: "one event of two without a source",
    call: (server) =>
      server.events.publishEvents({
        events: [{ published: { source: "s", type: "t" } }, { published: { type: "t" } }],
      }),
    ...invalid,
    fields: ["events[1].published.source"],
  },
  {
    rpc: "PublishEvents",
    given: "a payload with infinity",
    call: (server) => {
      const payload = toJson(Number.POSITIVE_INFINITY);
      return server.events.publishEvents({ events: [{ published: { source: "s", type: "t", payload } }] });
    },
    ...invalid,
    fields: ["events[0].published.payload"],
  },
  {
    rpc: "PublishEvents",
    given: "an action without a run",
    call: (server) =>
      server.events.publishEvents({ events: [{ action: "t", published: { source: "s", type: "t" } }] }),
    ...invalid,
  },
  {
    rpc: "PublishEvents",
    given: "an unknown run, behind an event that is well",
    call: (server) =>
      server.events.publishEvents({
        events: [
          { published: { source: "s", type: "t" } },
          { runId: "none", published: { source: "s", type: "t" } },
        ],
      }),
    ...noRun,
  },
  {
    rpc: "PublishEvents",
    given: "an unknown action",
    call: (server) =>
      server.events.publishEvents({
        events: [{ runId: "open", action: "none", published: { source: "s", type: "t" } }],
      }),
    ...noAction,
  },
  {
    rpc: "PublishEvents",
    given: "other content under a used request_id",
    call: (server) =>
      server.events.publishEvents({ events: [{ published: { source: "s", type: "u" } }], requestId: "used" }),
    ...reused,
  },
];
