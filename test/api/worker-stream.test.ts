import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Action_State } from "../../gen/signalbox/v1/action_pb.ts";
import { Reason } from "../../gen/signalbox/v1/reason_pb.ts";
import { Run_State } from "../../gen/signalbox/v1/run_pb.ts";
import { ValueType } from "../../gen/signalbox/v1/value_pb.ts";
import { Worker_State, WorkerService } from "../../gen/signalbox/v1/worker_service_pb.ts";
import { toValue } from "../../src/api/mapping/to-proto-value.ts";
import type { Json } from "../../src/core/value.ts";
import { grpcJsClient } from "../support/grpc-js.ts";
import { describeRefusal, refusalIn, TestServer } from "../support/test-server.ts";
import { TestWorker } from "../support/test-worker.ts";

let server: TestServer;
beforeAll(async () => {
  server = await TestServer.start();
});
afterAll(async () => {
  const { errors } = server;
  await server.close();
  expect(errors).toEqual([]);
});

let namespaceCount = 0;
/** A namespace that no other test uses. */
function newNamespace(): string {
  namespaceCount += 1;
  return `ns${namespaceCount}`;
}

/** Creates run `r` of one task of the op `count`, or another run. */
async function createTask(namespace: string, runId = "r"): Promise<void> {
  const value = { op: "count", retry: { maxAttempts: 3, initialBackoff: {} } };
  await server.runs.createRun({ run: { namespace, runId, work: { case: "task", value } } });
}

async function actionOf(namespace: string, runId = "r", name = "main") {
  const { action } = await server.runs.getAction({ namespace, runId, name });
  return action;
}

async function leave(worker: TestWorker): Promise<void> {
  worker.send({ case: "leave", value: {} });
  expect(await worker.ended).toBeUndefined();
}

/** Resolves when the feed has an event of this kind in the namespace. */
async function happened(namespace: string, kind: string): Promise<void> {
  const start = { case: "beginning", value: {} } as const;
  for await (const { events } of server.events.watchEvents({ filter: { namespace }, start })) {
    if (events.some(({ detail }) => detail.case === kind)) return;
  }
}

describe("the first frame", () => {
  test("is answered by Attached, with lease and pulse interval, and the worker is listed", async () => {
    const namespace = newNamespace();
    const worker = TestWorker.open(server.url);
    const attached = await worker.sendAttach({ namespace, labels: { gpu: "1" }, ops: ["a", "b"] });
    expect(attached).toMatchObject({
      lease: { seconds: 15n },
      pulseInterval: { seconds: 5n },
      keep: [],
      drop: [],
    });
    const { worker: listed } = await server.workers.getWorker({ namespace, workerId: "w1" });
    expect(listed).toMatchObject({
      workerId: "w1",
      state: Worker_State.ATTACHED,
      sessionId: attached.sessionId,
      ops: ["a", "b"],
      labels: { gpu: "1" },
      runningCount: 0,
      credit: 0,
    });
    await leave(worker);
  });

  test.each([
    { found: "credit", send: (worker: TestWorker) => worker.send({ case: "credit", value: { amount: 1 } }) },
    { found: "pulse", send: (worker: TestWorker) => worker.send({ case: "pulse", value: {} }) },
    { found: "the end of the stream", send: (worker: TestWorker) => worker.halfClose() },
  ])("that is $found instead of Attach ends the stream", async ({ found, send }) => {
    const worker = TestWorker.open(server.url);
    send(worker);
    expect(describeRefusal(await worker.ended)).toEqual({
      code: "InvalidArgument",
      reason: "ATTACH_EXPECTED",
      metadata: { found },
      fields: [],
    });
  });

  test("that does not come in time ends the stream", async () => {
    const impatient = await TestServer.start({ limits: { attachTimeoutMs: 20 } });
    const worker = TestWorker.open(impatient.url);
    expect(describeRefusal(await worker.ended)).toMatchObject({
      reason: "ATTACH_EXPECTED",
      metadata: { found: "none in 20 ms" },
    });
    expect(impatient.errors).toEqual([]);
    await impatient.close();
  });

  test("cannot come twice", async () => {
    const worker = await server.attach({ namespace: newNamespace() });
    worker.send({ case: "attach", value: { workerId: "w1", incarnation: "i1", ops: ["count"] } });
    expect(describeRefusal(await worker.ended)).toMatchObject({
      reason: "ATTACH_EXPECTED",
      metadata: { found: "a second attach" },
    });
  });
});

