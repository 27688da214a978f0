import { toBinary } from "@bufbuild/protobuf";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Action_State } from "../../gen/signalbox/v1/action_pb.ts";
import {
  ConditionService,
  type WatchConditionsResponse,
  WatchConditionsResponseSchema,
} from "../../gen/signalbox/v1/condition_service_pb.ts";
import {
  EventService,
  type WatchEventsResponse,
  WatchEventsResponseSchema,
} from "../../gen/signalbox/v1/event_service_pb.ts";
import { Reason } from "../../gen/signalbox/v1/reason_pb.ts";
import {
  RunService,
  type WatchRunResponse,
  WatchRunResponseSchema,
} from "../../gen/signalbox/v1/run_service_pb.ts";
import { ValueType } from "../../gen/signalbox/v1/value_pb.ts";
import { ActionsAddedSchema, AssignmentSchema } from "../../gen/signalbox/v1/worker_service_pb.ts";
import { grpcJsClient } from "../support/grpc-js.ts";
import { TestServer } from "../support/test-server.ts";
import { TestWorker } from "../support/test-worker.ts";

/** What gRPC clients take by default. */
const stockMessageBytesMax = 4 * 1024 * 1024;
const text = "x".repeat(900_000);

let server: TestServer;
beforeAll(async () => {
  server = await TestServer.start();
});
afterAll(() => server.close());

/** Follows a namespace from the beginning with a stock gRPC client until a run has ended. */
async function followToEnd(namespace: string): Promise<readonly WatchEventsResponse[]> {
  const client = grpcJsClient(EventService, new URL(server.url).host);
  const frames: WatchEventsResponse[] = [];
  const stream = client.watchEvents({ filter: { namespace }, start: { case: "beginning", value: {} } });
  for await (const frame of stream as AsyncIterable<WatchEventsResponse>) {
    frames.push(frame);
    if (frame.events.some(({ detail }) => detail.case === "runEnded")) break;
  }
  client.close();
  return frames;
}

function largest(frames: readonly WatchEventsResponse[]): number {
  return Math.max(...frames.map((frame) => toBinary(WatchEventsResponseSchema, frame).byteLength));
}

test("the outputs of many attempts in one frame reach a stock client, and the task that takes them", async () => {
  const namespace = "outputs";
  const names = ["a", "b", "c"];
  const inputs = Object.fromEntries(
    names.map((from) => [from, { source: { case: "reference" as const, value: { from, output: "text" } } }]),
  );
  const actions = [
    ...names.map((name) => ({ name, kind: { case: "task" as const, value: { op: "count" } } })),
    { name: "join", kind: { case: "task" as const, value: { op: "count", inputs } } },
  ];
  await server.runs.createRun({ run: { namespace, runId: "r", work: { case: "plan", value: { actions } } } });
  const worker = await TestWorker.attach(server.url, { namespace });
  const attempts = [];
  for (const _ of names) attempts.push((await worker.take()).attempt);
  const outputs = { text: { kind: { case: "stringValue" as const, value: text } } };
  const reports = attempts.map((attempt) => ({
    ...(attempt && { attempt }),
    sequence: 1n,
    content: { case: "succeeded" as const, value: { outputs } },
  }));
  worker.send({ case: "report", value: { reports } });
  const join = await worker.take();
  expect(Object.keys(join.inputs).sort()).toEqual(names);
  expect(toBinary(AssignmentSchema, join).byteLength).toBeLessThan(stockMessageBytesMax);
  await worker.report(join.attempt, 1n, { case: "succeeded", value: { outputs: {} } });
  expect(largest(await followToEnd(namespace))).toBeLessThan(stockMessageBytesMax);
});

test("the end of a run of ten thousand actions reaches a stock client", async () => {
  const namespace = "many";
  const actions = Array.from({ length: 10_000 }, (_, index) => ({
    name: `c${index}`,
    kind: { case: "condition" as const, value: { type: ValueType.BOOL, prompt: "x".repeat(90) } },
  }));
  const labels = { team: "x".repeat(90) };
  await server.runs.createRun({
    run: { namespace, runId: "r", labels, work: { case: "plan", value: { actions } } },
  });
  await server.runs.cancelRun({ namespace, runId: "r", cause: "y".repeat(4_000) });
  expect(largest(await followToEnd(namespace))).toBeLessThan(stockMessageBytesMax);
});

