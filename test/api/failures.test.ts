import { create } from "@bufbuild/protobuf";
import { ConnectError } from "@connectrpc/connect";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { RetryInfoSchema } from "../../gen/google/rpc/error_details_pb.ts";
import { Reason } from "../../gen/signalbox/v1/reason_pb.ts";
import { CreateRunRequestSchema } from "../../gen/signalbox/v1/run_service_pb.ts";
import { ValueType } from "../../gen/signalbox/v1/value_pb.ts";
import { MemoryStore } from "../../src/store/memory/memory-store.ts";
import { type Store, StoreUnavailable } from "../../src/store/store.ts";
import { describeRefusal, refusalIn, TestServer } from "../support/test-server.ts";

/** A store that can be taken away and given back, as a full disk or a lost network does. */
function breakable(): { readonly store: Store; isBroken: boolean } {
  const state = { isBroken: false };
  const store = new Proxy<Store>(new MemoryStore(), {
    get(target, name) {
      const member: unknown = Reflect.get(target, name);
      if (typeof member !== "function") return member;
      return (...given: readonly unknown[]): unknown => {
        if (state.isBroken && name !== "close")
          return Promise.reject(new StoreUnavailable("the disk is full"));
        return Reflect.apply(member, target, given);
      };
    },
  });
  return Object.assign(state, { store });
}

let server: TestServer;
let disk: ReturnType<typeof breakable>;
beforeAll(async () => {
  disk = breakable();
  server = await TestServer.start({ store: disk.store });
  const actions = [
    { name: "approve", kind: { case: "condition" as const, value: { type: ValueType.BOOL } } },
  ];
  await server.runs.createRun({ run: { runId: "r", work: { case: "plan", value: { actions } } } });
});
afterAll(async () => {
  disk.isBroken = false;
  await server.close();
});
beforeEach(() => {
  disk.isBroken = false;
});

const request = create(CreateRunRequestSchema, { run: { work: { case: "task", value: { op: "x" } } } });

async function readAll(stream: AsyncIterable<unknown>): Promise<void> {
  for await (const _ of stream);
}

describe("while the store cannot be used", () => {
  test.each<{ name: string; call: () => Promise<unknown> }>([
    { name: "CreateRun", call: () => server.runs.createRun(request) },
    { name: "GetRun", call: () => server.runs.getRun({ runId: "r" }) },
    { name: "ListRuns", call: () => server.runs.listRuns({}) },
    { name: "ExplainAction", call: () => server.runs.explainAction({ runId: "r", name: "approve" }) },
    { name: "ListConditions", call: () => server.conditions.listConditions({}) },
    { name: "ListEvents", call: () => server.events.listEvents({}) },
    { name: "GetOp", call: () => server.ops.getOp({ name: "x" }) },
    { name: "ListWorkers", call: () => server.workers.listWorkers({}) },
    { name: "WatchRun", call: () => readAll(server.runs.watchRun({ runId: "r" })) },
    { name: "WatchConditions", call: () => readAll(server.conditions.watchConditions({})) },
    { name: "WatchEvents", call: () => readAll(server.events.watchEvents({})) },
  ])("$name is told to try again, and nothing of the cause", async ({ call }) => {
    disk.isBroken = true;
    const error = await call().then(
      () => undefined,
      (thrown: unknown) => ConnectError.from(thrown),
    );
    expect(describeRefusal(error)).toEqual({
      code: "Unavailable",
      reason: "STORE_UNAVAILABLE",
      metadata: {},
      fields: [],
    });
    expect(error?.findDetails(RetryInfoSchema)).toMatchObject([{ retryDelay: { seconds: 1n } }]);
    expect(error?.message).not.toContain("disk");
  });

  test("BatchCreateRuns tells each of its requests so", async () => {
    disk.isBroken = true;
    const { results } = await server.runs.batchCreateRuns({ requests: [request, request] });
    expect(results.map(({ result }) => result.case === "refusal" && result.value.reason)).toEqual([
      Reason.STORE_UNAVAILABLE,
      Reason.STORE_UNAVAILABLE,
    ]);
  });

  test("a worker stream ends, and its worker attaches again when the store is back", async () => {
    const worker = await server.attach();
    disk.isBroken = true;
    worker.send({ case: "pulse", value: {} });
    expect(describeRefusal(await worker.ended)).toMatchObject({ reason: "STORE_UNAVAILABLE" });
    disk.isBroken = false;
    const again = await server.attach();
    again.send({ case: "leave", value: {} });
    expect(await again.ended).toBeUndefined();
  });

  test("a stream that followed the feed goes on behind its cursor when the store is back", async () => {
    const frames = server.events.watchEvents({})[Symbol.asyncIterator]();
    const { value: first } = (await frames.next()) as { value: { cursor: string } };
    await frames.return?.();
    const value = first.cursor;
    disk.isBroken = true;
    const resumed = readAll(server.events.watchEvents({ start: { case: "cursor", value } }));
    expect(await refusalIn(resumed)).toMatchObject({ reason: "STORE_UNAVAILABLE" });
    disk.isBroken = false;
    const again = server.events.watchEvents({ start: { case: "cursor", value } })[Symbol.asyncIterator]();
    expect((await again.next()).value).toMatchObject({ cursor: value });
    await again.return?.();
  });
});
