import { timestampMs } from "@bufbuild/protobuf/wkt";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import {
  Action_State,
  Action_StateSchema,
  type Attempt,
  type TimelineEntry,
  TimelineEntry_Type,
  TimelineEntry_TypeSchema,
} from "../../../gen/signalbox/v1/action_pb.ts";
import { LogLevel } from "../../../gen/signalbox/v1/event_pb.ts";
import { toJson, toValue } from "../../../src/api/mapping/to-proto-value.ts";
import { refusalIn } from "../../support/test-server.ts";
import type { TestWorker } from "../../support/test-worker.ts";
import { Wire } from "./wire.ts";

let wire: Wire;

beforeAll(async () => {
  wire = await Wire.start();
});

afterAll(() => wire.remove());

const seven = toValue({ kind: "int", value: "7" });
const broken = { case: "failed" as const, value: { type: "Broken", message: "it broke" } };
const done = { case: "succeeded" as const, value: { outputs: { n: seven } } };
const manual = { maxAttempts: 2, manual: true };

/** A run of one task of an op that only one worker takes, which has accepted it. */
async function started(op: string, task: object = {}) {
  const worker = await wire.worker(op);
  const { run } = await wire.runs.createRun({ run: { work: { case: "task", value: { op, ...task } } } });
  const runId = run?.runId ?? "";
  const { attempt } = await worker.take();
  await expect.poll(async () => (await attemptsOf(runId))[0]?.state).toBe(Action_State.RUNNING);
  return { worker, runId, attempt };
}

async function attemptsOf(runId: string): Promise<readonly Attempt[]> {
  return (await wire.runs.listAttempts({ runId, name: "main" })).attempts;
}

async function timelineOf(runId: string, attempt = 0): Promise<readonly TimelineEntry[]> {
  return (await wire.runs.listTimeline({ runId, name: "main", attempt })).entries;
}

/** Each entry as `TYPE what it says STATE`. */
function told(entries: readonly TimelineEntry[]): readonly string[] {
  return entries.map(({ type, message, state }) => {
    const { localName } = TimelineEntry_TypeSchema.value[type] ?? {};
    return `${localName} ${message.value} ${Action_StateSchema.value[state]?.localName}`;
  });
}

/** Attaches the worker again for a further attempt, and takes it. */
async function takeAgain(worker: TestWorker) {
  return (await worker.take()).attempt;
}