describe("an attempt", () => {
  test("is assigned, accepted, reported on and recorded", async () => {
    const namespace = newNamespace();
    const worker = await server.attach({ namespace });
    const inputs = {
      path: { source: { case: "value" as const, value: toValue({ kind: "string", value: "a" }) } },
    };
    const task = { op: "count", inputs, timeouts: { startToEnd: { seconds: 60n } } };
    await server.runs.createRun({
      run: { namespace, runId: "r", labels: { env: "prod" }, work: { case: "task", value: task } },
    });
    const assignment = await worker.take();
    expect(assignment).toMatchObject({
      attempt: { runId: "r", action: "main", attempt: 1, epoch: 1n },
      op: "count",
      inputs: { path: toValue({ kind: "string", value: "a" }) },
      runLabels: { env: "prod" },
      startToEndTimeout: { seconds: 60n },
    });
    const { attempt } = assignment;
    await worker.report(attempt, 1n, { case: "progress", value: { percent: 50, message: "half" } });
    expect(await actionOf(namespace)).toMatchObject({
      state: Action_State.RUNNING,
      progressPercent: 50,
      progressMessage: "half",
      workerId: "w1",
    });
    const outputs = { lines: toValue({ kind: "int", value: "12" }) };
    const recorded = await worker.report(attempt, 2n, { case: "succeeded", value: { outputs } });
    expect(recorded).toMatchObject({ attempt: { runId: "r", epoch: 1n }, sequence: 2n });
    expect(recorded.refusal).toBeUndefined();
    const { run } = await server.runs.getRun({ namespace, runId: "r" });
    expect(run).toMatchObject({ state: Run_State.SUCCEEDED, outputs });
    await leave(worker);
  });

  test("may be reported on twice: the second time is recorded again and changes nothing", async () => {
    const namespace = newNamespace();
    const worker = await server.attach({ namespace });
    await createTask(namespace);
    const { attempt } = await worker.take();
    await worker.report(attempt, 1n, { case: "succeeded", value: {} });
    const head = await server.store.head();
    const again = await worker.report(attempt, 1n, { case: "succeeded", value: {} });
    expect(again.refusal).toBeUndefined();
    expect(await server.store.head()).toBe(head);
    await leave(worker);
  });

  test("under an old epoch is refused in Recorded, and the stream goes on", async () => {
    const namespace = newNamespace();
    const worker = await server.attach({ namespace });
    await createTask(namespace);
    const first = await worker.take();
    await worker.report(first.attempt, 1n, { case: "failed", value: { type: "E", message: "no" } });
    const second = await worker.take();
    const stale = await worker.report(first.attempt, 2n, { case: "succeeded", value: {} });
    expect(stale.refusal).toMatchObject({
      reason: Reason.STALE_EPOCH,
      metadata: { run_id: "r", action: "main", epoch: "1", current_epoch: "2" },
    });
    const current = await worker.report(second.attempt, 1n, { case: "succeeded", value: {} });
    expect(current.refusal).toBeUndefined();
    await leave(worker);
  });

  test("has reports refused one by one that cannot be taken as they stand, and the stream goes on", async () => {
    const namespace = newNamespace();
    const worker = await server.attach({ namespace });
    await createTask(namespace);
    const { attempt } = await worker.take();
    const deep = toValue({ kind: "json", value: JSON.parse("[".repeat(31) + "]".repeat(31)) as Json });
    const said = attempt === undefined ? {} : { attempt };
    const heartbeat = { case: "heartbeat" as const, value: {} };
    worker.send({
      case: "report",
      value: {
        reports: [
          { ...said, sequence: 1n, content: { case: "progress", value: { percent: 5 } } },
          { ...said, sequence: 2n, content: { case: "succeeded", value: { outputs: { deep } } } },
          {
            attempt: { runId: "r", action: "main", attempt: 1, epoch: 2n ** 60n },
            sequence: 3n,
            content: heartbeat,
          },
          { ...said, sequence: 4n, content: { case: "progress", value: { percent: 6 } } },
        ],
      },
    });
    const { reports } = await worker.next("recorded");
    expect(reports.map(({ sequence, refusal }) => [sequence, refusal?.reason])).toEqual([
      [1n, undefined],
      [2n, Reason.INVALID_REQUEST],
      [3n, Reason.INVALID_REQUEST],
      [4n, undefined],
    ]);
    expect(reports[1]?.refusal?.message).toBe(
      'report.reports[1].succeeded.outputs["deep"].json_value: must not be nested deeper than 30 levels',
    );
    expect(reports[2]?.attempt?.epoch).toBe(2n ** 60n);
    expect(await actionOf(namespace)).toMatchObject({ state: Action_State.RUNNING, progressPercent: 6 });
    await leave(worker);
  });

  test("is answered in the order of its reports, however many are on their way", async () => {
    const namespace = newNamespace();
    const worker = await server.attach({ namespace });
    await createTask(namespace);
    const { attempt } = await worker.take();
    const count = 700n;
    for (let sequence = 1n; sequence <= count; sequence += 1n) {
      const content = { case: "heartbeat" as const, value: {} };
      worker.send({
        case: "report",
        value: { reports: [{ ...(attempt && { attempt }), sequence, content }] },
      });
    }
    const seen: bigint[] = [];
    while (seen.length < count) {
      const { reports } = await worker.next("recorded");
      seen.push(...reports.map(({ sequence }) => sequence));
    }
    expect(seen).toEqual(Array.from({ length: Number(count) }, (_, index) => BigInt(index + 1)));
    await leave(worker);
  });

  test("that is declined goes back", async () => {
    const namespace = newNamespace();
    const worker = await server.attach({ namespace });
    await createTask(namespace);
    worker.send({ case: "credit", value: { amount: 1 } });
    const { assignments } = await worker.next("assign");
    const attempt = assignments[0]?.attempt;
    worker.send({ case: "decline", value: { ...(attempt && { attempt }), cause: "no GPU" } });
    await happened(namespace, "actionReturned");
    expect(await actionOf(namespace)).toMatchObject({ state: Action_State.PENDING, attempt: 0 });
    await leave(worker);
  });

  test.each(["accept", "decline"] as const)(
    "that nobody knows cannot be taken: %s is declined",
    async (kind) => {
      const worker = await server.attach({ namespace: newNamespace() });
      const attempt = { runId: "none", action: "main", attempt: 1, epoch: 1n };
      if (kind === "accept") worker.send({ case: "accept", value: { attempts: [attempt] } });
      else worker.send({ case: "decline", value: { attempt } });
      expect(await worker.next("declined")).toMatchObject({
        attempt,
        refusal: { reason: Reason.RUN_NOT_FOUND, metadata: { run_id: "none" } },
      });
      await leave(worker);
    },
  );

  test("that must end is told so, and ends as its worker says", async () => {
    const namespace = newNamespace();
    const worker = await server.attach({ namespace });
    const task = { op: "count", cancelGrace: { seconds: 30n } };
    await server.runs.createRun({ run: { namespace, runId: "r", work: { case: "task", value: task } } });
    const { attempt } = await worker.take();
    await worker.report(attempt, 1n, { case: "heartbeat", value: {} });
    await server.runs.cancelRun({ namespace, runId: "r", cause: "wrong input" });
    const { attempts } = await worker.next("cancel");
    expect(attempts).toMatchObject([
      { attempt: { runId: "r" }, grace: { seconds: 30n }, cause: "wrong input" },
    ]);
    await worker.report(attempt, 2n, { case: "stopped", value: { message: "was counting" } });
    const { run } = await server.runs.getRun({ namespace, runId: "r" });
    expect(run?.state).toBe(Run_State.CANCELLED);
    await leave(worker);
  });
});

