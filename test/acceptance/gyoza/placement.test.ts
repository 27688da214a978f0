import type { MessageInitShape } from "@bufbuild/protobuf";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Action_State, type TaskSpecSchema } from "../../../gen/signalbox/v1/action_pb.ts";
import { ExplainActionResponse_Cause as Cause } from "../../../gen/signalbox/v1/explanation_pb.ts";
import type { AttachSchema } from "../../../gen/signalbox/v1/worker_service_pb.ts";
import { passedOverMsMax } from "../../../src/limits.ts";
import { TestServer } from "../../support/test-server.ts";
import type { TestWorker } from "../../support/test-worker.ts";

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

type Task = MessageInitShape<typeof TaskSpecSchema>;

/** A scene of its own: a namespace that no other test uses. */
function begin(): void {
  namespaceCount += 1;
  namespace = `place${namespaceCount}`;
}

async function create(runId: string, task: Task = {}, priority = 0): Promise<void> {
  const work = { case: "task" as const, value: { op: "count", ...task } };
  await server.runs.createRun({ run: { namespace, runId, priority, work } });
}

async function stateOf(runId: string) {
  const { action } = await server.runs.getAction({ namespace, runId, name: "main" });
  return action?.state;
}

const attach = (said: MessageInitShape<typeof AttachSchema> = {}) => server.attach({ namespace, ...said });
const explain = (runId: string) => server.runs.explainAction({ namespace, runId, name: "main" });
const permit = (worker: TestWorker, amount: number) => worker.send({ case: "credit", value: { amount } });

/** Takes the next assignment and accepts it, without permitting one more. */
async function next(worker: TestWorker) {
  const { assignments } = await worker.next("assign");
  const attempts = assignments.flatMap(({ attempt }) => attempt ?? []);
  worker.send({ case: "accept", value: { attempts } });
  return assignments;
}

async function reservedOf(workerId: string) {
  const { worker } = await server.workers.getWorker({ namespace, workerId });
  return worker?.reserved;
}

describe("a worker that permits one task after the other", () => {
  test("G-150 gets the highest priority first, and of equals the oldest", async () => {
    begin();
    await create("low", {}, 0);
    await create("first", {}, 5);
    await create("second", {}, 5);
    await create("high", {}, 9);
    const worker = await attach();
    const order: string[] = [];
    for (let count = 0; count < 4; count += 1) {
      const { attempt } = await worker.take();
      order.push(attempt?.runId ?? "");
      await worker.report(attempt, 1n, { case: "succeeded", value: {} });
    }
    expect(order).toEqual(["high", "first", "second", "low"]);
  });
});

