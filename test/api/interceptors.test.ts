import { create } from "@bufbuild/protobuf";
import type { ConnectRouter, ServiceImpl } from "@connectrpc/connect";
import { Code, ConnectError, createClient } from "@connectrpc/connect";
import { createConnectTransport, createGrpcTransport } from "@connectrpc/connect-node";
import { describe, expect, onTestFinished, test, vi } from "vitest";
import { BadRequestSchema, ErrorInfoSchema } from "../../gen/google/rpc/error_details_pb.ts";
import {
  Health,
  HealthCheckResponse_ServingStatus as ServingStatus,
} from "../../gen/grpc/health/v1/health_pb.ts";
import { GetOpResponseSchema, OpService } from "../../gen/signalbox/v1/op_service_pb.ts";
import { WorkerService } from "../../gen/signalbox/v1/worker_service_pb.ts";
import { observeCalls } from "../../src/api/interceptors/observe.ts";
import { invalidRequest, validateRequests } from "../../src/api/interceptors/validate.ts";
import { collect, keptLog, openCarrier } from "../support/carrier.ts";
import { grpcJsClient } from "../support/grpc-js.ts";

/** What a failed call told its client. */
async function failureOf(call: Promise<unknown>): Promise<ConnectError> {
  return call.then(
    () => Promise.reject(new Error("the call succeeded")),
    (error: unknown) => ConnectError.from(error),
  );
}

describe("a request that breaks the rules of its schema", () => {
  async function openOps() {
    const routes = (router: ConnectRouter) =>
      router.service(OpService, { getOp: () => create(GetOpResponseSchema) });
    const carrier = await openCarrier(routes, {
      interceptors: [validateRequests({ services: [OpService] })],
    });
    return createClient(OpService, createGrpcTransport({ baseUrl: carrier.address.url }));
  }

  test("is INVALID_REQUEST with every violation, the first one in the message", async () => {
    const client = await openOps();
    const failed = await failureOf(client.getOp({ namespace: "No Capitals", name: "", version: -1 }));
    expect(failed.code).toBe(Code.InvalidArgument);
    const [violations] = failed.findDetails(BadRequestSchema);
    const fields = violations?.fieldViolations.map(({ field }) => field) ?? [];
    expect([...new Set(fields)]).toEqual(["namespace", "name", "version"]);
    expect(failed.rawMessage).toBe(
      `namespace: ${violations?.fieldViolations[0]?.description} (and ${fields.length - 1} more)`,
    );
    expect(failed.findDetails(ErrorInfoSchema)).toMatchObject([
      {
        reason: "INVALID_REQUEST",
        domain: "signalbox",
        metadata: {
          field: "namespace",
          violation_count: String(fields.length),
          listed_count: String(fields.length),
        },
      },
    ]);
  });

  test("does not reach the method, and one that keeps them does", async () => {
    const client = await openOps();
    await expect(client.getOp({ name: "" })).rejects.toMatchObject({ code: Code.InvalidArgument });
    await expect(client.getOp({ name: "count-lines" })).resolves.toMatchObject({
      $typeName: "signalbox.v1.GetOpResponse",
    });
  });

  test("lists as many violations as fit a trailer, and says how many there are", () => {
    const violations = Array.from({ length: 500 }, (_, index) => ({
      field: `f[${index}]`,
      description: "x".repeat(90),
    }));
    const failed = invalidRequest(violations);
    const [info] = failed.findDetails(ErrorInfoSchema);
    const [details] = failed.findDetails(BadRequestSchema);
    expect(info?.metadata).toMatchObject({
      violation_count: "500",
      listed_count: String(details?.fieldViolations.length),
    });
    expect(details?.fieldViolations.length).toBeGreaterThan(10);
    expect(details?.fieldViolations.length).toBeLessThan(500);
  });

  test.each([
    { given: "breaks a rule", frame: Buffer.from([0x0a, 0x00]) },
    { given: "is no message", frame: Buffer.from([0xff, 0xff, 0xff]) },
  ])("ends a stream when a frame $given", async ({ frame }) => {
    const seen = Promise.withResolvers<unknown>();
    const attach: ServiceImpl<typeof WorkerService>["attach"] = async function* (frames) {
      try {
        for await (const _ of frames) {
          yield {};
        }
      } catch (error) {
        seen.resolve(error);
        throw error;
      }
    };
    const carrier = await openCarrier((router) => router.service(WorkerService, { attach }), {
      interceptors: [validateRequests()],
    });
    const client = grpcJsClient(WorkerService, `127.0.0.1:${carrier.address.port}`);
    onTestFinished(() => client.close());
    const stream = client.makeBidiStreamRequest(
      "/signalbox.v1.WorkerService/Attach",
      (bytes: Buffer) => bytes,
      (bytes: Buffer) => bytes,
    );
    const failed = new Promise((resolve) => stream.on("error", resolve).resume());
    stream.write(frame);
    expect(await failed).toMatchObject({ code: Code.InvalidArgument });
    expect(await seen.promise).toMatchObject({ code: Code.InvalidArgument });
  });
});