describe("children", () => {
  test("are added under the names of their parent, and their ends are told", async () => {
    const namespace = newNamespace();
    const worker = await server.attach({ namespace });
    await createTask(namespace);
    const { attempt } = await worker.take();
    worker.send({
      case: "addActions",
      value: {
        ...(attempt && { attempt }),
        callId: 7n,
        actions: [
          { name: "approve", kind: { case: "condition", value: { type: ValueType.BOOL } } },
          { name: "step", kind: { case: "trace", value: { description: "reads" } } },
        ],
      },
    });
    const added = await worker.next("actionsAdded");
    expect(added).toMatchObject({ callId: 7n, attempt: { runId: "r" } });
    expect(added.actions.map(({ name, state }) => [name, state])).toEqual([
      ["main/approve", Action_State.PAUSED],
      ["main/step", Action_State.RUNNING],
    ]);
    const outputs = { n: toValue({ kind: "int", value: "1" }) };
    await worker.report(attempt, 1n, { case: "traceEnded", value: { name: "step", outputs } });
    expect(await actionOf(namespace, "r", "main/step")).toMatchObject({
      state: Action_State.SUCCEEDED,
      outputs,
    });
    const value = toValue({ kind: "bool", value: true });
    await server.conditions.signalCondition({ namespace, runId: "r", name: "main/approve", value });
    expect(await worker.next("childEnded")).toMatchObject({
      attempt: { runId: "r", action: "main" },
      action: { name: "main/approve", state: Action_State.SUCCEEDED, outputs: { value } },
    });
    await leave(worker);
  });

  test("that contradict each other are refused as a whole, and the stream goes on", async () => {
    const namespace = newNamespace();
    const worker = await server.attach({ namespace });
    await createTask(namespace);
    const { attempt } = await worker.take();
    const names = ["a", "b"];
    const actions = names.map((name, index) => ({
      name,
      kind: { case: "condition" as const, value: { type: ValueType.BOOL } },
      dependencies: [{ action: names[1 - index] ?? "" }],
    }));
    worker.send({ case: "addActions", value: { ...(attempt && { attempt }), callId: 1n, actions } });
    expect(await worker.next("actionsAdded")).toMatchObject({
      callId: 1n,
      actions: [],
      refusal: { reason: Reason.INVALID_REQUEST },
    });
    const { run } = await server.runs.getRun({ namespace, runId: "r" });
    expect(run?.actionCount).toBe(1);
    await leave(worker);
  });
});

