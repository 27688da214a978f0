import { describe, expect, onTestFinished, test } from "vitest";
import { RefusedError, type SignalboxClient } from "../../src/client/client.ts";
import type { TaskFunction } from "../../src/worker/worker.ts";
import { openLiveServer, thrownBy } from "./live-server.ts";

/** A task that waits until the test lets it go. */
function held() {
  const { promise: released, resolve: release } = Promise.withResolvers<void>();
  onTestFinished(() => release());
  const run: TaskFunction = async ({ signal }) => {
    const aborted = new Promise((_, reject) => {
      signal.addEventListener("abort", () => reject(signal.reason as Error), { once: true });
    });
    await Promise.race([released, aborted]);
    return { done: true };
  };
  return { run, release };
}

/** Follows the feed until the run's task stands in a state, and reads it then. */
async function untilState(client: SignalboxClient, runId: string, state: string) {
  const isThere = async () => (await client.runs.action(runId, "main")).state === state;
  for await (const _frame of client.events.watch({ runId, from: "beginning" })) {
    if (await isThere()) break;
  }
  return await client.runs.action(runId, "main");
}

async function reasonOf(call: Promise<unknown>): Promise<string> {
  const error = await thrownBy(call);
  if (!(error instanceof RefusedError)) throw error;
  return error.reason;
}

describe("a task that asks for resources", () => {
  test("goes to a worker that has them, which shows what is reserved of it", async () => {
    const { client, work } = await openLiveServer();
    const { run, release } = held();
    const capacity = { cpu: 4, ramMb: 1_000, devices: [{ index: 3, vramMb: 8_000, kind: "T4" }] };
    await work({ train: run }, { workerId: "small", capacity: { cpu: 1 } });
    await work(
      { train: run },
      { workerId: "big", capacity, labels: { zone: "a" }, taints: [{ key: "gpu" }] },
    );
    const { runId } = await client.runs.create({
      op: "train",
      resources: { cpu: 1.5, ramMb: 200, vramMb: 4_000 },
      placement: { workerLabels: { zone: "a" }, tolerations: [{ key: "gpu" }] },
    });
    const action = await untilState(client, runId, "RUNNING");
    expect(action).toMatchObject({
      workerId: "big",
      deviceIndexes: [3],
      resources: { cpu: 1.5, ramMb: 200, vramMb: 4_000 },
      placement: { workerLabels: { zone: "a" }, tolerations: [{ key: "gpu", value: "" }] },
    });
    expect(await client.workers.get("big")).toMatchObject({
      capacity,
      reserved: {
        cpu: 1.5,
        ramMb: 200,
        devices: [{ index: 3, vramMb: 4_000, actionCount: 1, whole: false }],
      },
      taints: [{ key: "gpu", value: "" }],
      running: [`${runId}/main`],
    });
    release();
    await client.runs.wait(runId);
    expect((await client.workers.get("big")).reserved).toEqual({ cpu: 0, ramMb: 0, devices: [] });
    const [attempt] = await client.runs.attempts(runId, "main");
    expect(attempt).toMatchObject({ deviceIndexes: [3], resources: { cpu: 1.5 }, epoch: 1n });
    expect(attempt?.durationMs).toBeGreaterThanOrEqual(0);
  });

  test("is explained where no worker could ever hold it, and where none has room", async () => {
    const { client, work } = await openLiveServer();
    await work({ train: held().run }, { capacity: { cpu: 2 } });
    const first = await client.runs.create({ op: "train", resources: { cpu: 2 } });
    await untilState(client, first.runId, "RUNNING");
    const second = await client.runs.create({ op: "train", resources: { cpu: 1 } });
    const third = await client.runs.create({ op: "train", resources: { cpu: 3 } });
    expect(await client.runs.explain(second.runId, "main")).toMatchObject({ cause: "NO_CAPACITY" });
    expect(await client.runs.explain(third.runId, "main")).toMatchObject({
      cause: "NO_WORKER_FITS",
      unmet: [expect.stringContaining("cpu 3")],
    });
  });
});

