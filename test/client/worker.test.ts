import { once } from "node:events";
import { durationFromMs } from "@bufbuild/protobuf/wkt";
import { Code, ConnectError } from "@connectrpc/connect";
import { describe, expect, test } from "vitest";
import { ErrorInfoSchema } from "../../gen/google/rpc/error_details_pb.ts";
import { Reason } from "../../gen/signalbox/v1/reason_pb.ts";
import { toValues } from "../../src/client/js-value.ts";
import {
  AttemptCancelled,
  AttemptLost,
  createWorker,
  NonRetryableError,
  type TaskContext,
  type TaskFunction,
  WorkerStopped,
  WorkerSuperseded,
} from "../../src/worker/worker.ts";
import { openWorker, recordUntilEnd } from "./worker-fixture.ts";
import { Arrivals, assignment, within } from "./worker-script.ts";

/** A task that waits until its test lets it go on, or its signal is aborted. */
function heldTask() {
  const started = new Arrivals<TaskContext>();
  const gate = Promise.withResolvers<unknown>();
  const work: TaskFunction = async (context) => {
    started.add(context);
    const aborted = once(context.signal, "abort").then(() => {
      throw context.signal.reason as Error;
    });
    return await Promise.race([gate.promise, aborted]);
  };
  return { work, started: () => started.take("start"), release: (output?: unknown) => gate.resolve(output) };
}

describe("a task", () => {
  test("gets its inputs by name and its place in the run", async () => {
    const { promise, resolve } = Promise.withResolvers<unknown>();
    const { stream } = await openWorker((ctx, inputs) => {
      const { runId, action, attempt, labels } = ctx;
      resolve({ runId, action, attempt, labels, inputs });
    });
    const inputs = toValues({ path: "a.txt", count: 3, list: [1] });
    stream.assign(assignment("count", { inputs, runLabels: { team: "x" } }));
    expect(await within(promise, "call")).toEqual({
      runId: "r",
      action: "count",
      attempt: 1,
      labels: { team: "x" },
      inputs: { path: "a.txt", count: 3, list: [1] },
    });
    expect(await recordUntilEnd(stream)).toMatchObject({ case: "succeeded", value: { outputs: {} } });
  });

  test.each([
    { given: "an object", output: { lines: 3, name: "x" }, gives: toValues({ lines: 3, name: "x" }) },
    { given: "a number", output: 5, gives: toValues({ value: 5 }) },
    { given: "a list", output: ["a"], gives: toValues({ value: ["a"] }) },
    { given: "null", output: null, gives: toValues({ value: null }) },
    { given: "nothing", output: undefined, gives: {} },
  ])("that returns $given puts it out by name", async ({ output, gives }) => {
    const { stream } = await openWorker(() => output);
    stream.assign(assignment("a"));
    expect(await recordUntilEnd(stream)).toMatchObject({ case: "succeeded", value: { outputs: gives } });
  });

  class BadPath extends Error {
    readonly type = "BadPath";
  }
  test.each([
    { thrown: new RangeError("too far"), type: "RangeError", message: "too far", nonRetryable: false },
    { thrown: new BadPath("no such path"), type: "BadPath", message: "no such path", nonRetryable: false },
    {
      thrown: new NonRetryableError("never"),
      type: "NonRetryableError",
      message: "never",
      nonRetryable: true,
    },
    { thrown: "just text" as unknown as Error, type: "Error", message: "just text", nonRetryable: false },
  ])("that throws $thrown fails with the type $type", async ({ thrown, type, message, nonRetryable }) => {
    const { stream } = await openWorker(() => Promise.reject(thrown));
    stream.assign(assignment("a"));
    const end = await recordUntilEnd(stream);
    expect(end).toMatchObject({ case: "failed", value: { type, message, nonRetryable } });
  });

  test("whose stack and message are too long says their beginnings", async () => {
    const { stream } = await openWorker(() => {
      throw new Error("x".repeat(100_000), { cause: new Error("the root of it") });
    });
    stream.assign(assignment("a"));
    const end = await recordUntilEnd(stream);
    expect(end.case === "failed" && [end.value.message.length, end.value.stack.length]).toEqual([
      16_384, 65_536,
    ]);
  });

  test.each([
    { given: "1 MiB of text", output: () => "x".repeat(1024 * 1024), type: "OutputTooLarge" },
    { given: "a function", output: () => () => 1, type: "OutputInvalid" },
    { given: "an output without a name", output: () => ({ "": 1 }), type: "OutputInvalid" },
  ])("that returns $given fails for good with $type", async ({ output, type }) => {
    const { stream } = await openWorker(output);
    stream.assign(assignment("a"));
    expect(await recordUntilEnd(stream)).toMatchObject({
      case: "failed",
      value: { type, nonRetryable: true },
    });
  });

  test("that the worker does not have is declined", async () => {
    const { stream } = await openWorker(() => 1);
    stream.assign(assignment("a", { op: "other" }));
    expect(await stream.next("decline")).toMatchObject({ cause: "the worker has no task other" });
  });

  test("is accepted before it runs, and as many run at once as the worker has places", async () => {
    const { work, started, release } = heldTask();
    const { stream } = await openWorker(work, { concurrency: 2 });
    expect(await stream.next("credit")).toMatchObject({ amount: 2 });
    stream.assign(assignment("a"), assignment("b"));
    expect((await stream.next("accept")).attempts.length).toBe(2);
    await started();
    await started();
    release();
    await recordUntilEnd(stream);
    await recordUntilEnd(stream);
    expect((await stream.next("credit")).amount).toBeGreaterThan(0);
  });
});

