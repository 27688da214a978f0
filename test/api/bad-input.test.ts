import type { ClientReadableStream } from "@grpc/grpc-js";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { SpecType } from "../../gen/signalbox/v1/op_pb.ts";
import { Reason } from "../../gen/signalbox/v1/reason_pb.ts";
import { services } from "../../src/api/routes.ts";
import type { Position } from "../../src/core/event.ts";
import { grpcJsClient } from "../support/grpc-js.ts";
import { refusalIn, type SeenRefusal, TestServer } from "../support/test-server.ts";
import { actionRows } from "./bad-input/action-rows.ts";
import { attemptRows } from "./bad-input/attempt-rows.ts";
import { conditionRows } from "./bad-input/condition-rows.ts";
import { eventRows } from "./bad-input/event-rows.ts";
import { limitRows } from "./bad-input/limit-rows.ts";
import { opRows } from "./bad-input/op-rows.ts";
import { asking, condition, plan, task, yes } from "./bad-input/row.ts";
import { runRows } from "./bad-input/run-rows.ts";
import { subscriptionRows } from "./bad-input/subscription-rows.ts";
import { workerRows } from "./bad-input/worker-rows.ts";

let server: TestServer;
let headBefore: Position;

beforeAll(async () => {
  server = await TestServer.start({ deliveries: { allowsInside: false } });
  const { runs, conditions, events, ops, limits, workers, subscriptions } = server;
  const labels = Object.fromEntries(Array.from({ length: 64 }, (_, index) => [`l${index}`, ""]));
  const work = plan(
    { name: "approve", kind: condition },
    { name: "asked", kind: condition },
    { name: "t", kind: task },
  );
  await ops.registerOp({ op: { name: "live" } });
  await runs.createRun({ run: { runId: "using", work: { case: "task", value: { op: "live" } } } });
  await runs.createRun({ run: { runId: "open", work }, requestId: "used" });
  await conditions.signalCondition({ runId: "open", name: "asked", value: yes, requestId: "used" });
  await runs.createRun({ run: { runId: "ended", work } });
  await runs.cancelRun({ runId: "ended", requestId: "used" });
  await runs.createRun({ run: { runId: "asking", work: plan(...asking) } });
  await runs.createRun({ run: { runId: "good", work: plan({ name: "approve", kind: condition }) } });
  await conditions.signalCondition({ runId: "good", name: "approve", value: yes });
  await runs.createRun({ run: { runId: "again", work: plan({ name: "approve", kind: condition }) } });
  await runs.cancelRun({ runId: "again" });
  await runs.retryRun({ runId: "again", requestId: "used" });
  await runs.updateRun({ runId: "open", priority: 1, requestId: "used" });
  await runs.updateRun({ runId: "again", setLabels: labels });
  await events.publishEvents({ events: [{ published: { source: "s", type: "t" } }], requestId: "used" });
  await ops.registerOp({ op: { name: "known" }, requestId: "used" });
  await ops.registerOp({ op: { name: "typed", inputs: { n: { type: SpecType.INT } } } });
  const op = { case: "op", value: "count" } as const;
  await limits.setLimit({ limit: { name: "known", scope: op }, requestId: "used" });
  await limits.setLimit({ limit: { name: "gone", scope: op } });
  await limits.deleteLimit({ name: "gone", requestId: "used" });
  // Of what never happens, so that its place never moves.
  const filter = { labels: { never: "" } };
  const pulled = { filter, target: { case: "pull", value: {} } } as const;
  const posted = { filter, target: { case: "webhook", value: { url: "http://192.0.0.9.invalid" } } } as const;
  await subscriptions.createSubscription({ subscription: { name: "known", ...pulled }, requestId: "used" });
  await subscriptions.createSubscription({ subscription: { name: "sent", ...posted } });
  await subscriptions.createSubscription({ subscription: { name: "deleted", ...pulled } });
  await subscriptions.releaseDeadLetters({ name: "deleted", requestId: "used" });
  await subscriptions.deleteSubscription({ name: "deleted", requestId: "used" });
  await server.attach({ workerId: "evicted" });
  await workers.evictWorker({ workerId: "evicted", requestId: "used" });
  const worker = await server.attach({ workerId: "drained" });
  await workers.drainWorker({ workerId: "drained", requestId: "used" });
  worker.send({ case: "leave", value: {} });
  await worker.ended;
});

afterAll(async () => {
  expect(server.errors).toEqual([]);
  await server.close();
});