describe("children that cannot be taken as they stand", () => {
  test("since they are to be posted to an address inside are refused, and the stream goes on", async () => {
    const guarded = await TestServer.start({ deliveries: { allowsInside: false } });
    const worker = await guarded.attach();
    await guarded.runs.createRun({ run: { runId: "r", work: { case: "task", value: { op: "count" } } } });
    const { attempt } = await worker.take();
    const ask = (callId: bigint, terms: object) => {
      const value = { type: ValueType.BOOL, ...terms };
      const actions = [{ name: "approve", kind: { case: "condition" as const, value } }];
      worker.send({ case: "addActions", value: { ...(attempt && { attempt }), callId, actions } });
      return worker.next("actionsAdded");
    };
    expect(await ask(1n, { webhook: { url: "http://127.0.0.1:1/" } })).toMatchObject({
      callId: 1n,
      actions: [],
      refusal: { reason: Reason.ADDRESS_FORBIDDEN, metadata: { address: "127.0.0.1" } },
    });
    const { actions } = await ask(2n, {});
    expect(actions).toMatchObject([{ name: "main/approve", state: Action_State.PAUSED }]);
    await leave(worker);
    await guarded.close();
  });

  test("are refused, and the stream goes on", async () => {
    const worker = await server.attach({ namespace: newNamespace() });
    const input = { source: { case: "value" as const, value: toValue({ kind: "json", value: Number.NaN }) } };
    worker.send({
      case: "addActions",
      value: {
        attempt: { runId: "r", action: "main", attempt: 1, epoch: 2n ** 60n },
        callId: 5n,
        actions: [{ name: "a", kind: { case: "task", value: { op: "x", inputs: { n: input } } } }],
      },
    });
    const { callId, attempt, refusal } = await worker.next("actionsAdded");
    expect({ callId, epoch: attempt?.epoch }).toEqual({ callId: 5n, epoch: 2n ** 60n });
    expect(refusal).toMatchObject({ reason: Reason.INVALID_REQUEST, metadata: { violation_count: "2" } });
    await leave(worker);
  });
});