describe("a limit", () => {
  test("lets so many run, says who holds it, and lets the next one start when it is deleted", async () => {
    const { client, work } = await openLiveServer();
    await work({ train: held().run }, { capacity: {}, concurrency: 5 });
    const limit = { name: "one", scope: { op: "train" }, concurrentMax: 1 } as const;
    expect(await client.limits.set(limit)).toMatchObject({ ...limit, namespace: "default", rate: undefined });
    const first = await client.runs.create({ op: "train" });
    await untilState(client, first.runId, "RUNNING");
    const second = await client.runs.create({ op: "train" });
    expect(await client.runs.explain(second.runId, "main")).toMatchObject({
      cause: "LIMIT_FULL",
      limit: "one",
      holders: [`${first.runId}/main`],
    });
    expect(await client.limits.get("one")).toMatchObject({ concurrentMax: 1, uses: [{ runningCount: 1 }] });
    await client.limits.delete("one");
    await untilState(client, second.runId, "RUNNING");
    expect(await reasonOf(client.limits.get("one"))).toBe("LIMIT_NOT_FOUND");
    expect(await reasonOf(client.limits.delete("one"))).toBe("LIMIT_NOT_FOUND");
  });

  test("of each value of a label counts each by itself, with a rate", async () => {
    const { client, work } = await openLiveServer();
    await work({ train: held().run }, { concurrency: 5 });
    const rate = { count: 5, periodMs: 3_600_000 };
    await client.limits.set({ name: "each", scope: { label: "customer" }, concurrentMax: 3, rate });
    for (const customer of ["ana", "ana", "bob"]) {
      const { runId } = await client.runs.create({ op: "train", labels: { customer } });
      await untilState(client, runId, "RUNNING");
    }
    const { uses, ...limit } = await client.limits.get("each");
    expect(limit).toMatchObject({ scope: { label: "customer" }, rate, concurrentMax: 3 });
    expect(uses.map(({ value, runningCount }) => [value, runningCount])).toEqual([
      ["ana", 2],
      ["bob", 1],
    ]);
  });

  test.each([
    { scope: { op: "train" } },
    { scope: { label: "team", value: "ml" } },
    { scope: { label: "team" } },
    { scope: { wholeNamespace: true } },
  ] as const)("of $scope is listed as it was set, by name", async ({ scope }) => {
    const { client } = await openLiveServer();
    await client.limits.set({ name: "b", scope, concurrentMax: 2 });
    await client.limits.set({ name: "a", scope: { op: "other" }, rate: { count: 1, periodMs: 1_500 } });
    const listed = await client.limits.list().all();
    expect(listed.map(({ name }) => name)).toEqual(["a", "b"]);
    expect(listed[0]?.rate).toEqual({ count: 1, periodMs: 1_500 });
    expect(listed[1]?.scope).toEqual(scope);
  });
});

describe("a run that is opened again", () => {
  test("goes beyond the attempts of its policy if it is forced", async () => {
    const { client, work } = await openLiveServer();
    let isBroken = true;
    await work({
      flaky: () => {
        if (isBroken) throw new Error("no luck");
      },
    });
    const { runId } = await client.runs.create({ op: "flaky" });
    expect((await client.runs.wait(runId)).state).toBe("FAILED");
    expect(await reasonOf(client.runs.retry(runId))).toBe("ATTEMPTS_EXHAUSTED");
    isBroken = false;
    await client.runs.retry(runId, { force: true });
    expect(await client.runs.wait(runId)).toMatchObject({ state: "SUCCEEDED", retryCount: 1 });
    const attempts = await client.runs.attempts(runId, "main");
    expect(attempts.map(({ number, state }) => [number, state])).toEqual([
      [1, "FAILED"],
      [2, "SUCCEEDED"],
    ]);
  });

  test("does everything again, also what succeeded, if all is asked for", async () => {
    const { client, work } = await openLiveServer();
    let count = 0;
    await work({
      count: () => {
        count += 1;
        return { count };
      },
    });
    const { runId } = await client.runs.create({ op: "count" });
    await client.runs.wait(runId);
    expect(await reasonOf(client.runs.retry(runId))).toBe("RUN_SUCCEEDED");
    await client.runs.retry(runId, { all: true });
    expect((await client.runs.wait(runId)).outputs).toEqual({ count: 2 });
  });
});

test("the timeline of an attempt tells what happened to it, in order, each attempt by itself", async () => {
  const { client, work } = await openLiveServer();
  await work({
    train: async (ctx) => {
      ctx.progress(50, "half");
      await ctx.event({ type: "checkpoint", payload: { loss: 0.5 } });
      if (ctx.attempt === 1) throw new Error("no luck");
    },
  });
  const retry = { maxAttempts: 2, initialBackoffMs: 0 };
  const { runId } = await client.runs.create({ op: "train", retry });
  await client.runs.wait(runId);
  const told = async (attempt?: number) => {
    const entries = await client.runs.timeline(runId, "main", { ...(attempt && { attempt }) }).all();
    expect(entries.map(({ index }) => index)).toEqual(entries.keys().toArray());
    expect(entries.every(({ eventId, createTime }) => eventId !== "" && createTime instanceof Date)).toBe(
      true,
    );
    return entries.map(({ type, state }) => [type, state]);
  };
  const first = await told(1);
  expect(first[0]).toEqual(["ASSIGNED", "ASSIGNED"]);
  expect(first.map(([type]) => type)).toContain("FAILED");
  const last = await told();
  expect(last).toEqual(await told(2));
  expect(last.at(-1)).toEqual(["COMPLETED", "SUCCEEDED"]);
  const progress = (await client.runs.timeline(runId, "main").all()).find(({ type }) => type === "PROGRESS");
  expect(progress?.message).toBe(50);
  expect(await reasonOf(client.runs.timeline(runId, "main", { attempt: 7 }).all())).toBe("ATTEMPT_NOT_FOUND");
});

