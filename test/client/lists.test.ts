import { describe, expect, onTestFinished, test } from "vitest";
import { Action_Kind, Action_State } from "../../gen/signalbox/v1/action_pb.ts";
import {
  ConditionService,
  type SignalConditionRequest,
} from "../../gen/signalbox/v1/condition_service_pb.ts";
import { EventKind, LogLevel } from "../../gen/signalbox/v1/event_pb.ts";
import { EventService, type ListEventsRequest } from "../../gen/signalbox/v1/event_service_pb.ts";
import { Run_State } from "../../gen/signalbox/v1/run_pb.ts";
import { type ListRunsRequest, RunService } from "../../gen/signalbox/v1/run_service_pb.ts";
import { createClient } from "../../src/client/client.ts";
import { toValue } from "../../src/client/js-value.ts";
import { startScriptedServices } from "./scripted-services.ts";

/** A server with seven runs and five events, told two at a time, with an empty page between. */
async function listing() {
  const runRequests: ListRunsRequest[] = [];
  const eventRequests: ListEventsRequest[] = [];
  const signals: SignalConditionRequest[] = [];
  const server = await startScriptedServices((router) => {
    router.service(RunService, {
      listRuns(request) {
        runRequests.push(request);
        const from = Number(request.pageToken || "0");
        const isPassedOver = from === 2 && !request.pageToken.endsWith(".5");
        const size = request.pageSize || 2;
        const ids = isPassedOver
          ? []
          : [0, 1, 2, 3, 4, 5, 6].slice(Math.floor(from), Math.floor(from) + size);
        const next = isPassedOver ? "2.5" : `${Math.floor(from) + size}`;
        const runs = ids.map((id) => ({ runId: `r${id}`, state: Run_State.RUNNING }));
        return { runs, nextPageToken: Number(next) >= 7 ? "" : next };
      },
      getAction: ({ name }) => ({
        action: {
          name,
          kind: Action_Kind.TASK,
          state: Action_State.FAILED,
          createTime: { seconds: 1n, nanos: 5_000_000 },
          outputs: { size: toValue(3) },
          inputs: { lines: { source: { case: "reference", value: { from: "count", output: "lines" } } } },
        },
      }),
    });
    router.service(EventService, {
      listEvents(request) {
        eventRequests.push(request);
        const from = Number(request.pageToken || "0");
        const ids = [0, 1, 2, 3, 4].slice(from, from + 2);
        const detail = { case: "actionLogged", value: { level: LogLevel.WARN, message: "hm" } } as const;
        const events = ids.map((id) => ({ eventId: `e${id}`, detail }));
        return { events, nextPageToken: `${from + ids.length}`, atHead: from + 2 >= 5 };
      },
    });
    router.service(ConditionService, {
      signalCondition(request) {
        signals.push(request);
        return { kept: true };
      },
    });
  });
  const client = createClient({ address: server.address, namespace: "team" });
  onTestFinished(async () => {
    client.close();
    await server.stop();
  });
  return { client, runRequests, eventRequests, signals };
}

describe("a list", () => {
  test("iterates over all pages, short and empty ones too", async () => {
    const { client, runRequests } = await listing();
    const ids = (await client.runs.list().all()).map(({ runId }) => runId);
    expect(ids).toEqual(["r0", "r1", "r2", "r3", "r4", "r5", "r6"]);
    expect(runRequests.map(({ pageToken }) => pageToken)).toEqual(["", "2", "2.5", "4", "6"]);
  });

  test("reads no further page than it is asked for", async () => {
    const { client, runRequests } = await listing();
    for await (const _run of client.runs.list()) {
      break;
    }
    expect(runRequests).toHaveLength(1);
  });

  test("gives single pages with a size and a token", async () => {
    const { client, runRequests } = await listing();
    const list = client.runs.list({ states: ["RUNNING"], labels: { a: "b" }, pausedOnly: true });
    const first = await list.page({ size: 3 });
    const second = await list.page({ size: 3, token: first.nextPageToken });
    const third = await list.page({ size: 3, token: second.nextPageToken });
    expect([first, second, third].map(({ items, last }) => [items.length, last])).toEqual([
      [3, false],
      [3, false],
      [1, true],
    ]);
    const filter = { namespace: "team", states: [Run_State.RUNNING], labels: { a: "b" }, pausedOnly: true };
    expect(runRequests[0]).toMatchObject({ filter, pageSize: 3, pageToken: "" });
  });

  test("of events ends at the head of the feed, although there is a token to go on from", async () => {
    const { client, eventRequests } = await listing();
    const events = await client.events.list({ kinds: ["ACTION_LOGGED"], runId: "r1" }).all();
    expect(events.map(({ eventId }) => eventId)).toEqual(["e0", "e1", "e2", "e3", "e4"]);
    expect(events[0]).toMatchObject({ kind: "ACTION_LOGGED", detail: { level: "WARN", message: "hm" } });
    expect(eventRequests).toHaveLength(3);
    const filter = { namespace: "team", runId: "r1", kinds: [EventKind.ACTION_LOGGED] };
    expect(eventRequests[0]?.filter).toMatchObject(filter);
  });
});

test("an action is told in plain values: names, dates, values and references", async () => {
  const { client } = await listing();
  expect(await client.runs.action("r1", "sum")).toMatchObject({
    name: "sum",
    kind: "TASK",
    state: "FAILED",
    createTime: new Date(1_005),
    endTime: undefined,
    outputs: { size: 3 },
    inputs: { lines: { from: "count", output: "lines" } },
    error: undefined,
  });
});

describe("a signal", () => {
  test.each([
    { value: true, type: undefined, sends: { case: "boolValue", value: true } },
    { value: 5, type: undefined, sends: { case: "intValue", value: 5n } },
    { value: 5, type: "float", sends: { case: "floatValue", value: 5 } },
    { value: "yes", type: undefined, sends: { case: "stringValue", value: "yes" } },
  ] as const)("of $value with type $type is $sends.case", async ({ value, type, sends }) => {
    const { client, signals } = await listing();
    const result = await client.conditions.signal("r1", "approve", value, {
      by: "me",
      ...(type && { type }),
    });
    expect(result).toEqual({ condition: undefined, kept: true, repeated: false });
    expect(signals[0]).toMatchObject({ namespace: "team", runId: "r1", name: "approve", signalledBy: "me" });
    expect(signals[0]?.value?.kind).toEqual(sends);
    expect(signals[0]?.requestId).not.toBe("");
  });

  test.each([
    { value: { a: 1 }, type: undefined },
    { value: [1], type: undefined },
    { value: null, type: undefined },
    { value: "text", type: "json" },
  ] as const)("of $value with type $type is JSON", async ({ value, type }) => {
    const { client, signals } = await listing();
    await client.conditions.signal("r1", "approve", value as never, { ...(type && { type }) });
    expect(signals[0]?.value?.kind.case).toBe("jsonValue");
  });
});
