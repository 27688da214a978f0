import { timestampFromMs, timestampMs } from "@bufbuild/protobuf/wkt";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Action_State } from "../../../gen/signalbox/v1/action_pb.ts";
import { EventKind } from "../../../gen/signalbox/v1/event_pb.ts";
import { type Run, Run_State, Run_StateSchema } from "../../../gen/signalbox/v1/run_pb.ts";
import type { ListRunsRequest } from "../../../gen/signalbox/v1/run_service_pb.ts";
import { toValue } from "../../../src/api/mapping/to-proto-value.ts";
import { refusalIn } from "../../support/test-server.ts";
import { Wire } from "./wire.ts";

let wire: Wire;

beforeAll(async () => {
  wire = await Wire.start();
});

afterAll(() => wire.remove());

const seven = toValue({ kind: "int", value: "7" });
const done = { case: "succeeded" as const, value: { outputs: { n: seven } } };

async function create(op: string, parts: object = {}, task: object = {}): Promise<Run> {
  const { run } = await wire.runs.createRun({
    run: { work: { case: "task", value: { op, ...task } }, ...parts },
  });
  if (run === undefined) throw new Error("a created run is told");
  return run;
}

async function stateOf({ runId }: Run): Promise<string | undefined> {
  const { run } = await wire.runs.getRun({ runId });
  const { action } = await wire.runs.getAction({ runId, name: "main" });
  return `${Run_StateSchema.value[run?.state ?? 0]?.localName} ${Object.keys(Action_State)[action?.state ?? 0]}`;
}