describe("an attempt", () => {
  test("G-070 G-071 G-072 G-073 G-074 G-076 G-077 G-079 G-113 has an id, from 1, and all that it started with", async () => {
    const inputs = { x: { source: { case: "value" as const, value: seven } } };
    const { worker, runId, attempt } = await started("att-1", { inputs, resources: { cpu: 0 } });
    expect((await attemptsOf(runId))[0]).toMatchObject({
      attemptId: `${runId}_att_1`,
      number: 1,
      state: Action_State.RUNNING,
      workerId: "w1",
      progressPercent: 0,
      inputs: { x: seven },
      outputs: {},
      resources: { cpu: 0 },
      epoch: 1n,
      summary: { workerId: "w1", errorMessage: "" },
    });
    await worker.report(attempt, 1n, done);
    expect((await attemptsOf(runId))[0]).toMatchObject({
      state: Action_State.SUCCEEDED,
      outputs: { n: seven },
    });
  });

  test("G-080 G-081 has no start before its worker accepts it, and no end before that is reported", async () => {
    const worker = await wire.worker("att-2");
    const { run } = await wire.runs.createRun({ run: { work: { case: "task", value: { op: "att-2" } } } });
    const runId = run?.runId ?? "";
    expect(await attemptsOf(runId)).toEqual([]);
    worker.send({ case: "credit", value: { amount: 1 } });
    const { assignments } = await worker.next("assign");
    const assigned = (await attemptsOf(runId))[0];
    expect([assigned?.assignTime, assigned?.startTime].map((time) => time !== undefined)).toEqual([
      true,
      false,
    ]);
    const attempt = assignments[0]?.attempt;
    worker.send({ case: "accept", value: { attempts: attempt === undefined ? [] : [attempt] } });
    await worker.report(attempt, 1n, { case: "heartbeat", value: {} });
    const running = (await attemptsOf(runId))[0];
    expect([running?.startTime, running?.endTime].map((time) => time !== undefined)).toEqual([true, false]);
    await worker.report(attempt, 2n, done);
    expect((await attemptsOf(runId))[0]?.endTime).toBeDefined();
  });

  test("G-021 G-022 G-023 G-024 G-025 G-078 has a summary of its own: how long, where, on which devices, and why it failed", async () => {
    const { worker, runId, attempt } = await started("att-3", { retry: manual });
    await worker.report(attempt, 1n, broken);
    const [ended] = await attemptsOf(runId);
    const tookMs = timestampMs(ended?.endTime as never) - timestampMs(ended?.startTime as never);
    expect(ended?.summary).toMatchObject({
      workerId: ended?.workerId,
      errorMessage: "it broke",
      deviceIndexes: [],
    });
    const { seconds = 0n, nanos = 0 } = ended?.summary?.duration ?? {};
    expect(Number(seconds) * 1000 + nanos / 1_000_000).toBe(tookMs);
    const json = await wire.json("RunService/ListAttempts", { runId, name: "main" });
    expect(json).toMatchObject({
      attempts: [{ summary: { workerId: ended?.workerId, errorMessage: "it broke" } }],
    });
  });

  test("G-082 G-137 G-140 stays as it ended when another one follows, which starts clean", async () => {
    const { worker, runId, attempt } = await started("att-4", { retry: manual });
    await worker.report(attempt, 1n, { case: "progress", value: { percent: 40, message: "nearly" } });
    await worker.report(attempt, 2n, broken);
    const [first] = await attemptsOf(runId);
    const timeline = await timelineOf(runId, 1);
    await wire.runs.retryRun({ runId });
    const again = await takeAgain(worker);
    const [before, current] = await attemptsOf(runId);
    expect(before).toEqual(first);
    expect(current).toMatchObject({ number: 2, progressPercent: 0, progressMessage: "", outputs: {} });
    expect([current?.endTime, current?.error]).toEqual([undefined, undefined]);
    await worker.report(again, 1n, done);
    expect((await attemptsOf(runId))[0]).toEqual(first);
    expect(await timelineOf(runId, 1)).toEqual(timeline);
  });

  test("G-138 G-139 beyond the policy takes force", async () => {
    const { worker, runId, attempt } = await started("att-5");
    await worker.report(attempt, 1n, broken);
    expect(await refusalIn(wire.runs.retryRun({ runId }))).toEqual({
      code: "FailedPrecondition",
      reason: "ATTEMPTS_EXHAUSTED",
      metadata: { run_id: runId, action: "main", attempts: "1", max_attempts: "1" },
      fields: [],
    });
    await wire.runs.retryRun({ runId, force: true });
    await worker.report(await takeAgain(worker), 1n, done);
    expect((await attemptsOf(runId)).map(({ number, state }) => [number, state])).toEqual([
      [1, Action_State.FAILED],
      [2, Action_State.SUCCEEDED],
    ]);
  });

  test("G-133 G-134 that has ended takes no outputs any more; its run takes a priority", async () => {
    const { worker, runId, attempt } = await started("att-6");
    await worker.report(attempt, 1n, done);
    const late = { case: "succeeded" as const, value: { outputs: {} } };
    expect((await worker.report(attempt, 2n, late)).refusal).toMatchObject({
      message: expect.any(String) as string,
    });
    expect((await wire.runs.getRun({ runId })).run?.outputs).toEqual({ n: seven });
    expect((await wire.runs.updateRun({ runId, priority: 9 })).run).toMatchObject({ priority: 9 });
    expect(await refusalIn(wire.runs.updateRun({ runId, priority: -1 }))).toMatchObject({
      fields: ["priority"],
    });
  });

  test("G-126 that failed says why, or is refused as INVALID_REQUEST and goes on", async () => {
    const { worker, runId, attempt } = await started("att-7");
    const recorded = await worker.report(attempt, 1n, { case: "failed", value: { type: "X" } });
    expect(recorded.refusal?.message).toContain("failed.message");
    expect((await attemptsOf(runId))[0]?.state).toBe(Action_State.RUNNING);
    expect((await worker.report(attempt, 1n, broken)).refusal).toBeUndefined();
  });

  test("G-117 G-118 G-119 is 0 to 100 percent far, as a number, and may be less far than before", async () => {
    const { worker, runId, attempt } = await started("att-8");
    for (const [index, percent] of [60, 20].entries()) {
      await worker.report(attempt, BigInt(index + 1), { case: "progress", value: { percent } });
    }
    expect((await attemptsOf(runId))[0]?.progressPercent).toBe(20);
    const before = await timelineOf(runId);
    worker.send({
      case: "report",
      value: {
        reports: [
          {
            ...(attempt && { attempt }),
            sequence: 3n,
            content: { case: "progress", value: { percent: 101 } },
          },
        ],
      },
    });
    expect(String(await worker.ended)).toContain("progress.percent: must be greater than or equal to 0");
    expect(await timelineOf(runId)).toEqual(before);
  });
});