describe("a transaction that changes thousands of conditions, or large ones", () => {
  /** The plan of a run, and what ends all of it in one transaction. */
  const rows = [
    {
      what: "ten thousand that are withdrawn",
      namespace: "withdrawn",
      conditions: Array.from({ length: 10_000 }, (_, index) => ({
        name: `c${index}`,
        prompt: "x".repeat(90),
      })),
      end: (namespace: string) => server.runs.cancelRun({ namespace, runId: "r", cause: "y".repeat(4_000) }),
    },
    {
      what: "a group of large ones, of which one is answered",
      namespace: "group",
      conditions: Array.from({ length: 60 }, (_, index) => ({
        name: `c${index}`,
        group: "g",
        schema: { description: "x".repeat(60_000) },
      })),
      end: (namespace: string) =>
        server.conditions.signalCondition({
          namespace,
          runId: "r",
          name: "c0",
          value: { kind: { case: "boolValue", value: true } },
        }),
    },
  ];

  async function create({ namespace, conditions }: (typeof rows)[number]): Promise<readonly string[]> {
    const actions = conditions.map(({ name, ...asked }) => ({
      name,
      kind: { case: "condition" as const, value: { type: ValueType.BOOL, ...asked } },
    }));
    await server.runs.createRun({
      run: {
        namespace,
        runId: "r",
        labels: { team: "x".repeat(90) },
        work: { case: "plan", value: { actions } },
      },
    });
    return conditions.map(({ name }) => name).sort();
  }

  test.each(rows)("reaches who follows conditions: $what", async (row) => {
    const names = await create(row);
    const { namespace } = row;
    const client = grpcJsClient(ConditionService, new URL(server.url).host);
    const stream = client.watchConditions({ filter: { namespace } });
    const open: string[] = [];
    const ended: string[] = [];
    let eventCount = 0;
    let cursor = "";
    for await (const frame of stream as AsyncIterable<WatchConditionsResponse>) {
      const size = toBinary(WatchConditionsResponseSchema, frame).byteLength;
      expect(size).toBeLessThan(stockMessageBytesMax);
      (frame.snapshot ? open : ended).push(...frame.conditions.map(({ name }) => name));
      if (frame.snapshot) {
        if (frame.atHead) await row.end(namespace);
        ({ cursor } = frame);
        continue;
      }
      eventCount += frame.events.length;
      // What is cut between the frames of one transaction begins with it again.
      if (frame.events.length === 0) expect(frame.cursor).toBe(cursor);
      else break;
    }
    client.close();
    expect(open.sort()).toEqual(names);
    expect(ended.sort()).toEqual(names);
    expect(eventCount).toBeGreaterThanOrEqual(names.length);
  });

  test.each(rows)("reaches who follows the run: $what", async ({ namespace: of, ...row }) => {
    const namespace = `${of}-run`;
    const names = await create({ ...row, namespace });
    const client = grpcJsClient(RunService, new URL(server.url).host);
    const stream = client.watchRun({ namespace, runId: "r" });
    const changed = new Set<string>();
    const told = new Set<string>();
    let isOpen = true;
    for await (const frame of stream as AsyncIterable<WatchRunResponse>) {
      expect(toBinary(WatchRunResponseSchema, frame).byteLength).toBeLessThan(stockMessageBytesMax);
      if (!frame.snapshot) for (const { name } of frame.actions) changed.add(name);
      for (const { action } of frame.events) told.add(action);
      if (frame.ended) break;
      if (isOpen && frame.cursor !== "") {
        isOpen = false;
        await row.end(namespace);
      }
    }
    client.close();
    expect([...changed].sort()).toEqual(names);
    expect([...told].filter((name) => name !== "").sort()).toEqual(names);
  });
});

test("children that have ended with more than a frame holds are told one by one to a parent that asks again", async () => {
  const namespace = "children";
  const retry = { maxAttempts: 2, initialBackoff: { seconds: 0n, nanos: 1_000_000 } };
  await server.runs.createRun({
    run: { namespace, runId: "r", work: { case: "task", value: { op: "count", retry } } },
  });
  const names = Array.from({ length: 6 }, (_, index) => `part${index}`);
  const actions = names.map((name) => ({ name, kind: { case: "task" as const, value: { op: "count" } } }));
  const worker = await TestWorker.attach(server.url, { namespace });
  const { attempt: first } = await worker.take();
  worker.send({ case: "addActions", value: { callId: 1n, ...(first && { attempt: first }), actions } });
  expect((await worker.next("actionsAdded")).actions).toHaveLength(names.length);
  const outputs = { text: { kind: { case: "stringValue" as const, value: text } } };
  for (const _ of names) {
    const { attempt } = await worker.take();
    await worker.report(attempt, 1n, { case: "succeeded", value: { outputs } });
  }
  await worker.report(first, 1n, { case: "failed", value: { type: "E", message: "no" } });
  const { attempt } = await worker.take();
  const ask = async (callId: bigint, asked: typeof actions) => {
    worker.send({ case: "addActions", value: { callId, ...(attempt && { attempt }), actions: asked } });
    return worker.next("actionsAdded");
  };
  expect(await ask(2n, actions)).toMatchObject({
    callId: 2n,
    actions: [],
    refusal: { reason: Reason.LIMIT_REACHED },
  });
  for (const [index, action] of actions.entries()) {
    const added = await ask(BigInt(3 + index), [action]);
    expect(toBinary(ActionsAddedSchema, added).byteLength).toBeLessThan(stockMessageBytesMax);
    expect(added.actions).toMatchObject([{ name: `main/${action.name}`, state: Action_State.SUCCEEDED }]);
  }
});