describe("credit", () => {
  test("is what permits assignments: no more are sent", async () => {
    const namespace = newNamespace();
    const worker = await server.attach({ namespace });
    for (const runId of ["r1", "r2", "r3"]) await createTask(namespace, runId);
    worker.send({ case: "credit", value: { amount: 2 } });
    const seen: string[] = [];
    while (seen.length < 2) {
      const { assignments } = await worker.next("assign");
      seen.push(...assignments.map(({ attempt }) => attempt?.runId ?? ""));
    }
    expect(seen).toEqual(["r1", "r2"]);
    expect(await actionOf(namespace, "r3")).toMatchObject({ state: Action_State.QUEUED });
    const { worker: listed } = await server.workers.getWorker({ namespace, workerId: "w1" });
    expect(listed).toMatchObject({ credit: 0, runningCount: 2 });
    await leave(worker);
  });

  test("over its bound is declined, and what was permitted before holds", async () => {
    const namespace = newNamespace();
    const worker = await server.attach({ namespace });
    worker.send({ case: "credit", value: { amount: 10_000 } });
    worker.send({ case: "credit", value: { amount: 1 } });
    expect(await worker.next("declined")).toMatchObject({
      refusal: { reason: Reason.LIMIT_REACHED, metadata: { maximum: "10000" } },
    });
    const { worker: listed } = await server.workers.getWorker({ namespace, workerId: "w1" });
    expect(listed?.credit).toBe(10_000);
    await leave(worker);
  });
});

describe("a pulse", () => {
  test("renews the lease and is answered; many at once share answers", async () => {
    const namespace = newNamespace();
    const worker = await server.attach({ namespace });
    const leaseMs = async () => {
      const { worker: listed } = await server.workers.getWorker({ namespace, workerId: "w1" });
      const { seconds = 0n, nanos = 0 } = listed?.leaseTime ?? {};
      return Number(seconds) * 1_000 + nanos / 1_000_000;
    };
    const before = await leaseMs();
    for (let count = 0; count < 500; count += 1) worker.send({ case: "pulse", value: {} });
    await worker.next("pulse");
    expect(await leaseMs()).toBeGreaterThanOrEqual(before);
    await leave(worker);
  });

  test("of a session that is gone ends the stream", async () => {
    const namespace = newNamespace();
    const worker = await server.attach({ namespace });
    const { worker: listed } = await server.workers.getWorker({ namespace, workerId: "w1" });
    await server.engine.execute({ kind: "leave", sessionId: listed?.sessionId ?? "", cause: "a test" });
    worker.send({ case: "pulse", value: {} });
    expect(describeRefusal(await worker.ended)).toMatchObject({
      code: "FailedPrecondition",
      reason: "SESSION_GONE",
      metadata: { session_id: listed?.sessionId },
    });
  });
});

describe("a worker that drains", () => {
  test("by itself is assigned nothing more", async () => {
    const namespace = newNamespace();
    const worker = await server.attach({ namespace });
    worker.send({ case: "credit", value: { amount: 5 } });
    worker.send({ case: "drain", value: {} });
    await happened(namespace, "workerDraining");
    await createTask(namespace);
    const { worker: listed } = await server.workers.getWorker({ namespace, workerId: "w1" });
    expect(listed?.state).toBe(Worker_State.DRAINING);
    expect(await actionOf(namespace)).toMatchObject({ state: Action_State.QUEUED });
    await leave(worker);
  });

  test("because an operator asked for it is told so, and may still report", async () => {
    const namespace = newNamespace();
    const worker = await server.attach({ namespace });
    await createTask(namespace);
    const { attempt } = await worker.take();
    const { worker: listed } = await server.workers.drainWorker({
      namespace,
      workerId: "w1",
      requestId: "q",
    });
    expect(listed?.state).toBe(Worker_State.DRAINING);
    await worker.next("drain");
    const recorded = await worker.report(attempt, 1n, { case: "succeeded", value: {} });
    expect(recorded.refusal).toBeUndefined();
    await leave(worker);
  });
});

