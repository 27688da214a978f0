import { create } from "@bufbuild/protobuf";
import { durationFromMs } from "@bufbuild/protobuf/wkt";
import { Code, ConnectError } from "@connectrpc/connect";
import { describe, expect, test } from "vitest";
import { ErrorInfoSchema } from "../../gen/google/rpc/error_details_pb.ts";
import { ResourcesSchema } from "../../gen/signalbox/v1/resource_pb.ts";
import { type Assignment, AttemptReferenceSchema } from "../../gen/signalbox/v1/worker_service_pb.ts";
import { toValue } from "../../src/client/js-value.ts";
import { createWorker, output, type TaskContext, WorkerRefused } from "../../src/worker/worker.ts";
import { openWorker, recordUntilEnd } from "./worker-fixture.ts";
import { Arrivals, assignment, startWorkerScript, within } from "./worker-script.ts";

const quiet = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
};

/** An assignment of a run in a namespace that the worker shares. */
function shared(action: string, namespace: string): Assignment {
  const attempt = create(AttemptReferenceSchema, { runId: "r", action, attempt: 1, epoch: 1n, namespace });
  return { ...assignment(action), attempt };
}

describe("a worker announces", () => {
  test("what it has to give, its taints and the namespaces it shares, on each stream", async () => {
    const capacity = {
      cpu: 7.5,
      ramMb: 32_000,
      devices: [
        { index: 0, vramMb: 8_000, kind: "small" },
        { index: 1, vramMb: 24_000 },
      ],
    };
    const taints = [{ key: "spot" }, { key: "pool", value: "night" }];
    const { server, stream, nextStream } = await openWorker(() => 1, {
      capacity,
      taints,
      sharedNamespaces: ["team-a"],
    });
    server.cut();
    for (const { attach } of [stream, await nextStream()]) {
      expect(attach).toMatchObject({
        capacity: {
          cpu: 7.5,
          ramMb: 32_000n,
          devices: [
            { index: 0, vramMb: 8_000n, kind: "small" },
            { index: 1, vramMb: 24_000n, kind: "" },
          ],
        },
        taints: [
          { key: "spot", value: "" },
          { key: "pool", value: "night" },
        ],
        sharedNamespaces: ["team-a"],
      });
    }
  });

  test("nothing that it is not told", async () => {
    const { stream } = await openWorker(() => 1);
    expect(stream.attach.capacity).toBeUndefined();
    expect([stream.attach.taints, stream.attach.sharedNamespaces]).toEqual([[], []]);
  });

  test("no half megabytes", async () => {
    const server = await startWorkerScript();
    const worker = createWorker({ address: server.address, capacity: { ramMb: 0.5 } });
    worker.task("work", () => 1);
    expect(() => worker.start()).toThrow("ramMb of the worker's capacity is to be a whole number of MB");
    await server.stop();
  });
});

test("a task sees what it was placed with", async () => {
  const seen = Promise.withResolvers<TaskContext>();
  const { stream } = await openWorker((ctx) => seen.resolve(ctx), { namespace: "team-b" });
  const resources = create(ResourcesSchema, { cpu: 2, ramMb: 512n, vramMb: 0n, deviceCount: 2 });
  const image = "python:3.12";
  stream.assign(assignment("a", { resources, deviceIndexes: [0, 3], image, handler: "mod:main" }));
  expect(await within(seen.promise, "call")).toMatchObject({
    namespace: "team-b",
    op: "work",
    image,
    handler: "mod:main",
    resources: { cpu: 2, ramMb: 512, vramMb: 0, deviceCount: 2 },
    deviceIndexes: [0, 3],
  });
});

describe("an attempt of a shared namespace", () => {
  test("is told apart from one of the same name in the worker's own, and reports under its own", async () => {
    const seen = new Arrivals<string>();
    const { stream } = await openWorker((ctx) => seen.add(ctx.namespace));
    stream.assign(assignment("a"), shared("a", "team-a"));
    expect([await seen.take("start"), await seen.take("start")].sort()).toEqual(["default", "team-a"]);
    const reports = [await stream.report(), await stream.report()];
    expect(new Set(reports.map(({ attempt }) => attempt?.namespace))).toEqual(new Set(["", "team-a"]));
  });

  test("is kept under its namespace when the stream breaks", async () => {
    const started = new Arrivals<TaskContext>();
    const gate = Promise.withResolvers<void>();
    const { server, stream, nextStream } = await openWorker((ctx) => {
      started.add(ctx);
      return gate.promise;
    });
    stream.assign(shared("a", "team-a"));
    await started.take("start");
    server.cut();
    const second = await nextStream();
    expect(second.attach.running).toMatchObject([{ action: "a", namespace: "team-a" }]);
    second.attached();
    gate.resolve();
    expect((await recordUntilEnd(second)).case).toBe("succeeded");
  });

  test("may be named without its namespace if that is the worker's own", async () => {
    const started = new Arrivals<TaskContext>();
    const { stream } = await openWorker(
      async (ctx) => {
        started.add(ctx);
        await new Promise((_, reject) => {
          ctx.signal.addEventListener("abort", () => reject(ctx.signal.reason as Error));
        });
      },
      { namespace: "team-b" },
    );
    stream.assign(shared("a", "team-b"));
    await started.take("start");
    const { attempt } = shared("a", "");
    stream.send({ case: "cancel", value: { attempts: [{ ...(attempt && { attempt }), cause: "enough" }] } });
    expect((await recordUntilEnd(stream)).case).toBe("stopped");
  });
});

