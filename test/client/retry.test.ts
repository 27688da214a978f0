import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { durationFromMs } from "@bufbuild/protobuf/wkt";
import { Code, ConnectError } from "@connectrpc/connect";
import { afterEach, describe, expect, test } from "vitest";
import { BadRequestSchema, ErrorInfoSchema, RetryInfoSchema } from "../../gen/google/rpc/error_details_pb.ts";
import { Run_State } from "../../gen/signalbox/v1/run_pb.ts";
import { RunService } from "../../gen/signalbox/v1/run_service_pb.ts";
import {
  type ClientOptions,
  createClient,
  RefusedError,
  type SignalboxClient,
  UnavailableError,
} from "../../src/client/client.ts";
import { type ScriptedServices, startScriptedServices } from "./scripted-services.ts";

const quick = { forMs: 10_000, initialBackoffMs: 1, backoffMsMax: 5 };
const open: (ScriptedServices | SignalboxClient)[] = [];

afterEach(async () => {
  for (const one of open.splice(0).reverse()) {
    await one[Symbol.asyncDispose]();
  }
});

/** A server that takes cancels, and does with the n-th what `answer` does with it. */
async function cancelling(answer: (call: number, server: ScriptedServices) => void | Promise<void>) {
  const requestIds: string[] = [];
  const server: ScriptedServices = await startScriptedServices((router) =>
    router.service(RunService, {
      async cancelRun({ runId, requestId }) {
        requestIds.push(requestId);
        await answer(requestIds.length, server);
        return { run: { runId, state: Run_State.CANCELLED } };
      },
    }),
  );
  open.push(server);
  return { server, requestIds };
}

function client(address: string, options: ClientOptions = {}): SignalboxClient {
  const made = createClient({ address, retry: quick, ...options });
  open.push(made);
  return made;
}

/** The error of a refused call, as the server makes it. */
function refusal(
  code: Code,
  info: MessageInitShape<typeof ErrorInfoSchema>,
  violations: { field: string; description: string }[] = [],
): ConnectError {
  const details = [
    { desc: ErrorInfoSchema, value: create(ErrorInfoSchema, { domain: "signalbox", ...info }) },
    { desc: BadRequestSchema, value: create(BadRequestSchema, { fieldViolations: violations }) },
  ];
  return new ConnectError(
    "the message",
    code,
    undefined,
    violations.length === 0 ? details.slice(0, 1) : details,
  );
}

