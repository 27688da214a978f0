import type { MessageInitShape } from "@bufbuild/protobuf";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { ExplainActionResponse_Cause as Cause } from "../../gen/signalbox/v1/explanation_pb.ts";
import type { LimitSchema } from "../../gen/signalbox/v1/limit_pb.ts";
import { refusalIn, TestServer } from "../support/test-server.ts";

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
  namespace = `limits${namespaceCount}`;
});

type Said = MessageInitShape<typeof LimitSchema>;
const ofOp = { case: "op", value: "count" } as const;
const set = (name: string, said: Said = {}, requestId = "") =>
  server.limits.setLimit({ limit: { namespace, name, scope: ofOp, ...said }, requestId });
const get = (name: string) => server.limits.getLimit({ namespace, name });

async function create(runId: string, labels: Record<string, string> = {}): Promise<void> {
  const work = { case: "task" as const, value: { op: "count" } };
  await server.runs.createRun({ run: { namespace, runId, labels, work } });
}

/** A worker that permits so many assignments, and the runs that it was given, by their next frames. */
async function attach(amount: number) {
  const worker = await server.attach({ namespace });
  worker.send({ case: "credit", value: { amount } });
  const next = async () => {
    const { assignments } = await worker.next("assign");
    return assignments.flatMap(({ attempt }) => attempt ?? []);
  };
  return { worker, next };
}

describe("a limit", () => {
  test("is set, read with its use, changed and deleted", async () => {
    const { limit } = await set("two", { concurrentMax: 2 });
    expect(limit).toMatchObject({ namespace, name: "two", scope: ofOp, concurrentMax: 2 });
    expect(limit?.updateTime).toBeDefined();
    expect(await get("two")).toMatchObject({ limit, uses: [{ value: "", runningCount: 0 }] });
    const changed = await set("two", { concurrentMax: 3 });
    expect((await get("two")).limit).toEqual(changed.limit);
    await server.limits.deleteLimit({ namespace, name: "two" });
    expect(await refusalIn(get("two"))).toEqual({
      code: "NotFound",
      reason: "LIMIT_NOT_FOUND",
      metadata: { limit: "two" },
      fields: [],
    });
  });

  test("repeats its answers by request id, and refuses other content under it", async () => {
    const first = await set("one", { concurrentMax: 1 }, "id");
    expect(await set("one", { concurrentMax: 1 }, "id")).toEqual(first);
    expect((await refusalIn(set("one", { concurrentMax: 2 }, "id"))).reason).toBe("REQUEST_ID_REUSED");
    const gone = { namespace, name: "one", requestId: "gone" };
    await server.limits.deleteLimit(gone);
    await server.limits.deleteLimit(gone);
    expect((await refusalIn(server.limits.deleteLimit({ namespace, name: "one" }))).reason).toBe(
      "LIMIT_NOT_FOUND",
    );
  });

  test("is listed with the others of its namespace by name, page by page", async () => {
    for (const name of ["c", "a", "b"]) await set(name);
    await server.limits.setLimit({ limit: { namespace: "elsewhere", name: "d", scope: ofOp } });
    const first = await server.limits.listLimits({ namespace, pageSize: 2 });
    expect(first.limits.map(({ name }) => name)).toEqual(["a", "b"]);
    const pageToken = first.nextPageToken;
    const second = await server.limits.listLimits({ namespace, pageSize: 2, pageToken });
    expect(second.limits.map(({ name }) => name)).toEqual(["c"]);
    expect(second.nextPageToken).toBe("");
    expect(await refusalIn(server.limits.listLimits({ namespace: "elsewhere", pageToken }))).toMatchObject({
      reason: "FILTER_CHANGED",
    });
  });

  test("of an op lets so many be held at once, and the next one go when one has ended", async () => {
    await set("two", { concurrentMax: 2 });
    const { worker, next } = await attach(10);
    for (const runId of ["r1", "r2", "r3"]) await create(runId);
    const held = await next();
    while (held.length < 2) held.push(...(await next()));
    expect((await get("two")).uses).toMatchObject([{ runningCount: 2 }]);
    expect(await server.runs.explainAction({ namespace, runId: "r3", name: "main" })).toMatchObject({
      cause: Cause.LIMIT_FULL,
      limit: "two",
      holders: ["r1/main", "r2/main"],
    });
    await worker.report(held[0], 1n, { case: "succeeded", value: {} });
    expect((await next()).map(({ runId }) => runId)).toEqual(["r3"]);
  });

  test("of each value of a label shows the use of each", async () => {
    await set("per-user", { scope: { case: "label", value: { name: "user" } }, concurrentMax: 1 });
    expect((await get("per-user")).uses).toEqual([]);
    const { next } = await attach(10);
    await create("r1", { user: "ada" });
    await create("r2", { user: "ada" });
    await create("r3", { user: "bob" });
    const held = await next();
    while (held.length < 2) held.push(...(await next()));
    expect(held.map(({ runId }) => runId)).toEqual(["r1", "r3"]);
    expect((await get("per-user")).uses).toMatchObject([
      { value: "ada", runningCount: 1 },
      { value: "bob", runningCount: 1 },
    ]);
  });

  test("that is set higher, or deleted, lets go what waited for it", async () => {
    await set("one", { concurrentMax: 1 });
    const { next } = await attach(10);
    for (const runId of ["r1", "r2", "r3"]) await create(runId);
    expect((await next()).map(({ runId }) => runId)).toEqual(["r1"]);
    await set("one", { concurrentMax: 2 });
    expect((await next()).map(({ runId }) => runId)).toEqual(["r2"]);
    await server.limits.deleteLimit({ namespace, name: "one" });
    expect((await next()).map(({ runId }) => runId)).toEqual(["r3"]);
  });

  test("of a rate says when the next one may start", async () => {
    await set("slow", { rate: { count: 1, period: { seconds: 3_600n } } });
    const { next } = await attach(10);
    await create("r1");
    await next();
    const [use] = (await get("slow")).uses;
    const inSeconds = Number(use?.nextStartTime?.seconds) - Date.now() / 1_000;
    expect(inSeconds).toBeGreaterThan(3_500);
    expect(inSeconds).toBeLessThan(3_602);
    await create("r2");
    const explained = await server.runs.explainAction({ namespace, runId: "r2", name: "main" });
    expect(explained).toMatchObject({ cause: Cause.LIMIT_FULL, nextStartTime: use?.nextStartTime });
  });
});