describe("a task that asks for resources", () => {
  const capacity = { cpu: 4, ramMb: 8_000n, devices: [{ index: 0, vramMb: 8_000n }] };

  test.each([
    { asked: "more cores", resources: { cpu: 4.5, ramMb: 1n }, unmet: "cpu 4.5: the largest worker has 4" },
    {
      asked: "more memory",
      resources: { cpu: 1, ramMb: 8_001n },
      unmet: "ram_mb 8001: the largest worker has 8000",
    },
    {
      asked: "more device memory",
      resources: { vramMb: 8_001n },
      unmet: "vram_mb 8001: the largest device has 8000",
    },
  ])(
    "G-151 G-153 and $asked than any worker has stays queued and says which",
    async ({ resources, unmet }) => {
      begin();
      const worker = await attach({ capacity });
      permit(worker, 1);
      await create("r", { resources });
      expect(await explain("r")).toMatchObject({
        cause: Cause.NO_WORKER_FITS,
        unmet: [unmet],
        workerCount: 1,
      });
      expect(await stateOf("r")).toBe(Action_State.QUEUED);
    },
  );

  test.each([
    { asked: "all there is", resources: { cpu: 4, ramMb: 8_000n, vramMb: 8_000n } },
    { asked: "nothing", resources: undefined },
  ])("G-151 goes to a worker that has it: $asked", async ({ resources }) => {
    begin();
    const worker = await attach({ capacity });
    permit(worker, 1);
    await create("r", resources === undefined ? {} : { resources });
    const [assignment] = await next(worker);
    expect(assignment?.resources).toMatchObject(resources ?? {});
    expect(assignment?.resources === undefined).toBe(resources === undefined);
  });

  test("G-152 has it reserved from its assignment to its end, and what comes behind waits for that", async () => {
    begin();
    const worker = await attach({ capacity });
    permit(worker, 5);
    await create("one", { resources: { cpu: 3, ramMb: 5_000n } });
    const { assignments } = await worker.next("assign");
    const attempt = assignments[0]?.attempt;
    expect(await reservedOf("w1")).toMatchObject({ cpu: 3, ramMb: 5_000n, devices: [] });
    await create("two", { resources: { cpu: 1, ramMb: 5_000n } });
    expect(await explain("two")).toMatchObject({ cause: Cause.NO_CAPACITY, workerCount: 1 });
    worker.send({ case: "accept", value: { attempts: attempt === undefined ? [] : [attempt] } });
    await worker.report(attempt, 1n, { case: "progress", value: { percent: 50 } });
    expect(await stateOf("two")).toBe(Action_State.QUEUED);
    await worker.report(attempt, 2n, { case: "succeeded", value: {} });
    const [second] = await next(worker);
    expect(second?.attempt?.runId).toBe("two");
    expect(await reservedOf("w1")).toMatchObject({ cpu: 1, ramMb: 5_000n });
  });

  test("G-153 that no worker has runs once one comes that has it", async () => {
    begin();
    const small = await attach({ capacity });
    permit(small, 1);
    await create("r", { resources: { cpu: 64 } });
    expect(await explain("r")).toMatchObject({
      cause: Cause.NO_WORKER_FITS,
      message: expect.stringContaining("start one that could, or have the task ask for less"),
    });
    const large = await attach({ workerId: "w2", capacity: { cpu: 64 } });
    permit(large, 1);
    const [assignment] = await next(large);
    expect(assignment?.attempt?.runId).toBe("r");
  });

  test("G-154 that fits nowhere at the moment is passed by a small one of low priority", async () => {
    begin();
    const worker = await attach({ capacity });
    permit(worker, 5);
    await create("running", { resources: { cpu: 3 } });
    const [running] = await next(worker);
    await create("big", { resources: { cpu: 4 } }, 9);
    expect(await explain("big")).toMatchObject({ cause: Cause.NO_CAPACITY, reserved: false });
    await create("small", { resources: { cpu: 1 } }, 0);
    const [small] = await next(worker);
    expect(small?.attempt?.runId).toBe("small");
    await worker.report(small?.attempt, 1n, { case: "succeeded", value: {} });
    await worker.report(running?.attempt, 1n, { case: "succeeded", value: {} });
    const [big] = await next(worker);
    expect(big?.attempt?.runId).toBe("big");
    // From then on a worker is kept free for it: shown under a clock of its own in test/api/explain.test.ts.
    expect(passedOverMsMax).toBe(30_000);
  });

  test("G-155 of a device gets one that has it whole: two of 8000 are none of 12000", async () => {
    begin();
    const devices = [
      { index: 0, vramMb: 8_000n },
      { index: 1, vramMb: 8_000n },
    ];
    const two = await attach({ capacity: { devices } });
    permit(two, 5);
    await create("r", { resources: { vramMb: 12_000n } });
    expect(await explain("r")).toMatchObject({
      cause: Cause.NO_WORKER_FITS,
      unmet: ["vram_mb 12000: the largest device has 8000"],
    });
    const large = await attach({
      workerId: "w2",
      capacity: { devices: [...devices, { index: 4, vramMb: 16_000n }] },
    });
    permit(large, 5);
    const [assignment] = await next(large);
    expect(assignment?.deviceIndexes).toEqual([4]);
    const { attempts } = await server.runs.listAttempts({ namespace, runId: "r", name: "main" });
    expect(attempts[0]?.summary?.deviceIndexes).toEqual([4]);
    expect((await reservedOf("w2"))?.devices).toMatchObject([{ index: 4, vramMb: 12_000n, actionCount: 1 }]);
  });

  test("G-155 of whole devices shares none of them", async () => {
    begin();
    const worker = await attach({ capacity: { devices: [{ index: 7, vramMb: 1n }] } });
    permit(worker, 5);
    await create("whole", { resources: { deviceCount: 1 } });
    expect((await next(worker))[0]?.deviceIndexes).toEqual([7]);
    await create("other", { resources: { vramMb: 0n } });
    expect(await explain("other")).toMatchObject({ cause: Cause.NO_CAPACITY });
  });
});

describe("a worker with labels and taints", () => {
  test("gets what asks for its labels and bears its taints, and nothing else", async () => {
    begin();
    const worker = await attach({ labels: { zone: "b" }, taints: [{ key: "spot", value: "yes" }] });
    permit(worker, 5);
    const placement = { workerLabels: { zone: "b" }, tolerations: [{ key: "spot" }] };
    await create("plain");
    await create("elsewhere", { placement: { ...placement, workerLabels: { zone: "a" } } });
    await create("here", { placement });
    expect((await next(worker)).map(({ attempt }) => attempt?.runId)).toEqual(["here"]);
    expect((await explain("plain")).unmet).toEqual(['taint spot "yes": the task does not tolerate it']);
    expect((await explain("elsewhere")).unmet).toEqual(['worker label zone "a": workers have "b"']);
  });
});