describe("a mutating call", () => {
  const ways: readonly { given: string; fail: (server: ScriptedServices) => void }[] = [
    {
      given: "the server says UNAVAILABLE",
      fail: () => {
        throw new ConnectError("stopping", Code.Unavailable);
      },
    },
    {
      given: "the server says with a reason that it is stopping",
      fail: () => {
        throw refusal(Code.Unavailable, { reason: "STOPPING" });
      },
    },
    { given: "the connection is cut before the answer", fail: (server) => server.cut() },
    {
      given: "the deadline passes on the server",
      fail: () => {
        throw new ConnectError("too late", Code.DeadlineExceeded);
      },
    },
  ];

  test.each(ways)("is tried again with the same request id when $given", async ({ fail }) => {
    const { server, requestIds } = await cancelling((call, it) => {
      if (call < 3) {
        fail(it);
      }
    });
    const run = await client(server.address).runs.cancel("r1");
    expect(run.state).toBe("CANCELLED");
    expect(requestIds).toHaveLength(3);
    expect(new Set(requestIds).size).toBe(1);
    expect(requestIds[0]).toMatch(/^[0-9a-f-]{36}$/);
  });

  test.each(["connect", "grpc"] as const)(
    "is tried again over %s when the server starts anew",
    async (protocol) => {
      const { server, requestIds } = await cancelling(() => undefined);
      const it = client(server.address, { protocol });
      await it.runs.cancel("r1");
      await server.stop();
      const answer = it.runs.cancel("r2");
      await server.start();
      expect(await answer).toMatchObject({ runId: "r2" });
      expect(new Set(requestIds).size).toBe(2);
    },
  );

  test("is tried again when one try takes too long", async () => {
    const forever = Promise.withResolvers<void>();
    const { server, requestIds } = await cancelling((call) => (call === 1 ? forever.promise : undefined));
    await client(server.address, { timeoutMs: 100 }).runs.cancel("r1");
    expect(new Set(requestIds).size).toBe(1);
    expect(requestIds).toHaveLength(2);
    forever.resolve();
  });

  test("keeps the request id that its caller gave", async () => {
    const { server, requestIds } = await cancelling(() => undefined);
    await client(server.address).runs.cancel("r1", { requestId: "mine" });
    expect(requestIds).toEqual(["mine"]);
  });

  test("through the generated clients gets a request id too, and leaves the message as it is", async () => {
    const { server, requestIds } = await cancelling(() => undefined);
    const request = { runId: "r1" };
    await client(server.address).raw.runs.cancelRun(request);
    await client(server.address).raw.runs.cancelRun(request);
    expect(new Set(requestIds).size).toBe(2);
    expect(requestIds).not.toContain("");
    expect(request).toEqual({ runId: "r1" });
  });

  test("waits as long as the server asks for", async () => {
    const details = [
      {
        desc: ErrorInfoSchema,
        value: create(ErrorInfoSchema, { domain: "signalbox", reason: "STORE_UNAVAILABLE" }),
      },
      { desc: RetryInfoSchema, value: create(RetryInfoSchema, { retryDelay: durationFromMs(60_000) }) },
    ];
    const { server, requestIds } = await cancelling(() => {
      throw new ConnectError("busy", Code.Unavailable, undefined, details);
    });
    const failed = client(server.address).runs.cancel("r1");
    await expect(failed).rejects.toBeInstanceOf(UnavailableError);
    expect(requestIds).toHaveLength(1);
  });

  test("gives up with an UnavailableError that says where and why", async () => {
    const { server } = await cancelling(() => undefined);
    await server.stop();
    const failed = client(server.address, { retry: { ...quick, forMs: 50 } }).runs.cancel("r1");
    await expect(failed).rejects.toBeInstanceOf(UnavailableError);
    await expect(failed).rejects.toThrow(
      `no answer from the server at ${server.address}: connect ECONNREFUSED`,
    );
  });

  test("ends with the reason of its signal while it waits for the next try", async () => {
    const { server } = await cancelling(() => undefined);
    await server.stop();
    const stop = new AbortController();
    const retry = { ...quick, initialBackoffMs: 5_000, backoffMsMax: 5_000 };
    const failed = client(server.address, { retry }).runs.cancel("r1", { signal: stop.signal });
    setImmediate(() => stop.abort(new Error("enough")));
    await expect(failed).rejects.toThrow("enough");
  });
});

describe("what the server declines", () => {
  test("is a RefusedError with reason, code, message and facts, and is not tried again", async () => {
    const { server, requestIds } = await cancelling(() => {
      throw refusal(Code.FailedPrecondition, {
        reason: "RUN_ENDED",
        metadata: { run_id: "r1", state: "FAILED" },
      });
    });
    const error: unknown = await client(server.address)
      .runs.cancel("r1")
      .catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(RefusedError);
    expect(error).toMatchObject({
      reason: "RUN_ENDED",
      code: "FAILED_PRECONDITION",
      message: "the message",
      metadata: { run_id: "r1", state: "FAILED" },
      violations: [],
    });
    expect(requestIds).toHaveLength(1);
  });

  test.each(["connect", "grpc"] as const)("names every bad field over %s", async (protocol) => {
    const violations = [
      { field: "run_id", description: "value is required" },
      { field: "cause", description: "too long" },
    ];
    const { server } = await cancelling(() => {
      throw refusal(Code.InvalidArgument, { reason: "INVALID_REQUEST" }, violations);
    });
    const failed = client(server.address, { protocol }).runs.cancel("");
    await expect(failed).rejects.toMatchObject({
      reason: "INVALID_REQUEST",
      code: "INVALID_ARGUMENT",
      violations,
    });
  });

  test("is a CallFailedError if it is no refusal of Signalbox", async () => {
    const { server, requestIds } = await cancelling(() => {
      throw new ConnectError("internal error, reference 7", Code.Internal);
    });
    await expect(client(server.address).runs.cancel("r1")).rejects.toMatchObject({
      name: "CallFailedError",
      code: "INTERNAL",
    });
    expect(requestIds).toHaveLength(1);
  });
});