describe("the timeline of an attempt", () => {
  test("G-003 G-004 has entries of these types", () => {
    const names = TimelineEntry_TypeSchema.values.map(({ localName }) => localName);
    expect(names).toEqual([
      "UNSPECIFIED",
      ...["ASSIGNED", "STARTED", "INFO", "PROGRESS", "COMPLETED", "FAILED", "CANCELLED", "ERROR", "RETRIED"],
      // Ours: an assignment that came back before it started.
      "RETURNED",
    ]);
  });

  test("G-015 G-016 G-017 G-018 G-019 G-020 G-075 G-115 G-121 G-124 G-130 tells in order what happened", async () => {
    const { worker, runId, attempt } = await started("line-1");
    const log = (message: string, level: LogLevel) => ({ case: "log" as const, value: { message, level } });
    const published = { source: "s", type: "com.example.saved", payload: toJson({ rows: 3 }) };
    await worker.report(attempt, 1n, log("loading", LogLevel.INFO));
    await worker.report(attempt, 2n, { case: "progress", value: { percent: 40, message: "nearly" } });
    await worker.report(attempt, 3n, log("one row is odd", LogLevel.ERROR));
    await worker.report(attempt, 4n, { case: "event", value: published });
    await worker.report(attempt, 5n, done);
    const entries = await timelineOf(runId);
    const workerId = (await attemptsOf(runId))[0]?.workerId ?? "";
    expect(told(entries)).toEqual([
      `ASSIGNED assigned to ${workerId} ASSIGNED`,
      `STARTED started by ${workerId} RUNNING`,
      "INFO loading RUNNING",
      "PROGRESS 40 RUNNING",
      "ERROR one row is odd RUNNING",
      "INFO com.example.saved RUNNING",
      "COMPLETED succeeded SUCCEEDED",
    ]);
    expect(entries.map(({ index }) => index)).toEqual([0, 1, 2, 3, 4, 5, 6]);
    expect(entries.every(({ createTime }) => createTime !== undefined)).toBe(true);
    expect(entries.map(({ message }) => message.case)).toEqual([
      ...["text", "text", "text", "percent", "text", "text", "text"],
    ]);
    expect(entries[0]?.payload).toEqual({ worker_id: workerId, epoch: 1, device_indexes: [] });
    expect(entries[3]?.payload).toEqual({ message: "nearly" });
    expect(entries[5]?.payload).toEqual({ source: "s", attributes: {}, payload: { rows: 3 } });
    expect(entries[6]?.payload).toEqual({ outputs: { n: 7 } });
    const ids = entries.map(({ eventId }) => eventId);
    expect(ids).toEqual(ids.toSorted());
    const { events } = await wire.events.listEvents({ filter: { runId } });
    expect(ids.every((id) => events.some(({ eventId }) => eventId === id))).toBe(true);
  });

  test("G-004 G-075 G-122 G-123 is its own, and begins with why it follows another one", async () => {
    const { worker, runId, attempt } = await started("line-2", {
      retry: { maxAttempts: 2, initialBackoff: {} },
    });
    await worker.report(attempt, 1n, broken);
    const again = await takeAgain(worker);
    await worker.report(again, 1n, { case: "heartbeat", value: {} });
    await wire.runs.cancelRun({ runId, cause: "enough" });
    await worker.report(again, 2n, { case: "stopped", value: { message: "stopped in time" } });
    const workerId = (await attemptsOf(runId))[0]?.workerId ?? "";
    expect(told(await timelineOf(runId, 1))).toEqual([
      `ASSIGNED assigned to ${workerId} ASSIGNED`,
      `STARTED started by ${workerId} RUNNING`,
      "FAILED it broke FAILED",
    ]);
    expect(told(await timelineOf(runId, 2))).toEqual([
      "RETRIED attempt 1 ended as FAILED: it broke PENDING",
      `ASSIGNED assigned to ${workerId} ASSIGNED`,
      `STARTED started by ${workerId} RUNNING`,
      "CANCELLED stopped in time CANCELLED",
    ]);
    expect(await timelineOf(runId)).toEqual(await timelineOf(runId, 2));
  });

  test("G-004 says when RetryRun opened it, and that an assignment came back", async () => {
    const { worker, runId, attempt } = await started("line-3", { retry: manual });
    await worker.report(attempt, 1n, broken);
    await wire.runs.retryRun({ runId });
    worker.send({ case: "credit", value: { amount: 1 } });
    const { assignments } = await worker.next("assign");
    const given = assignments[0]?.attempt;
    worker.send({ case: "decline", value: { ...(given && { attempt: given }), cause: "busy" } });
    const again = await takeAgain(worker);
    await worker.report(again, 1n, done);
    const types = (await timelineOf(runId, 2)).map(({ type }) => type);
    expect(types).toEqual([
      TimelineEntry_Type.RETRIED,
      TimelineEntry_Type.ASSIGNED,
      TimelineEntry_Type.RETURNED,
      TimelineEntry_Type.ASSIGNED,
      TimelineEntry_Type.STARTED,
      TimelineEntry_Type.COMPLETED,
    ]);
  });

  test("G-020 comes in pages, wherever they break", async () => {
    const { worker, runId, attempt } = await started("line-4");
    for (let sequence = 1n; sequence <= 20n; sequence += 1n) {
      await worker.report(attempt, sequence, { case: "log", value: { message: `line ${sequence}` } });
    }
    await worker.report(attempt, 21n, done);
    const all = await timelineOf(runId);
    expect(all).toHaveLength(23);
    for (const pageSize of [1, 4, 22, 23]) {
      const paged: TimelineEntry[] = [];
      let pageToken = "";
      do {
        const page = await wire.runs.listTimeline({ runId, name: "main", pageSize, pageToken });
        expect(page.entries.length).toBeLessThanOrEqual(pageSize);
        paged.push(...page.entries);
        pageToken = page.nextPageToken;
      } while (pageToken !== "");
      expect(paged).toEqual(all);
    }
    expect(await refusalIn(wire.runs.listTimeline({ runId, name: "main", pageToken: "x" }))).toMatchObject({
      reason: "TOKEN_INVALID",
    });
    const { nextPageToken: pageToken } = await wire.runs.listTimeline({ runId, name: "main", pageSize: 1 });
    const { runId: another } = await started("line-4");
    expect(
      await refusalIn(wire.runs.listTimeline({ runId: another, name: "main", pageToken })),
    ).toMatchObject({
      reason: "FILTER_CHANGED",
    });
  });

  test("of an attempt that is not there is refused", async () => {
    const { runId } = await started("line-5");
    for (const attempt of [2, 100]) {
      expect(await refusalIn(wire.runs.listTimeline({ runId, name: "main", attempt }))).toMatchObject({
        code: "NotFound",
        reason: "ATTEMPT_NOT_FOUND",
      });
    }
  });
});
