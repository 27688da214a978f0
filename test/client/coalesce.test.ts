import { Code } from "@connectrpc/connect";
import { afterEach, describe, expect, test } from "vitest";
import { Reason } from "../../gen/signalbox/v1/reason_pb.ts";
import { Run_State } from "../../gen/signalbox/v1/run_pb.ts";
import {
  type BatchCreateRunsRequest,
  type CreateRunRequest,
  RunService,
} from "../../gen/signalbox/v1/run_service_pb.ts";
import { createClient, RefusedError } from "../../src/client/client.ts";
import { type ScriptedServices, startScriptedServices } from "./scripted-services.ts";

let server: ScriptedServices | undefined;

afterEach(async () => {
  await server?.[Symbol.asyncDispose]();
});

/**
 * A server that takes every run, but refuses those with a label `refuse` and postpones those in `postponed`
 * once.
 */
async function creating({ postponed = new Set<string>(), fail = (_batch: number) => {} } = {}) {
  const singles: CreateRunRequest[] = [];
  const batches: BatchCreateRunsRequest[] = [];
  const toResult = ({ run }: CreateRunRequest) => {
    const runId = run?.runId ?? "";
    if (postponed.delete(runId)) {
      const refusal = { reason: Reason.STORE_UNAVAILABLE, code: Code.Unavailable, message: "busy" };
      return { result: { case: "refusal" as const, value: refusal } };
    }
    const refusal = {
      reason: Reason.RUN_EXISTS,
      code: Code.AlreadyExists,
      message: "taken",
      metadata: { run_id: runId },
    };
    return run?.labels["refuse"] === undefined
      ? { result: { case: "run" as const, value: { runId, state: Run_State.QUEUED } } }
      : { result: { case: "refusal" as const, value: refusal } };
  };
  server = await startScriptedServices((router) =>
    router.service(RunService, {
      createRun(request) {
        singles.push(request);
        return { run: { runId: request.run?.runId ?? "", state: Run_State.QUEUED } };
      },
      batchCreateRuns(request) {
        batches.push(request);
        fail(batches.length);
        return { results: request.requests.map(toResult) };
      },
    }),
  );
  const retry = { initialBackoffMs: 1, backoffMsMax: 5 };
  return { client: createClient({ address: server.address, retry }), singles, batches };
}

const ids = (count: number) => Array.from({ length: count }, (_, index) => `r${index}`);

describe("runs that are created at the same time", () => {
  test("travel in one message, each with its own answer and request id", async () => {
    const { client, singles, batches } = await creating();
    const runs = await Promise.all(ids(10).map((runId) => client.runs.create({ op: "count", runId })));
    expect(runs.map(({ runId }) => runId)).toEqual(ids(10));
    expect(singles).toHaveLength(0);
    expect(batches).toHaveLength(1);
    expect(new Set(batches[0]?.requests.map(({ requestId }) => requestId)).size).toBe(10);
    client.close();
  });

  test("travel together too if promises of one turn create them", async () => {
    const { client, batches } = await creating();
    await Promise.all(
      ids(10).map(async (runId) => {
        await Promise.resolve();
        await client.runs.create({ op: "count", runId });
        await client.runs.create({ op: "count", runId: `${runId}-again` });
      }),
    );
    expect(batches.map(({ requests }) => requests.length)).toEqual([10, 10]);
    client.close();
  });

  test("have their own refusals: one declined does not hold up another", async () => {
    const { client } = await creating();
    const outcomes = await Promise.allSettled(
      ids(4).map((runId, index) =>
        client.runs.create({ op: "count", runId, labels: index === 2 ? { refuse: "1" } : {} }),
      ),
    );
    expect(outcomes.map(({ status }) => status)).toEqual(["fulfilled", "fulfilled", "rejected", "fulfilled"]);
    const { reason } = outcomes[2] as PromiseRejectedResult;
    expect(reason).toBeInstanceOf(RefusedError);
    expect(reason).toMatchObject({
      reason: "RUN_EXISTS",
      code: "ALREADY_EXISTS",
      message: "taken",
      metadata: { run_id: "r2" },
    });
    client.close();
  });

  test("are tried again as a whole with the same request ids when the connection is cut", async () => {
    const { client, batches } = await creating({ fail: (batch) => batch === 1 && server?.cut() });
    await Promise.all(ids(3).map((runId) => client.runs.create({ op: "count", runId })));
    const [first, second] = batches.map(({ requests }) => requests.map(({ requestId }) => requestId));
    expect(batches).toHaveLength(2);
    expect(second).toEqual(first);
    client.close();
  });

  test("are tried again one by one where the server could not take some of them at the moment", async () => {
    const { client, batches } = await creating({ postponed: new Set(["r1", "r3"]) });
    const runs = await Promise.all(ids(4).map((runId) => client.runs.create({ op: "count", runId })));
    expect(runs.map(({ runId }) => runId)).toEqual(ids(4));
    expect(batches.map(({ requests }) => requests.map(({ run }) => run?.runId))).toEqual([
      ids(4),
      ["r1", "r3"],
    ]);
    expect(batches[1]?.requests[0]?.requestId).toBe(batches[0]?.requests[1]?.requestId);
    client.close();
  });

  test("are split at 1,000 runs and at 4 MiB", async () => {
    const { client, singles, batches } = await creating();
    await Promise.all(ids(1_001).map((runId) => client.runs.create({ op: "count", runId })));
    expect(batches.map(({ requests }) => requests.length)).toEqual([1_000]);
    expect(singles).toHaveLength(1);
    const text = new Uint8Array(1024 * 1024 - 1_000);
    await Promise.all(ids(9).map((runId) => client.runs.create({ op: "count", runId, input: { text } })));
    expect(batches.slice(1).map(({ requests }) => requests.length)).toEqual([4, 4]);
    expect(singles).toHaveLength(2);
    client.close();
  });
});

describe("a run that is created alone", () => {
  test("is sent alone", async () => {
    const { client, singles, batches } = await creating();
    await client.runs.create({ op: "count", runId: "a" });
    await client.runs.create({ op: "count", runId: "b" });
    expect([singles.length, batches.length]).toEqual([2, 0]);
    client.close();
  });

  test("is one with a signal or a time of its own", async () => {
    const { client, singles, batches } = await creating();
    const { signal } = new AbortController();
    await Promise.all([
      client.runs.create({ op: "count", runId: "a" }, { signal }),
      client.runs.create({ op: "count", runId: "b" }, { timeoutMs: 10_000 }),
    ]);
    expect([singles.length, batches.length]).toEqual([2, 0]);
    client.close();
  });
});
