import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { Worker_State } from "../../gen/signalbox/v1/worker_service_pb.ts";
import { describeRefusal, refusalIn, TestServer } from "../support/test-server.ts";

let server: TestServer;
let namespaceCount = 0;
let namespace = "";

beforeAll(async () => {
  server = await TestServer.start();
});

afterAll(async () => {
  expect(server.errors).toEqual([]);
  await server.close();
});

beforeEach(() => {
  namespaceCount += 1;
  namespace = `fleet${namespaceCount}`;
});

async function create(runId: string, said: object = {}, inNamespace = namespace): Promise<void> {
  const work = { case: "task" as const, value: { op: "count", ...said } };
  await server.runs.createRun({ run: { namespace: inNamespace, runId, work } });
}

const capacity = { cpu: 8, ramMb: 32_000n, devices: [{ index: 0, kind: "a100", vramMb: 40_000n }] };

describe("the fleet", () => {
  test("is listed with what each has, what is reserved of it, and what it permits", async () => {
    const taints = [{ key: "spot", value: "yes" }];
    const worker = await server.attach({
      namespace,
      capacity,
      taints,
      labels: { zone: "a" },
      sharedNamespaces: ["lab"],
    });
    worker.send({ case: "credit", value: { amount: 5 } });
    await create("r1", {
      resources: { cpu: 1.5, vramMb: 10_000n },
      placement: { tolerations: [{ key: "spot" }] },
    });
    await worker.next("assign");
    const { workers } = await server.workers.listWorkers({ namespace });
    expect(workers).toMatchObject([
      {
        workerId: "w1",
        state: Worker_State.ATTACHED,
        labels: { zone: "a" },
        capacity,
        reserved: {
          cpu: 1.5,
          ramMb: 0n,
          devices: [{ index: 0, vramMb: 10_000n, actionCount: 1, whole: false }],
        },
        taints,
        sharedNamespaces: ["lab"],
        runningCount: 1,
        credit: 4,
        running: [],
      },
    ]);
  });

  test("is listed by labels: those that have all of them, page by page", async () => {
    const labelsOf = {
      w1: { zone: "a", gpu: "t4" },
      w2: { zone: "a" },
      w3: { zone: "b", gpu: "t4" },
      w4: { zone: "a" },
    };
    for (const [workerId, labels] of Object.entries(labelsOf)) {
      await server.attach({ namespace, workerId, labels });
    }
    const list = async (labels: Record<string, string>) => {
      const { workers } = await server.workers.listWorkers({ namespace, labels });
      return workers.map(({ workerId }) => workerId);
    };
    expect(await list({})).toEqual(["w1", "w2", "w3", "w4"]);
    expect(await list({ zone: "a" })).toEqual(["w1", "w2", "w4"]);
    expect(await list({ zone: "a", gpu: "t4" })).toEqual(["w1"]);
    expect(await list({ zone: "c" })).toEqual([]);
    const labels = { zone: "a" };
    const first = await server.workers.listWorkers({ namespace, labels, pageSize: 2 });
    expect(first.workers.map(({ workerId }) => workerId)).toEqual(["w1", "w2"]);
    const pageToken = first.nextPageToken;
    const second = await server.workers.listWorkers({ namespace, labels, pageSize: 2, pageToken });
    expect(second.workers.map(({ workerId }) => workerId)).toEqual(["w4"]);
    expect(await refusalIn(server.workers.listWorkers({ namespace, pageToken }))).toMatchObject({
      reason: "FILTER_CHANGED",
    });
  });

  test("shows what one worker runs, in its own namespace and in those it shares", async () => {
    const lab = `${namespace}-lab`;
    const worker = await server.attach({ namespace, sharedNamespaces: [lab] });
    worker.send({ case: "credit", value: { amount: 2 } });
    await create("own");
    const own = (await worker.next("assign")).assignments[0]?.attempt;
    await create("theirs", {}, lab);
    const theirs = (await worker.next("assign")).assignments[0]?.attempt;
    expect(own).toMatchObject({ runId: "own", namespace: "" });
    expect(theirs).toMatchObject({ runId: "theirs", namespace: lab });
    const { worker: seen } = await server.workers.getWorker({ namespace, workerId: "w1" });
    expect(seen?.running.map((one) => `${one.namespace}/${one.runId}`).toSorted()).toEqual([
      "/own",
      `${lab}/theirs`,
    ]);
    // The reference goes back as it came.
    const recorded = await worker.report(theirs, 1n, { case: "succeeded", value: {} });
    expect(recorded).toMatchObject({ attempt: theirs, sequence: 1n });
    expect(recorded.refusal).toBeUndefined();
    const { run } = await server.runs.getRun({ namespace: lab, runId: "theirs" });
    expect(run?.endTime).toBeDefined();
  });

  test("keeps attempts of shared namespaces over a reconnect", async () => {
    const lab = `${namespace}-lab`;
    const worker = await server.attach({ namespace, sharedNamespaces: [lab] });
    await create("theirs", {}, lab);
    const { attempt } = await worker.take();
    worker.cancel();
    await worker.ended;
    const running = attempt === undefined ? [] : [attempt];
    const again = await server.attach({ namespace, sharedNamespaces: [lab], running });
    const recorded = await again.report(attempt, 1n, { case: "succeeded", value: {} });
    expect(recorded.refusal).toBeUndefined();
  });

  test("loses a worker that is evicted: its stream ends, its work is free, and it may attach again", async () => {
    const worker = await server.attach({ namespace });
    worker.send({ case: "credit", value: { amount: 5 } });
    await create("r1");
    await worker.next("assign");
    expect(await server.workers.evictWorker({ namespace, workerId: "w1", cause: "broken" })).toMatchObject({
      releasedCount: 1,
    });
    expect(await worker.next("leave")).toMatchObject({ cause: "evicted" });
    expect(describeRefusal(await worker.ended)).toMatchObject({ reason: "SESSION_GONE" });
    expect((await server.workers.listWorkers({ namespace })).workers).toEqual([]);
    const again = await server.attach({ namespace });
    expect((await again.take()).attempt).toMatchObject({ runId: "r1", attempt: 1 });
  });

  test("has its evictions repeated by request id", async () => {
    const evict = { namespace, workerId: "w1", requestId: "e1" };
    await server.attach({ namespace });
    expect(await server.workers.evictWorker(evict)).toMatchObject({ releasedCount: 0 });
    await server.attach({ namespace });
    expect(await server.workers.evictWorker(evict)).toMatchObject({ releasedCount: 0 });
    expect((await server.workers.listWorkers({ namespace })).workers.length).toBe(1);
    expect(await refusalIn(server.workers.evictWorker({ ...evict, cause: "again" }))).toMatchObject({
      reason: "REQUEST_ID_REUSED",
    });
  });

  test("drains a worker that finishes what it has and gets nothing more", async () => {
    const worker = await server.attach({ namespace });
    worker.send({ case: "credit", value: { amount: 5 } });
    await create("r1");
    const { assignments } = await worker.next("assign");
    const { worker: seen } = await server.workers.drainWorker({ namespace, workerId: "w1" });
    expect(seen).toMatchObject({ state: Worker_State.DRAINING, runningCount: 1 });
    await worker.next("drain");
    await create("r2");
    const recorded = await worker.report(assignments[0]?.attempt, 1n, { case: "succeeded", value: {} });
    expect(recorded.refusal).toBeUndefined();
    const { action } = await server.runs.getAction({ namespace, runId: "r2", name: "main" });
    expect(action?.attempt).toBe(0);
  });
});