describe("a cancel", () => {
  test("aborts the signal, and the attempt that throws then has stopped", async () => {
    const { work, started } = heldTask();
    const { stream } = await openWorker(work);
    stream.assign(assignment("a"));
    const { signal } = await started();
    const { attempt } = assignment("a");
    const grace = durationFromMs(5_000);
    stream.send({
      case: "cancel",
      value: { attempts: [{ ...(attempt && { attempt }), grace, cause: "enough" }] },
    });
    const end = await recordUntilEnd(stream);
    expect(end).toMatchObject({ case: "stopped", value: { message: "the attempt was cancelled: enough" } });
    expect(signal.reason).toBeInstanceOf(AttemptCancelled);
    expect(signal.reason).toMatchObject({ graceMs: 5_000 });
  });

  test("of an attempt that finishes all the same does not take its success away", async () => {
    const { promise, resolve } = Promise.withResolvers<void>();
    const { stream } = await openWorker(async ({ signal }) => {
      resolve();
      await once(signal, "abort");
      return "finished";
    });
    stream.assign(assignment("a"));
    await promise;
    const { attempt } = assignment("a");
    stream.send({ case: "cancel", value: { attempts: [{ ...(attempt && { attempt }), cause: "" }] } });
    expect((await recordUntilEnd(stream)).case).toBe("succeeded");
  });
});

describe("a server that goes away", () => {
  test("finds the work going on when it is back, and hears what it has not recorded", async () => {
    const { work, started, release } = heldTask();
    const { server, stream, nextStream } = await openWorker(work);
    stream.assign(assignment("a"), assignment("b"));
    const context = await started();
    await started();
    await server.stop();
    context.progress(50, "half");
    await server.start();
    const second = await nextStream();
    expect(second.attach.running.map(({ action }) => action)).toEqual(["a", "b"]);
    second.attached();
    expect(await second.report()).toMatchObject({ sequence: 1n, content: { case: "progress" } });
    release({ done: true });
    expect((await second.report()).content.case).toBe("succeeded");
    expect((await second.report()).content.case).toBe("succeeded");
    server.cut();
    const third = await nextStream();
    third.attached();
    const again = [await third.report(), await third.report(), await third.report()];
    expect(again.map(({ attempt, sequence }) => `${attempt?.action}${sequence}`)).toEqual(["a1", "a2", "b1"]);
    third.record(...again);
    third.assign(assignment("c"));
    await started();
    server.cut();
    expect((await nextStream()).attach.running.map(({ action }) => action)).toEqual(["c"]);
  });

  test("does not abort what runs", async () => {
    const { work, started, release } = heldTask();
    const { server, stream, nextStream } = await openWorker(work);
    stream.assign(assignment("a"));
    const { signal } = await started();
    server.cut();
    const second = await nextStream();
    second.attached();
    expect(signal.aborted).toBe(false);
    release();
    expect((await recordUntilEnd(second)).case).toBe("succeeded");
  });
});