beforeEach(async () => {
  headBefore = await server.store.head();
});

afterEach(async () => {
  // The server is up, and what was there is as it was.
  const { run } = await server.runs.getRun({ runId: "open" });
  expect(run).toMatchObject({ priority: 1, actionCount: 3, pausedConditionCount: 1, endedActionCount: 1 });
});

const rows = [
  ...runRows,
  ...actionRows,
  ...attemptRows,
  ...conditionRows,
  ...eventRows,
  ...opRows,
  ...limitRows,
  ...workerRows,
  ...subscriptionRows,
];

describe("bad input", () => {
  test.each(rows)("to $rpc, $given: $reason", async ({ call, code, reason, metadata, fields, attaches }) => {
    const seen: SeenRefusal = await refusalIn(call(server));
    expect({ code: seen.code, reason: seen.reason }).toEqual({ code, reason });
    if (metadata !== undefined) expect(seen.metadata).toEqual(metadata);
    if (fields !== undefined) expect([...new Set(seen.fields)].toSorted()).toEqual(fields.toSorted());
    if (reason === "INVALID_REQUEST")
      expect(seen.metadata["violation_count"]).toBe(String(seen.fields.length));
    if (attaches === undefined) expect(await server.store.head()).toBe(headBefore);
  });

  test("is tried on every method", () => {
    // DescribeFeed asks for nothing that could be wrong.
    const methods = services
      .flatMap((service) => service.methods.map(({ name }) => name))
      .filter((name) => name !== "DescribeFeed");
    expect([...new Set(rows.map(({ rpc }) => rpc))].toSorted()).toEqual(methods.toSorted());
  });

  test("meets every reason that a call can be refused with", () => {
    // Declared for streams and servers in other states; shown in the tests of those.
    const elsewhere = [
      "LINK_INVALID",
      "LINK_EXPIRED",
      "LINK_USED",
      "ATTEMPTS_EXHAUSTED",
      "CURSOR_EXPIRED",
      "STALE_EPOCH",
      "SESSION_GONE",
      "ACTION_EXISTS",
      "STOPPING",
      "TOO_SLOW",
      "UNAUTHENTICATED",
    ];
    const reasons = Object.keys(Reason).filter(
      (name) => !["UNSPECIFIED", "STORE_UNAVAILABLE"].includes(name),
    );
    const met = new Set(rows.map(({ reason }) => reason));
    expect(reasons.filter((reason) => !met.has(reason)).toSorted()).toEqual(elsewhere.toSorted());
  });
});

describe("bytes that are no message", () => {
  const garbage = Buffer.from([0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01]);
  const methods = services.flatMap((service) =>
    service.methods.map((method) => ({ service, method, path: `/${service.typeName}/${method.name}` })),
  );

  test.each(methods)(
    "sent to $path end that call alone, as the client's mistake",
    async ({ service, method, path }) => {
      const client = grpcJsClient(service, server.carrier.address.url.replace("http://", ""));
      const asSent = (bytes: Buffer) => bytes;
      const ended = new Promise<{ code?: number }>((resolve) => {
        const listen = (call: ClientReadableStream<Buffer>) => {
          call.on("data", () => {});
          call.on("error", resolve);
          call.on("end", () => resolve({}));
        };
        if (method.methodKind === "unary") {
          client.makeUnaryRequest(path, asSent, asSent, garbage, (error) => resolve(error ?? {}));
        } else if (method.methodKind === "server_streaming") {
          listen(client.makeServerStreamRequest(path, asSent, asSent, garbage));
        } else {
          const call = client.makeBidiStreamRequest(path, asSent, asSent);
          call.write(garbage);
          listen(call);
        }
      });
      // gRPC's own word for it is INTERNAL; on a stream, where a method has begun, it is INVALID_ARGUMENT.
      expect((await ended).code).toBe(method.methodKind === "unary" ? 13 : 3);
      client.close();
      expect(await server.store.head()).toBe(headBefore);
    },
  );

  test.each([
    { name: "a field that does not exist", body: { runId: "open", nonsense: true } },
    { name: "a number for a text", body: { runId: 5 } },
    { name: "a list for a message", body: [] },
  ])("but JSON with $name end the call with 400", async ({ body }) => {
    const response = await fetch(`${server.url}/signalbox.v1.RunService/GetRun`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(body),
    });
    expect(response.status).toBe(400);
    expect(await response.json()).toMatchObject({ code: "invalid_argument" });
  });
});