describe("a child task", () => {
  test("takes an output of a sibling, and says where it may run and what it asks for", async () => {
    const { stream } = await openWorker(async (ctx) => {
      await ctx.task("train", {
        op: "train",
        input: { model: output("fetch", "path"), all: output("fetch"), like: { from: "fetch" } },
        resources: { ramMb: 2_000, deviceCount: 1 },
        placement: { workerLabels: { zone: "b" }, tolerations: [{ key: "spot" }] },
        image: "trainer:1",
        handler: "train:main",
      });
    });
    stream.assign(assignment("a"));
    const { actions } = await stream.next("addActions");
    expect(actions[0]?.kind).toMatchObject({
      case: "task",
      value: {
        inputs: {
          model: { source: { case: "reference", value: { from: "fetch", output: "path" } } },
          all: { source: { case: "reference", value: { from: "fetch", output: "" } } },
          like: { source: { case: "value", value: toValue({ from: "fetch" }) } },
        },
        resources: { ramMb: 2_000n, deviceCount: 1 },
        placement: { workerLabels: { zone: "b" }, tolerations: [{ key: "spot", value: "" }] },
        image: "trainer:1",
        handler: "train:main",
      },
    });
  });

  test("that refers to a sibling with no name is an error of the task", async () => {
    const { stream } = await openWorker((ctx) => ctx.task("b", { op: "b", input: { x: output("") } }));
    stream.assign(assignment("a"));
    expect(await recordUntilEnd(stream)).toMatchObject({ case: "failed", value: { type: "TypeError" } });
  });
});

test("G-126 an error without a message says its type as its message", async () => {
  const { stream } = await openWorker(() => Promise.reject(new RangeError()));
  stream.assign(assignment("a"));
  const end = await recordUntilEnd(stream);
  expect(end).toMatchObject({ case: "failed", value: { type: "RangeError", message: "RangeError" } });
});

describe("a worker with a token", () => {
  test("shows it on each stream", async () => {
    const { server, stream, nextStream } = await openWorker(() => 1, { token: "secret" });
    server.cut();
    const again = await nextStream();
    expect([stream.authorization, again.authorization]).toEqual(["Bearer secret", "Bearer secret"]);
  });

  test("that its server does not know stops for good", async () => {
    const server = await startWorkerScript();
    const worker = createWorker({ address: server.address, token: "wrong", log: quiet });
    worker.task("work", () => 1);
    const started = worker.start();
    const stream = await server.stream();
    const info = { domain: "signalbox", reason: "UNAUTHENTICATED", metadata: {} };
    stream.fail(
      new ConnectError("no such token", Code.Unauthenticated, undefined, [
        { desc: ErrorInfoSchema, value: info },
      ]),
    );
    await expect(started).rejects.toBeInstanceOf(WorkerRefused);
    await server.stop();
  });
});

test("a task that says by itself that it is alive is not beaten for", async () => {
  const server = await startWorkerScript();
  const worker = createWorker({ address: server.address, log: quiet });
  const gates = { quiet: Promise.withResolvers<void>(), beating: Promise.withResolvers<void>() };
  worker.task("quiet", () => gates.quiet.promise, { autoHeartbeat: false });
  worker.task("beating", () => gates.beating.promise);
  void worker.start();
  const stream = await server.stream();
  stream.attached();
  const heartbeatTimeout = durationFromMs(60);
  stream.assign(assignment("q", { op: "quiet", heartbeatTimeout }));
  stream.assign(assignment("b", { op: "beating", heartbeatTimeout }));
  for (let count = 0; count < 3; count += 1) {
    const report = await stream.report();
    expect([report.attempt?.action, report.content.case]).toEqual(["b", "heartbeat"]);
    stream.record(report);
  }
  gates.quiet.resolve();
  gates.beating.resolve();
  await worker.stop({ graceMs: 0 }).catch(() => undefined);
  await server.stop();
});

test("log lines that wait to be recorded are bounded by what they take too", async () => {
  const { stream } = await openWorker((ctx) => {
    for (let count = 0; count < 500; count += 1) ctx.log("x".repeat(16_384));
  });
  stream.assign(assignment("a"));
  const contents = [];
  while (contents.at(-1)?.case !== "succeeded") contents.push((await stream.report()).content);
  const logs = contents.flatMap((content) => (content.case === "log" ? [content.value.message] : []));
  expect(logs.length).toBeLessThan(100);
  expect(logs.at(-1)).toBe(
    `${500 - (logs.length - 1)} log lines are missing before this one: too many were waiting to be recorded`,
  );
});