describe("a run", () => {
  test("G-001 G-002 G-091 G-110 G-115 G-121 goes through its states by name, and its ends are final", async () => {
    const worker = await wire.worker("states");
    const run = await create("states");
    expect(await stateOf(run)).toBe("QUEUED QUEUED");
    worker.send({ case: "credit", value: { amount: 1 } });
    const { assignments } = await worker.next("assign");
    // Theirs has one state for both; ours says of the run whether something of it has started.
    expect(await stateOf(run)).toBe("QUEUED ASSIGNED");
    const attempt = assignments[0]?.attempt;
    worker.send({ case: "accept", value: { attempts: attempt === undefined ? [] : [attempt] } });
    await worker.report(attempt, 1n, { case: "heartbeat", value: {} });
    expect(await stateOf(run)).toBe("RUNNING RUNNING");
    await worker.report(attempt, 2n, done);
    expect(await stateOf(run)).toBe("SUCCEEDED SUCCEEDED");
    const ends = Run_StateSchema.values.map(({ localName }) => localName).slice(3);
    expect(ends).toEqual(["SUCCEEDED", "FAILED", "CANCELLED", "TIMED_OUT"]);
    expect(await refusalIn(wire.runs.cancelRun({ runId: run.runId }))).toMatchObject({ reason: "RUN_ENDED" });
    expect((await worker.report(attempt, 3n, done)).refusal?.message).toContain("has ended");
  });

  test("G-090 G-092 G-093 G-094 G-095 G-096 G-097 G-099 is created with an id, and no more than what is said", async () => {
    const [one, other] = [await create("bare"), await create("bare")];
    expect(one.runId).not.toBe(other.runId);
    expect(one).toMatchObject({ priority: 0, state: Run_State.QUEUED, op: "bare", opVersion: 0, image: "" });
    expect(one.delivery).toBeUndefined();
    expect(one.updateTime).toEqual(one.createTime);
    const { action } = await wire.runs.getAction({ runId: one.runId, name: "main" });
    expect(action).toMatchObject({ inputs: {}, retry: { maxAttempts: 1 }, attempt: 0 });
    expect(action?.resources).toBeUndefined();
    const adHoc = await create("any-name", {}, { image: "registry.example/tool:1" });
    expect(adHoc).toMatchObject({ image: "registry.example/tool:1", opVersion: 0 });
  });

  test("G-090 of an id that is taken is refused", async () => {
    await create("taken", { runId: "taken" });
    const work = { case: "task" as const, value: { op: "taken" } };
    const again = wire.runs.createRun({ run: { runId: "taken", work } });
    expect(await refusalIn(again)).toMatchObject({ code: "AlreadyExists", reason: "RUN_EXISTS" });
  });

  test("G-098 G-099 has no attempt before a worker has it; the first is number 1", async () => {
    const run = await create("later");
    expect(await wire.runs.listAttempts({ runId: run.runId, name: "main" })).toMatchObject({ attempts: [] });
    const worker = await wire.worker("later");
    expect((await worker.take()).attempt?.attempt).toBe(1);
  });

  test("G-100 G-101 shows progress and outputs of its last attempt", async () => {
    const worker = await wire.worker("current");
    const run = await create("current", {}, { retry: { maxAttempts: 2, initialBackoff: {} } });
    const { attempt } = await worker.take();
    await worker.report(attempt, 1n, { case: "progress", value: { percent: 70 } });
    await worker.report(attempt, 2n, { case: "failed", value: { type: "X", message: "no" } });
    const { attempt: again } = await worker.take();
    await worker.report(again, 1n, { case: "progress", value: { percent: 10 } });
    const { action } = await wire.runs.getAction({ runId: run.runId, name: "main" });
    expect(action).toMatchObject({ attempt: 2, progressPercent: 10 });
    await worker.report(again, 2n, done);
    expect((await wire.runs.getRun({ runId: run.runId })).run).toMatchObject({ outputs: { n: seven } });
  });

  test("G-102 G-133 of a priority below 0 is refused, when it is created and when it is changed", async () => {
    const work = { case: "task" as const, value: { op: "x" } };
    expect(await refusalIn(wire.runs.createRun({ run: { work, priority: -1 } }))).toMatchObject({
      code: "InvalidArgument",
      fields: ["run.priority"],
    });
    const { runId } = await create("x", { priority: 3 });
    expect(await refusalIn(wire.runs.updateRun({ runId, priority: -1 }))).toMatchObject({
      fields: ["priority"],
    });
    expect((await wire.runs.updateRun({ runId, priority: 0 })).run).toMatchObject({ priority: 0 });
    await wire.runs.cancelRun({ runId });
    expect((await wire.runs.updateRun({ runId, priority: 8 })).run).toMatchObject({ priority: 8 });
  });

  test("G-131 G-135 follows its attempt, whose summary nobody sets by hand", async () => {
    const worker = await wire.worker("follows");
    const run = await create("follows");
    const { attempt } = await worker.take();
    await worker.report(attempt, 1n, { case: "failed", value: { type: "X", message: "no" } });
    expect(await stateOf(run)).toBe("FAILED FAILED");
    const { attempts } = await wire.runs.listAttempts({ runId: run.runId, name: "main" });
    expect(attempts[0]).toMatchObject({ state: Action_State.FAILED, summary: { errorMessage: "no" } });
  });

  test("G-129 is cancelled in every state that is no end", async () => {
    const worker = await wire.worker("cancels");
    const queued = await create("nobody-takes-this");
    await wire.runs.cancelRun({ runId: queued.runId });
    expect(await stateOf(queued)).toBe("CANCELLED CANCELLED");
    const running = await create("cancels");
    const { attempt } = await worker.take();
    await wire.runs.cancelRun({ runId: running.runId, cause: "enough" });
    const { attempts: told } = await worker.next("cancel");
    expect(told[0]).toMatchObject({ cause: "enough" });
    await worker.report(attempt, 1n, { case: "stopped", value: { message: "stopped" } });
    expect(await stateOf(running)).toBe("CANCELLED CANCELLED");
  });

  test("G-132 is ended by an operator, who says why in the feed; its worker's late report is refused", async () => {
    const worker = await wire.worker("operated");
    const { runId } = await create("operated");
    const { attempt } = await worker.take();
    const state = Action_State.SUCCEEDED;
    const end = { runId, name: "main", state, outputs: { n: seven }, cause: "the file was there" };
    expect((await wire.runs.endAction({ ...end, requestId: "end" })).action).toMatchObject({ state });
    expect((await wire.runs.endAction({ ...end, requestId: "end" })).action).toMatchObject({ state });
    expect((await wire.runs.getRun({ runId })).run).toMatchObject({
      state: Run_State.SUCCEEDED,
      outputs: { n: seven },
    });
    const { events } = await wire.events.listEvents({ filter: { runId, kinds: [EventKind.ACTION_ENDED] } });
    expect(events.map(({ detail }) => detail.value)).toMatchObject([
      { cause: "the file was there", epoch: 0n },
    ]);
    expect((await worker.next("cancel")).attempts).toHaveLength(1);
    expect((await worker.report(attempt, 1n, done)).refusal?.message).toContain("has ended");
    expect(await refusalIn(wire.runs.endAction({ ...end, cause: "again" }))).toMatchObject({
      reason: "ACTION_ENDED",
    });
  });

  test("G-137 G-141 G-142 G-143 is opened again once it has ended, and after success only by force", async () => {
    const worker = await wire.worker("again");
    const run = await create(
      "again",
      { priority: 4 },
      { inputs: { x: { source: { case: "value", value: seven } } } },
    );
    const { runId } = run;
    expect(await refusalIn(wire.runs.retryRun({ runId }))).toMatchObject({ reason: "RUN_NOT_ENDED" });
    await worker.report((await worker.take()).attempt, 1n, done);
    expect(await refusalIn(wire.runs.retryRun({ runId }))).toMatchObject({ reason: "RUN_SUCCEEDED" });
    const { run: opened } = await wire.runs.retryRun({ runId, force: true });
    expect(opened).toMatchObject({ runId, priority: 4, state: Run_State.QUEUED, outputs: {}, retryCount: 1 });
    expect(await worker.take()).toMatchObject({ attempt: { attempt: 2 }, inputs: { x: seven } });
  });

  test("G-097 G-145 has the time of its last change of state", async () => {
    const worker = await wire.worker("times");
    const { runId, createTime } = await create("times");
    const { attempt } = await worker.take();
    await worker.report(attempt, 1n, done);
    const { run } = await wire.runs.getRun({ runId });
    expect(run?.updateTime).toEqual(run?.endTime);
    expect(run?.createTime).toEqual(createTime);
  });

  test("G-066 G-163 of an op keeps its image, policy, resources and delivery, whatever is deployed later", async () => {
    const delivery = { topic: "runs", attributes: { team: "ml" } };
    const op = { name: "deployed", image: "i:1", retry: { maxAttempts: 3 }, resources: { cpu: 1 }, delivery };
    await wire.ops.registerOp({ op });
    const { runId } = await create("deployed");
    await wire.ops.registerOp({ op: { name: "deployed", image: "i:2" } });
    await wire.ops.deleteOp({ name: "deployed", force: true });
    const { run } = await wire.runs.getRun({ runId });
    expect(run).toMatchObject({ op: "deployed", opVersion: 1, image: "i:1", delivery });
    const { action } = await wire.runs.getAction({ runId, name: "main" });
    expect(action).toMatchObject({ image: "i:1", retry: { maxAttempts: 3 }, resources: { cpu: 1 } });
    await wire.runs.updateRun({ runId, setLabels: { a: "1" } });
    const { events } = await wire.events.listEvents({ filter: { runId } });
    expect(events.length).toBeGreaterThan(2);
    // G-013: each event says so, with the attributes.
    for (const event of events) expect(event.delivery).toMatchObject(delivery);
  });
});

