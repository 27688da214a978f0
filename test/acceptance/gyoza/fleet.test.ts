import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Action_State } from "../../../gen/signalbox/v1/action_pb.ts";
import { Reason } from "../../../gen/signalbox/v1/reason_pb.ts";
import { Run_State } from "../../../gen/signalbox/v1/run_pb.ts";
import { describeRefusal, refusalIn, TestServer } from "../../support/test-server.ts";
import { TestWorker } from "../../support/test-worker.ts";

let server: TestServer;
let namespaceCount = 0;
let namespace = "";

beforeAll(async () => {
  server = await TestServer.start({ settings: { leaseMs: 1_000, pulseIntervalMs: 200 } });
});

afterAll(async () => {
  expect(server.errors).toEqual([]);
  await server.close();
});

function begin(): void {
  namespaceCount += 1;
  namespace = `fleet${namespaceCount}`;
}

/** Creates a run of one task that is tried twice, without a wait between. */
async function create(runId: string, cancelGraceSeconds = 10n): Promise<void> {
  const retry = { maxAttempts: 2, initialBackoff: { nanos: 1_000_000 } };
  const value = { op: "count", retry, cancelGrace: { seconds: cancelGraceSeconds } };
  await server.runs.createRun({ run: { namespace, runId, work: { case: "task", value } } });
}

async function actionOf(runId: string) {
  const { action } = await server.runs.getAction({ namespace, runId, name: "main" });
  return action;
}

async function attemptsOf(runId: string) {
  return (await server.runs.listAttempts({ namespace, runId, name: "main" })).attempts;
}

/** Resolves with the first event of a kind in the namespace, of a run if said. */
async function happened(kind: string, runId = "") {
  const start = { case: "beginning", value: {} } as const;
  for await (const { events } of server.events.watchEvents({ filter: { namespace, runId }, start })) {
    const found = events.find(({ detail }) => detail.case === kind);
    if (found !== undefined) return found;
  }
  throw new Error("the feed ended");
}

/** Pulses until the test is over, so that its lease does not end. */
function keepPulsing(worker: TestWorker): TestWorker {
  const timer = setInterval(() => worker.send({ case: "pulse", value: {} }), 100);
  void worker.ended.then(() => clearInterval(timer));
  return worker;
}

async function attach(said: Parameters<TestServer["attach"]>[0] = {}): Promise<TestWorker> {
  return keepPulsing(await server.attach({ namespace, ...said }));
}

/** Gives one assignment and does not accept it. */
async function offered(worker: TestWorker) {
  worker.send({ case: "credit", value: { amount: 1 } });
  const { assignments } = await worker.next("assign");
  return assignments[0]?.attempt;
}

describe("a worker that says nothing any more", () => {
  test("G-156 is lost after its lease: what it was assigned goes back, what ran is a failed attempt", async () => {
    begin();
    // Never pulses.
    const lost = await server.attach({ namespace, workerId: "lost" });
    await create("ran");
    const { attempt } = await lost.take();
    await lost.report(attempt, 1n, { case: "heartbeat", value: {} });
    await create("assigned");
    await offered(lost);
    expect((await happened("workerLeft")).detail.value).toMatchObject({
      workerId: "lost",
      cause: "lease expired",
    });
    expect(describeRefusal(await lost.ended)).toMatchObject({ reason: "SESSION_GONE" });
    expect(await refusalIn(server.workers.getWorker({ namespace, workerId: "lost" }))).toMatchObject({
      reason: "WORKER_NOT_FOUND",
    });
    const other = await attach({ workerId: "other" });
    const taken = [await other.take(), await other.take()];
    const numbers = Object.fromEntries(taken.map((one) => [one.attempt?.runId, one.attempt?.attempt]));
    expect(numbers).toEqual({ ran: 2, assigned: 1 });
    expect((await attemptsOf("ran"))[0]).toMatchObject({
      number: 1,
      state: Action_State.FAILED,
      workerId: "lost",
      error: { type: "LeaseExpired" },
    });
  });

  test("G-158 comes back as itself within its lease and goes on with what it runs", async () => {
    begin();
    const worker = await attach();
    await create("kept");
    await create("forgotten");
    const [kept, forgotten] = [await worker.take(), await worker.take()];
    await worker.report(kept.attempt, 1n, { case: "heartbeat", value: {} });
    await worker.report(forgotten.attempt, 1n, { case: "heartbeat", value: {} });
    worker.cancel();
    await worker.ended;
    const again = keepPulsing(await reattach(kept.attempt));
    const recorded = await again.report(kept.attempt, 2n, { case: "succeeded", value: {} });
    expect(recorded.refusal).toBeUndefined();
    // What it does not name any more was lost with the process that ran it.
    const { attempt } = await again.take();
    expect(attempt).toMatchObject({ runId: forgotten.attempt?.runId, attempt: 2 });
  });

  async function reattach(running: Parameters<TestWorker["report"]>[0]): Promise<TestWorker> {
    return server.attach({ namespace, running: running === undefined ? [] : [running] });
  }

  test("G-158 comes back after its lease as a new session, and is told to drop what it ran", async () => {
    begin();
    const lost = await server.attach({ namespace });
    await create("r");
    const { attempt } = await lost.take();
    await lost.report(attempt, 1n, { case: "heartbeat", value: {} });
    await happened("workerLeft");
    const again = keepPulsing(TestWorker.open(server.url));
    const attached = await again.sendAttach({ namespace, running: attempt === undefined ? [] : [attempt] });
    expect(attached.drop).toMatchObject([{ runId: "r", epoch: attempt?.epoch }]);
    expect(attached.keep).toEqual([]);
    expect((await again.take()).attempt).toMatchObject({ runId: "r", attempt: 2 });
  });
});