describe("the log of a call", () => {
  async function openHealth(implementation: Partial<ServiceImpl<typeof Health>>) {
    const { log, lines } = keptLog();
    const carrier = await openCarrier((router) => router.service(Health, implementation), {
      interceptors: [observeCalls(log)],
      log,
    });
    const client = createClient(Health, createGrpcTransport({ baseUrl: carrier.address.url }));
    const calls = () => lines.filter(({ msg }) => msg === "call" || msg === "a call failed");
    const logged = (count: number) => vi.waitFor(() => expect(calls()).toHaveLength(count));
    return { carrier, client, lines, calls, logged };
  }

  test("has one line with method, code, time, peer and protocol", async () => {
    const { client, calls, logged } = await openHealth({ check: () => ({ status: ServingStatus.SERVING }) });
    await client.check({});
    await logged(1);
    expect(calls()).toMatchObject([
      {
        level: "debug",
        method: "grpc.health.v1.Health/Check",
        code: "OK",
        ms: expect.any(Number),
        peer: expect.stringMatching(/^127\.0\.0\.1:\d+$/),
        protocol: "grpc",
        http: "2.0",
      },
    ]);
  });

  test.each([
    { thrown: new ConnectError("no such service", Code.NotFound), level: "debug", code: "NOT_FOUND" },
    {
      thrown: new ConnectError("not yet", Code.FailedPrecondition),
      level: "debug",
      code: "FAILED_PRECONDITION",
    },
    { thrown: new ConnectError("the store is away", Code.Unavailable), level: "warn", code: "UNAVAILABLE" },
  ])("tells $code as $level", async ({ thrown, level, code }) => {
    const { client, calls, logged } = await openHealth({
      check: () => {
        throw thrown;
      },
    });
    const failed = await failureOf(client.check({}));
    expect(failed).toMatchObject({ code: thrown.code, rawMessage: thrown.rawMessage });
    await logged(1);
    expect(calls()).toMatchObject([{ level, code, told: thrown.rawMessage }]);
  });

  test.each([
    { given: "an error in a call", thrown: new Error("SELECT secret FROM passwords"), method: "check" },
    { given: "an error in a stream", thrown: new TypeError("secret is not a function"), method: "watch" },
    {
      given: "an error of Connect's that blames the server",
      thrown: new ConnectError("secret", Code.Internal),
      method: "check",
    },
  ] as const)(
    "turns $given into INTERNAL with a reference and keeps the cause",
    async ({ thrown, method }) => {
      const { client, calls, logged } = await openHealth({
        check: () => {
          throw thrown;
        },
        async *watch() {
          yield { status: ServingStatus.SERVING };
          throw thrown;
        },
      });
      const call = method === "check" ? client.check({}) : collect(client.watch({}));
      const failed = await failureOf(call);
      expect(failed.code).toBe(Code.Internal);
      expect(failed.rawMessage).toMatch(/^internal error, reference [0-9a-f-]{36}$/);
      await logged(1);
      const [line] = calls();
      expect(line).toMatchObject({
        level: "error",
        code: "INTERNAL",
        err: { stack: expect.stringContaining("secret") },
      });
      expect(failed.rawMessage).toContain(String(line?.["reference"]));
    },
  );

  test.each([
    { given: "is cancelled", cancels: true, timeoutMs: 60_000 },
    { given: "runs out of time", cancels: false, timeoutMs: 30 },
  ])("of a call that $given blames nobody", async ({ cancels, timeoutMs }) => {
    const started = Promise.withResolvers<void>();
    const { client, calls, logged } = await openHealth({
      async check(_, { signal }) {
        started.resolve();
        await new Promise((_resolve, reject) =>
          signal.addEventListener("abort", () => reject(signal.reason as Error)),
        );
        return {};
      },
    });
    const canceller = new AbortController();
    const failed = failureOf(client.check({}, { signal: canceller.signal, timeoutMs }));
    await started.promise;
    if (cancels) {
      canceller.abort();
    }
    expect(await failed).toMatchObject({ code: cancels ? Code.Canceled : Code.DeadlineExceeded });
    await logged(1);
    // Which of the two the server sees of a deadline depends on whose timer is first.
    expect(calls()).toMatchObject([
      { level: "debug", code: expect.stringMatching(/^(CANCELED|DEADLINE_EXCEEDED)$/) },
    ]);
  });

  test("of a deadline that the server sees pass first is DEADLINE_EXCEEDED for the client", async () => {
    const { carrier, logged, calls } = await openHealth({
      async check(_, { signal }) {
        await new Promise((_resolve, reject) =>
          signal.addEventListener("abort", () => reject(signal.reason as Error)),
        );
        return {};
      },
    });
    const response = await fetch(`${carrier.address.url}/grpc.health.v1.Health/Check`, {
      method: "POST",
      headers: { "content-type": "application/json", "connect-timeout-ms": "20" },
      body: "{}",
    });
    expect(await response.json()).toMatchObject({ code: "deadline_exceeded" });
    await logged(1);
    expect(calls()).toMatchObject([
      { level: "debug", code: "DEADLINE_EXCEEDED", protocol: "connect", http: "1.1" },
    ]);
  });

  test("still shows a bug in a call whose client is gone", async () => {
    const { client, calls, logged } = await openHealth({
      async *watch(_, { signal }) {
        yield { status: ServingStatus.SERVING };
        await new Promise((resolve) => signal.addEventListener("abort", resolve));
        throw new TypeError("broken clean-up");
      },
    });
    const canceller = new AbortController();
    const failed = failureOf(
      (async () => {
        for await (const _ of client.watch({}, { signal: canceller.signal })) {
          canceller.abort();
        }
      })(),
    );
    expect(await failed).toMatchObject({ code: Code.Canceled });
    await logged(1);
    expect(calls()).toMatchObject([{ level: "error", err: { message: "broken clean-up" } }]);
  });

  test("has a line of the carrier's for a request that is no message", async () => {
    const { carrier, lines } = await openHealth({ check: () => ({}) });
    const client = createClient(
      Health,
      createConnectTransport({ baseUrl: carrier.address.url, httpVersion: "1.1" }),
    );
    await client.check({});
    await fetch(`${carrier.address.url}/grpc.health.v1.Health/Check`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: "{",
    });
    const early = () => lines.filter(({ msg }) => msg === "a call ended before its method began");
    await vi.waitFor(() =>
      expect(early()).toMatchObject([{ path: "/grpc.health.v1.Health/Check", status: 400 }]),
    );
  });
});