describe("an attempt is aborted as lost", () => {
  test("when the server names it in the drop list, and it reports nothing more", async () => {
    const { work, started, release } = heldTask();
    const { server, stream, nextStream } = await openWorker(work);
    stream.assign(assignment("a"), assignment("b"));
    const contexts = [await started(), await started()];
    const dropped = contexts.find(({ action }) => action === "a");
    dropped?.log("not heard");
    server.cut();
    const second = await nextStream();
    second.attached({ drop: second.attach.running.filter(({ action }) => action === "a") });
    if (dropped?.signal.aborted === false) await once(dropped.signal, "abort");
    expect(dropped?.signal.reason).toBeInstanceOf(AttemptLost);
    release();
    expect((await second.report()).attempt?.action).toBe("b");
  });

  test("when a report of it is refused with STALE_EPOCH", async () => {
    const { work, started } = heldTask();
    const { stream } = await openWorker(work);
    stream.assign(assignment("a"));
    const context = await started();
    context.progress(1);
    const { attempt, sequence } = await stream.report();
    const refusal = { reason: Reason.STALE_EPOCH, message: "moved on" };
    stream.send({
      case: "recorded",
      value: { reports: [{ ...(attempt && { attempt }), sequence, refusal }] },
    });
    if (!context.signal.aborted) await once(context.signal, "abort");
    expect(context.signal.reason).toBeInstanceOf(AttemptLost);
  });

  test("when its start is refused", async () => {
    const { work, started } = heldTask();
    const { stream } = await openWorker(work);
    stream.assign(assignment("a"));
    const { signal } = await started();
    const { attempt } = assignment("a");
    const refusal = { reason: Reason.STALE_EPOCH, message: "moved on" };
    stream.send({ case: "declined", value: { ...(attempt && { attempt }), refusal } });
    if (!signal.aborted) await once(signal, "abort");
    expect(signal.reason).toBeInstanceOf(AttemptLost);
  });
});

describe("progress, logs and events", () => {
  test("are numbered in order and durable before the end", async () => {
    const { stream } = await openWorker(async (ctx) => {
      ctx.log("begins");
      ctx.log.warn("careful");
      ctx.log("error", "broken");
      ctx.progress(10, "a little");
      await ctx.event({ type: "checkpoint", attributes: { epoch: "3" }, payload: { loss: 0.5 } });
      return 1;
    });
    stream.assign(assignment("a"));
    const said: unknown[] = [];
    for (let count = 0; count < 6; count += 1) {
      const report = await stream.report();
      said.push([report.sequence, report.content.case]);
      stream.record(report);
    }
    expect(said).toEqual([
      [1n, "log"],
      [2n, "log"],
      [3n, "log"],
      [4n, "progress"],
      [5n, "event"],
      [6n, "succeeded"],
    ]);
  });

  test("of which there are too many are coalesced or dropped, and a later line says how many", async () => {
    const { stream } = await openWorker((ctx) => {
      for (let count = 0; count <= 5_000; count += 1) {
        ctx.log(`line ${count}`);
        ctx.progress(count / 50, `${count}`);
      }
    });
    stream.assign(assignment("a"));
    const contents = [];
    while (contents.at(-1)?.case !== "succeeded") contents.push((await stream.report()).content);
    const logs = contents.flatMap((content) => (content.case === "log" ? [content.value.message] : []));
    const progress = contents.flatMap((content) =>
      content.case === "progress" ? [content.value.message] : [],
    );
    expect(logs.length).toBe(1_001);
    expect(logs.at(-1)).toMatch(/^4001 log lines are missing/);
    expect(progress).toEqual(["0", "5000"]);
  });

  test("that break the contract are an error of the task and not of the stream", async () => {
    const { stream } = await openWorker((ctx) => ctx.event({ type: "" }));
    stream.assign(assignment("a"));
    expect(await recordUntilEnd(stream)).toMatchObject({
      case: "failed",
      value: { type: "TypeError", message: expect.stringContaining("type") },
    });
  });

  test("heartbeats are sent for a task with a heartbeat timeout, one at a time", async () => {
    const { work, started, release } = heldTask();
    const { stream } = await openWorker(work);
    stream.assign(assignment("a", { heartbeatTimeout: durationFromMs(60) }));
    await started();
    const first = await stream.report();
    await stream.pulses(1);
    expect([first.content.case, stream.count("report")]).toEqual(["heartbeat", 0]);
    stream.record(first);
    expect(await stream.report()).toMatchObject({ sequence: 2n, content: { case: "heartbeat" } });
    release();
  });
});