describe("a worker that is evicted", () => {
  test("G-156 G-157 loses all at once: what ran failed as Evicted and is tried again, and late reports are refused", async () => {
    begin();
    const worker = await attach({ workerId: "bad" });
    await create("ran");
    const { attempt } = await worker.take();
    await worker.report(attempt, 1n, { case: "heartbeat", value: {} });
    await create("assigned");
    await offered(worker);
    const evict = { namespace, workerId: "bad", cause: "it is on fire", requestId: "evict-1" };
    expect(await server.workers.evictWorker(evict)).toMatchObject({ releasedCount: 2 });
    expect(describeRefusal(await worker.ended)).toMatchObject({ reason: "SESSION_GONE" });
    expect(await server.workers.evictWorker(evict)).toMatchObject({ releasedCount: 2 });
    expect((await attemptsOf("ran"))[0]).toMatchObject({
      state: Action_State.FAILED,
      error: { type: "Evicted", message: "its worker was evicted: it is on fire" },
    });

    // It may attach again, as another session: what it reports of before is refused.
    const again = await attach({ workerId: "bad" });
    const late = await again.report(attempt, 2n, { case: "succeeded", value: {} });
    expect(late.refusal?.reason).toBe(Reason.STALE_EPOCH);
    expect((await actionOf("ran"))?.state).not.toBe(Action_State.SUCCEEDED);
    const taken = [await again.take(), await again.take()];
    const numbers = Object.fromEntries(taken.map((one) => [one.attempt?.runId, one.attempt?.attempt]));
    expect(numbers).toEqual({ ran: 2, assigned: 1 });
  });
});

describe("a cancel", () => {
  test("G-159 of what runs reaches its worker, and it is CANCELLED once that has stopped", async () => {
    begin();
    const worker = await attach();
    await create("r");
    const { attempt } = await worker.take();
    await worker.report(attempt, 1n, { case: "heartbeat", value: {} });
    await server.runs.cancelRun({ namespace, runId: "r", cause: "no longer wanted" });
    const { attempts } = await worker.next("cancel");
    expect(attempts).toMatchObject([
      { attempt: { runId: "r" }, grace: { seconds: 10n }, cause: "no longer wanted" },
    ]);
    expect(await actionOf("r")).toMatchObject({ state: Action_State.RUNNING, cancelRequested: true });
    await worker.report(attempt, 2n, { case: "stopped", value: {} });
    expect((await server.runs.getRun({ namespace, runId: "r" })).run?.state).toBe(Run_State.CANCELLED);
  });

  test("G-159 of what does not stop ends it when its grace is over, and its reports are refused", async () => {
    begin();
    const worker = await attach();
    await create("r", 0n);
    const { attempt } = await worker.take();
    await worker.report(attempt, 1n, { case: "heartbeat", value: {} });
    await server.runs.cancelRun({ namespace, runId: "r" });
    await worker.next("cancel");
    await happened("runEnded", "r");
    expect((await actionOf("r"))?.state).toBe(Action_State.CANCELLED);
    const late = await worker.report(attempt, 2n, { case: "succeeded", value: {} });
    expect(late.refusal?.reason).toBe(Reason.ACTION_ENDED);
  });
});