describe("an operator", () => {
  test.each([
    {
      end: { state: "SUCCEEDED", outputs: { url: "x", size: 5 } },
      shows: { outputs: { url: "x", size: 5 } },
    },
    {
      end: { state: "FAILED", error: { type: "Disk", message: "is gone" } },
      shows: { error: { type: "Disk", message: "is gone" } },
    },
    { end: { state: "CANCELLED" }, shows: {} },
  ] as const)("ends a running action as $end.state, and its worker is told", async ({ end, shows }) => {
    const { client, work } = await openLiveServer();
    const told = Promise.withResolvers<string>();
    const started = Promise.withResolvers<void>();
    await work({
      long: ({ signal }) =>
        new Promise((_, reject) => {
          signal.addEventListener("abort", () => {
            told.resolve((signal.reason as Error).name);
            reject(signal.reason as Error);
          });
          started.resolve();
        }),
    });
    const { runId } = await client.runs.create({ op: "long" });
    await started.promise;
    const ended = await client.runs.endAction(runId, "main", { ...end, cause: "by ana" });
    expect(ended).toMatchObject({ state: end.state, ...shows });
    expect((await client.runs.wait(runId)).state).toBe(end.state);
    expect(await told.promise).toMatch(/^Attempt/);
    const events = await client.events.list({ runId, kinds: ["ACTION_ENDED"] }).all();
    expect(events.map(({ detail }) => detail)).toMatchObject([{ state: end.state, cause: "by ana" }]);
    expect(await reasonOf(client.runs.endAction(runId, "main", end))).toBe("ACTION_ENDED");
  });

  test("evicts a worker: what it held has failed and is tried again by its policy", async () => {
    const { client, work } = await openLiveServer();
    await work({ long: held().run }, { workerId: "w1" });
    const { runId } = await client.runs.create({ op: "long", retry: { maxAttempts: 1 } });
    await untilState(client, runId, "RUNNING");
    expect(await client.workers.evict("w1", { cause: "its disk is full" })).toBe(1);
    expect(await client.runs.wait(runId)).toMatchObject({ state: "FAILED" });
    expect(await reasonOf(client.workers.evict("nobody"))).toBe("WORKER_NOT_FOUND");
  });
});

test("runs are found by their op, their image and the time of their creation", async () => {
  const { client } = await openLiveServer();
  const image = "example.com/a:1";
  const a = await client.runs.create({ op: "a", image, delivery: { topic: "t", attributes: { k: "v" } } });
  const b = await client.runs.create({ op: "b" });
  const ids = async (query: object) => (await client.runs.list(query).all()).map(({ runId }) => runId);
  expect(await ids({ op: "a" })).toEqual([a.runId]);
  expect(await ids({ image })).toEqual([a.runId]);
  expect(await ids({ createdFrom: new Date(0) })).toEqual([b.runId, a.runId]);
  expect(await ids({ createdUntil: new Date(0) })).toEqual([]);
  expect(a).toMatchObject({ op: "a", image, delivery: { topic: "t", attributes: { k: "v" } } });
});

describe("the first of several conditions", () => {
  test("ends the others, and is found by a later attempt", async () => {
    const { client, work } = await openLiveServer();
    await work({
      ask: async (ctx) => {
        const first = await ctx.firstCondition({ approve: { type: "bool" }, postpone: { type: "string" } });
        if (ctx.attempt === 1) throw new Error("once more");
        return { ...first, attempt: ctx.attempt };
      },
    });
    const retry = { maxAttempts: 2, initialBackoffMs: 1 };
    const { runId } = await client.runs.create({ op: "ask", retry });
    for await (const { conditions } of client.conditions.watch({ runId })) {
      if (conditions.some(({ name }) => name === "main/postpone")) break;
    }
    await client.conditions.signal(runId, "main/postpone", "tomorrow");
    const run = await client.runs.wait(runId);
    expect(run).toMatchObject({ outputs: { name: "postpone", answer: "tomorrow", attempt: 2 } });
    const loser = await client.runs.action(runId, "main/approve");
    expect(loser).toMatchObject({ state: "SKIPPED", error: { type: "GroupDecided" } });
  });
});