describe("the list of runs", () => {
  const image = "registry.example/listed:1";
  const runs: Run[] = [];

  beforeAll(async () => {
    for (let count = 0; count < 7; count += 1) runs.unshift(await create("listed", {}, { image }));
  });

  const filter = { op: "listed" };
  type Asked = Partial<Pick<ListRunsRequest, "pageSize" | "pageToken" | "startingAfter" | "endingBefore">>;

  async function list(asked: Asked, said: object = filter) {
    const { runs: found, hasMore, nextPageToken } = await wire.runs.listRuns({ filter: said, ...asked });
    const indexes = found.map(({ runId }) => runs.findIndex((run) => run.runId === runId));
    return { indexes, hasMore, nextPageToken };
  }

  test.each([
    { asked: {}, at: [0, 1, 2, 3, 4, 5, 6], hasMore: false },
    { asked: { pageSize: 3 }, at: [0, 1, 2], hasMore: true },
    { asked: { pageSize: 7 }, at: [0, 1, 2, 3, 4, 5, 6], hasMore: false },
    { asked: { pageSize: 2, after: 3 }, at: [4, 5], hasMore: true },
    { asked: { pageSize: 3, after: 3 }, at: [4, 5, 6], hasMore: false },
    { asked: { after: 6 }, at: [], hasMore: false },
    { asked: { pageSize: 2, before: 4 }, at: [2, 3], hasMore: true },
    { asked: { pageSize: 4, before: 4 }, at: [0, 1, 2, 3], hasMore: false },
    { asked: { before: 4 }, at: [0, 1, 2, 3], hasMore: false },
    { asked: { before: 0 }, at: [], hasMore: false },
  ])(
    "G-161 is the newest first, and begins and ends where $asked says: $at",
    async ({ asked, at, hasMore }) => {
      const { after, before, pageSize = 0 } = asked as { after?: number; before?: number; pageSize?: number };
      const startingAfter = after === undefined ? "" : (runs[after]?.runId ?? "");
      const endingBefore = before === undefined ? "" : (runs[before]?.runId ?? "");
      expect(await list({ pageSize, startingAfter, endingBefore })).toMatchObject({ indexes: at, hasMore });
    },
  );

  test("G-161 goes on behind a page that a run was named for", async () => {
    const first = await list({ pageSize: 2, startingAfter: runs[1]?.runId ?? "" });
    expect(first.indexes).toEqual([2, 3]);
    const { nextPageToken: pageToken } = first;
    expect(await list({ pageSize: 2, pageToken })).toMatchObject({ indexes: [4, 5], hasMore: true });
    const back = await list({ pageSize: 2, endingBefore: runs[4]?.runId ?? "" });
    expect(await list({ pageSize: 1, pageToken: back.nextPageToken })).toMatchObject({ indexes: [4] });
  });

  test("G-161 takes the time of creation from, after, until and before", async () => {
    const third = timestampMs(runs[3]?.createTime as never);
    const at = timestampFromMs(third);
    const newer = runs.filter((run) => timestampMs(run.createTime as never) > third).length;
    const same = runs.filter((run) => timestampMs(run.createTime as never) === third).length;
    const count = async (bounds: object) => (await list({}, { ...filter, ...bounds })).indexes.length;
    expect(await count({ createdFrom: at })).toBe(newer + same);
    expect(await count({ createdAfter: at })).toBe(newer);
    expect(await count({ createdUntil: at })).toBe(runs.length - newer);
    expect(await count({ createdBefore: at })).toBe(runs.length - newer - same);
    expect(await count({ createdFrom: at, createdUntil: at })).toBe(same);
    const between = { seconds: at.seconds, nanos: at.nanos + 1 };
    expect(await count({ createdFrom: between })).toBe(newer);
    expect(await count({ createdUntil: between })).toBe(runs.length - newer);
  });

  test("G-161 takes the state, the op and the image", async () => {
    await wire.runs.cancelRun({ runId: runs[2]?.runId ?? "" });
    expect(await list({}, { ...filter, states: [Run_State.CANCELLED] })).toMatchObject({ indexes: [2] });
    expect((await list({}, { image })).indexes).toHaveLength(7);
    expect((await list({}, { op: "another" })).indexes).toEqual([]);
    expect((await list({}, { image: "another" })).indexes).toEqual([]);
  });

  test("G-161 has 100 runs in a page unless it says so, and refuses more than 1,000", async () => {
    expect(await refusalIn(wire.runs.listRuns({ pageSize: 1_001 }))).toMatchObject({ fields: ["page_size"] });
    expect(await refusalIn(wire.runs.listRuns({ startingAfter: "none" }))).toMatchObject({
      code: "InvalidArgument",
      fields: ["starting_after"],
    });
  });
});