describe("a stream ends", () => {
  test("well after Leave, behind the answers to what came before it", async () => {
    const namespace = newNamespace();
    const worker = await server.attach({ namespace });
    await createTask(namespace);
    const { attempt } = await worker.take();
    const content = { case: "progress" as const, value: { percent: 1 } };
    worker.send({
      case: "report",
      value: { reports: [{ ...(attempt && { attempt }), sequence: 1n, content }] },
    });
    worker.send({ case: "leave", value: { cause: "done" } });
    expect(await worker.ended).toBeUndefined();
    expect(await worker.next("recorded")).toMatchObject({ reports: [{ sequence: 1n }] });
    expect(await refusalIn(server.workers.getWorker({ namespace, workerId: "w1" }))).toMatchObject({
      code: "NotFound",
      reason: "WORKER_NOT_FOUND",
      metadata: { worker_id: "w1" },
    });
    // What it held is given back: its attempt has failed and the next one is due.
    const { attempts } = await server.runs.listAttempts({ namespace, runId: "r", name: "main" });
    expect(attempts[0]).toMatchObject({ state: Action_State.FAILED, error: { type: "LeaseExpired" } });
  });

  test.each([
    { how: "is half-closed", end: (worker: TestWorker) => worker.halfClose() },
    { how: "is cancelled", end: (worker: TestWorker) => worker.cancel() },
  ])("and its worker is detached when it $how: its leases run on", async ({ end }) => {
    const namespace = newNamespace();
    const worker = await server.attach({ namespace });
    await createTask(namespace);
    const { attempt } = await worker.take();
    await worker.report(attempt, 1n, { case: "heartbeat", value: {} });
    end(worker);
    await worker.ended;
    const state = async () => {
      const { worker: listed } = await server.workers.getWorker({ namespace, workerId: "w1" });
      return listed;
    };
    await expect.poll(state).toMatchObject({ state: Worker_State.DETACHED, runningCount: 1, credit: 0 });
    const again = TestWorker.open(server.url);
    const attached = await again.sendAttach({ namespace, running: attempt === undefined ? [] : [attempt] });
    expect(attached.keep).toEqual(attempt === undefined ? [] : [attempt]);
    const recorded = await again.report(attempt, 2n, { case: "succeeded", value: {} });
    expect(recorded.refusal).toBeUndefined();
    await leave(again);
  });

  test("with SESSION_GONE when the same process attaches again, which keeps its work", async () => {
    const namespace = newNamespace();
    const older = await server.attach({ namespace });
    await createTask(namespace);
    const { attempt } = await older.take();
    await older.report(attempt, 1n, { case: "heartbeat", value: {} });
    const newer = TestWorker.open(server.url);
    const attached = await newer.sendAttach({ namespace, running: attempt === undefined ? [] : [attempt] });
    expect(attached).toMatchObject({ keep: [{ runId: "r" }], drop: [] });
    expect(await older.next("leave")).toMatchObject({ cause: "attached again" });
    expect(describeRefusal(await older.ended)).toMatchObject({ reason: "SESSION_GONE" });
    // The end of the older stream does not touch the newer session.
    const { worker: listed } = await server.workers.getWorker({ namespace, workerId: "w1" });
    expect(listed).toMatchObject({
      state: Worker_State.ATTACHED,
      sessionId: attached.sessionId,
      runningCount: 1,
    });
    await leave(newer);
  });

  test("with SESSION_GONE when another process takes the worker's name, which drops its work", async () => {
    const namespace = newNamespace();
    const older = await server.attach({ namespace });
    await createTask(namespace);
    const { attempt } = await older.take();
    await older.report(attempt, 1n, { case: "heartbeat", value: {} });
    const newer = TestWorker.open(server.url);
    const running = attempt === undefined ? [] : [attempt];
    const attached = await newer.sendAttach({ namespace, incarnation: "i2", running });
    expect(attached).toMatchObject({ keep: [], drop: [{ runId: "r" }] });
    expect(describeRefusal(await older.ended)).toMatchObject({ reason: "SESSION_GONE" });
    await leave(newer);
  });

  test("with INVALID_REQUEST after a frame that breaks a bound; what came before it counts", async () => {
    const namespace = newNamespace();
    const worker = await server.attach({ namespace });
    await createTask(namespace);
    const { attempt } = await worker.take();
    const content = { case: "succeeded" as const, value: {} };
    worker.send({
      case: "report",
      value: { reports: [{ ...(attempt && { attempt }), sequence: 1n, content }] },
    });
    worker.send({ case: "report", value: { reports: [] } });
    expect(describeRefusal(await worker.ended)).toMatchObject({
      code: "InvalidArgument",
      reason: "INVALID_REQUEST",
      fields: ["report.reports"],
    });
    expect(await worker.next("recorded")).toMatchObject({ reports: [{ sequence: 1n }] });
    expect(await actionOf(namespace)).toMatchObject({ state: Action_State.SUCCEEDED });
  });

  test("well after Leave of a server that stops, which says when to come back", async () => {
    const stopped = await TestServer.start();
    const worker = await stopped.attach();
    const stopping = stopped.stop();
    expect(await worker.next("leave")).toMatchObject({ reconnectAfter: { seconds: 1n } });
    expect(await worker.ended).toBeUndefined();
    expect(await stopping).toBe(0);
    expect(stopped.errors).toEqual([]);
  });

  test("with STOPPING when a server stops that was not attached to yet", async () => {
    const stopped = await TestServer.start();
    const worker = TestWorker.open(stopped.url);
    await expect.poll(() => stopped.carrier.callCount).toBe(1);
    const stopping = stopped.stop();
    expect(describeRefusal(await worker.ended)).toMatchObject({ code: "Unavailable", reason: "STOPPING" });
    expect(await stopping).toBe(0);
  });

  test("with TOO_SLOW when its worker does not read", async () => {
    const strict = await TestServer.start({
      limits: { outgoing: { framesMax: 8, bytesMax: 8 * 1024 * 1024 } },
    });
    const client = grpcJsClient(WorkerService, strict.carrier.address.url.replace("http://", ""));
    const call = client.attach();
    const failed = new Promise<{ code?: number }>((resolve) => call.once("error", resolve));
    const attached = new Promise((resolve) => call.once("data", resolve));
    const ops = ["count"];
    call.write({ frame: { case: "attach", value: { workerId: "w1", incarnation: "i1", ops } } });
    await attached;
    call.pause();
    call.write({ frame: { case: "credit", value: { amount: 10_000 } } });
    const text = toValue({ kind: "string", value: "x".repeat(1_000_000) });
    const inputs = { text: { source: { case: "value" as const, value: text } } };
    const isOpen = async () => {
      const { worker } = await strict.workers.getWorker({ workerId: "w1" });
      return worker?.state === Worker_State.ATTACHED;
    };
    for (let count = 0; count < 200 && (await isOpen()); count += 1) {
      await strict.runs.createRun({ run: { work: { case: "task", value: { op: "count", inputs } } } });
    }
    expect(await isOpen()).toBe(false);
    call.resume();
    expect((await failed).code).toBe(8);
    client.close();
    expect(strict.errors).toEqual([]);
    await strict.close();
  });
});

describe("ListWorkers", () => {
  test("pages through the workers of a namespace, by name", async () => {
    const namespace = newNamespace();
    const workers = await Promise.all(
      ["c", "a", "b"].map((workerId) => server.attach({ namespace, workerId })),
    );
    const first = await server.workers.listWorkers({ namespace, pageSize: 2 });
    expect(first.workers.map(({ workerId }) => workerId)).toEqual(["a", "b"]);
    const second = await server.workers.listWorkers({ namespace, pageToken: first.nextPageToken });
    expect(second.workers.map(({ workerId }) => workerId)).toEqual(["c"]);
    expect(second.nextPageToken).toBe("");
    const all = await server.workers.listWorkers({ namespace: "-", pageSize: 1_000 });
    expect(all.workers.filter((worker) => worker.namespace === namespace)).toHaveLength(3);
    await Promise.all(workers.map(leave));
  });
});