describe("a worker", () => {
  test("that drains finishes what runs, leaves, and is closed", async () => {
    const { work, started, release } = heldTask();
    const { worker, stream } = await openWorker(work);
    stream.assign(assignment("a"));
    await started();
    const drained = worker.drain();
    await stream.next("drain");
    release("done");
    expect((await recordUntilEnd(stream)).case).toBe("succeeded");
    expect(await stream.next("leave")).toMatchObject({ cause: "drained" });
    await within(drained, "end of the drain");
    await worker.closed;
  });

  test("that stops gives back what does not finish in time", async () => {
    const { work, started } = heldTask();
    const { worker, stream } = await openWorker(work);
    stream.assign(assignment("a"));
    const { signal } = await started();
    await within(worker.stop({ graceMs: 1 }), "end of the worker");
    expect(signal.reason).toBeInstanceOf(WorkerStopped);
    await stream.next("leave");
    expect(stream.count("report")).toBe(0);
  });

  test("that stops while its server is away does not wait for it", async () => {
    const { work, started } = heldTask();
    const { server, worker, stream } = await openWorker(work);
    stream.assign(assignment("a"));
    await started();
    await server.stop();
    await within(worker.stop({ graceMs: 1 }), "end of the worker");
  });

  test("whose name another process takes stops and says so", async () => {
    const { worker, stream, lines } = await openWorker(() => 1);
    const value = { reason: "SESSION_GONE", domain: "signalbox", metadata: {} };
    stream.fail(new ConnectError("superseded", Code.Aborted, undefined, [{ desc: ErrorInfoSchema, value }]));
    await expect(within(worker.closed, "end of the worker")).rejects.toThrow(WorkerSuperseded);
    expect(lines.at(-1)).toMatch(/^has stopped .*another process attached under the worker's name/);
  });

  test("without tasks, or told of one too late or twice, is a mistake", async () => {
    const idle = createWorker({ address: "127.0.0.1:1" });
    expect(() => idle.start()).toThrow(/no tasks/);
    idle.task("work", () => 1);
    expect(() => idle.task("work", () => 1)).toThrow(/already/);
    const { worker } = await openWorker(() => 1);
    expect(() => worker.task("late", () => 1)).toThrow(/too late/);
  });

  test.each([
    { given: "no concurrency", options: { concurrency: 0 }, says: /concurrency is 0/ },
    { given: "too much concurrency", options: { concurrency: 1e6 }, says: /1 to 5000/ },
  ])("with $given is a mistake", ({ options, says }) => {
    expect(() => createWorker({ address: "127.0.0.1:1", ...options })).toThrow(says);
  });

  test("names itself by host and process, within the contract", () => {
    const { workerId } = createWorker({ address: "127.0.0.1:1" });
    expect(workerId).toMatch(/^[A-Za-z0-9][A-Za-z0-9._:-]*$/);
    expect(workerId).toContain(`-${process.pid}-`);
  });
});
