import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { WatchForUpdatesResponse } from "../../../gen/flyteidl2/actions/actions_service_pb.ts";
import { SimpleType } from "../../../gen/flyteidl2/core/types_pb.ts";
import {
  actionId,
  condition,
  FlyteServer,
  faultIn,
  type HeldRun,
  runId,
  task,
  taskSpec,
} from "../../support/flyte-clients.ts";

let flyte: FlyteServer;

beforeAll(async () => {
  flyte = await FlyteServer.start();
});
afterAll(() => flyte.server.close());

/** A watch of the children of an action in the hands of a test. */
class Watch {
  readonly #words: AsyncIterator<WatchForUpdatesResponse>;
  readonly #ending = new AbortController();

  constructor(run: string, parent = "a0") {
    const request = { filter: { case: "parentActionId", value: actionId(run, parent) } } as const;
    const words = flyte.actions.watchForUpdates(request, { signal: this.#ending.signal });
    this.#words = words[Symbol.asyncIterator]();
  }

  /** What comes up to a sentinel, or until a child is in a phase. */
  async until(name: string, phase = 0): Promise<readonly { name: string; phase: number; value: unknown }[]> {
    const told = [];
    for (;;) {
      const { value: word, done } = await this.#words.next();
      if (done) throw new Error("the watch ended");
      const { message } = word;
      if (message.case === "controlMessage" && name === "sentinel") return told;
      if (message.case !== "actionUpdate") continue;
      const { actionId: id, phase: at, value, outputUri } = message.value;
      const literal = value?.value.case === "scalar" ? value.value.value.value : undefined;
      const primitive = literal?.case === "primitive" ? literal.value.value.value : undefined;
      told.push({ name: id?.name ?? "", phase: at as number, value: primitive ?? outputUri });
      if (id?.name === name && at === phase) return told;
    }
  }

  close(): void {
    this.#ending.abort();
  }
}

async function succeed({ worker, assignment }: HeldRun, outputUri: string): Promise<void> {
  await worker.report(assignment.attempt, 1n, {
    case: "succeeded",
    value: { outputs: { output_uri: { kind: { case: "stringValue", value: outputUri } } } },
  });
}

describe("Enqueue", () => {
  test("adds a task that a worker gets with all it needs", async () => {
    const { worker, assignment } = await flyte.holdRun("worked");
    await flyte.actions.enqueue({
      action: {
        actionId: actionId("worked", "sub1"),
        parentActionName: "a0",
        inputUri: "/data/inputs.pb",
        runOutputBase: "/data",
        group: "many",
        spec: task("sub"),
      },
    });
    const child = await worker.take();
    const inputs = Object.fromEntries(
      Object.entries(child.inputs).map(([name, { kind }]) => [
        name,
        kind.case === "reference" ? "file" : kind.value,
      ]),
    );
    expect(child.attempt?.action).toBe("a0/sub1");
    expect(inputs).toMatchObject({
      spec: "file",
      run_spec: "file",
      input_uri: "/data/inputs.pb",
      run_output_base: "/data",
      group: "many",
    });
    expect(assignment.inputs["run_output_base"]?.kind.value).toContain("runs/testing--worked/worked");
  });

  test("finds a condition again, and says of a task that it is there", async () => {
    await flyte.holdRun("again");
    await flyte.enqueue("again", "c1", condition("approve"));
    await flyte.enqueue("again", "c1", condition("approve"));
    await flyte.enqueue("again", "t1", task("sub"));
    expect((await faultIn(flyte.enqueue("again", "t1", task("sub")))).code).toBe("AlreadyExists");
    expect((await faultIn(flyte.enqueue("again", "t1", condition("approve")))).code).toBe("AlreadyExists");
  });

  test.each([
    {
      fault: "a type that is none of four",
      spec: condition("x", SimpleType.DATETIME),
      code: "InvalidArgument",
    },
    { fault: "nothing to do", spec: undefined, code: "InvalidArgument" },
    { fault: "a task without a spec", spec: { case: "task", value: {} } as const, code: "InvalidArgument" },
    {
      fault: "a webhook that is no address",
      spec: condition("x", SimpleType.BOOLEAN, { webhook: { url: "ftp://example.com" } }),
      code: "InvalidArgument",
    },
  ])("refuses $fault", async ({ fault, spec, code }) => {
    const run = `bad-${fault.replaceAll(" ", "-")}`;
    await flyte.holdRun(run);
    expect((await faultIn(flyte.enqueue(run, "x", spec))).code).toBe(code);
  });

  test("refuses a webhook that leads inside, which other servers may not be made to call", async () => {
    const guarded = await FlyteServer.start({ deliveries: { allowsInside: false } });
    try {
      await guarded.holdRun("inside");
      const webhook = { url: "http://169.254.169.254/latest" };
      const spec = condition("approve", SimpleType.BOOLEAN, { webhook });
      const fault = await faultIn(guarded.enqueue("inside", "c1", spec));
      expect(fault.code).toBe("InvalidArgument");
      expect(fault.message).toContain("169.254.169.254");
      await guarded.enqueue("inside", "c1", condition("approve"));
    } finally {
      await guarded.server.close();
    }
  });

  test("says which parents can have no children", async () => {
    const held = await flyte.holdRun("parents");
    const child = (parentActionName: string, run = "parents") =>
      faultIn(
        flyte.actions.enqueue({
          action: { actionId: actionId(run, "x"), parentActionName, spec: condition("x") },
        }),
      );
    expect((await child("nobody")).code).toBe("NotFound");
    expect((await child("a0", "no-such-run")).code).toBe("NotFound");
    expect((await child("")).code).toBe("InvalidArgument");
    await flyte.enqueue("parents", "waiting", task("sub"));
    expect((await child("waiting")).code).toBe("FailedPrecondition");
    await flyte.runs.abortRun({ runId: runId("parents") });
    expect((await child("a0")).code).toBe("Aborted");
    await held.worker.report(held.assignment.attempt, 1n, { case: "stopped", value: {} });
    expect((await child("a0")).code).toBe("Aborted");
  });

  test("records a trace as it ended, and does not disturb the reports of its worker", async () => {
    const held = await flyte.holdRun("traced");
    await flyte.enqueue("traced", "s1", {
      case: "trace",
      value: { name: "step", phase: 5, outputs: { outputUri: "/data/s1/outputs.pb" } },
    });
    const watch = new Watch("traced");
    expect(await watch.until("sentinel")).toEqual([{ name: "s1", phase: 5, value: "/data/s1/outputs.pb" }]);
    watch.close();
    await succeed(held, "/data/a0");
    const { details } = await flyte.runs.getRunDetails({ runId: runId("traced") });
    expect(details?.action?.status?.phase).toBe(5);
  });
});

describe("WatchForUpdates", () => {
  test("tells of what is there, then the sentinel, then of changes, with the answer inline", async () => {
    const held = await flyte.holdRun("watched");
    await flyte.enqueue("watched", "answered", condition("answered"));
    await flyte.runs.signalEvent({
      actionId: actionId("watched", "answered"),
      payload: { value: { case: "boolValue", value: true } },
    });
    await flyte.enqueue("watched", "open", condition("open", SimpleType.STRING));
    await flyte.enqueue("watched", "t1", task("sub"));
    const watch = new Watch("watched");
    const there = await watch.until("sentinel");
    expect(there).toContainEqual({ name: "answered", phase: 5, value: true });
    expect(there).toContainEqual({ name: "t1", phase: 1, value: "" });
    expect(there.map(({ name }) => name)).not.toContain("open");

    await flyte.runs.signalEvent({
      actionId: actionId("watched", "open"),
      payload: { value: { case: "stringValue", value: "go" } },
    });
    expect(await watch.until("open", 5)).toContainEqual({ name: "open", phase: 5, value: "go" });
    const assignment = await held.worker.take();
    await succeed({ ...held, assignment }, "/data/t1/1");
    expect(await watch.until("t1", 5)).toContainEqual({ name: "t1", phase: 5, value: "/data/t1/1" });
    watch.close();
  });

  test("tells a waiting task that its conditions were called off with the run", async () => {
    await flyte.holdRun("off");
    await flyte.enqueue("off", "c1", condition("approve"));
    const watch = new Watch("off");
    await watch.until("sentinel");
    await flyte.runs.abortRun({ runId: runId("off"), reason: "not needed" });
    expect(await watch.until("c1", 7)).toHaveLength(1);
    watch.close();
  });

  test("tells a condition whose time ran out without an error", async () => {
    await flyte.holdRun("late");
    const watch = new Watch("late");
    await watch.until("sentinel");
    await flyte.enqueue(
      "late",
      "c1",
      condition("approve", SimpleType.BOOLEAN, { timeout: { nanos: 1_000_000 } }),
    );
    expect(await watch.until("c1", 8)).toEqual([{ name: "c1", phase: 8, value: "" }]);
    watch.close();
  });

  test("ends by itself when the server stops", async () => {
    const stopping = await FlyteServer.start();
    await stopping.holdRun("stopping");
    const filter = { case: "parentActionId", value: actionId("stopping", "a0") } as const;
    const told: (string | undefined)[] = [];
    let stop: Promise<number> | undefined;
    for await (const { message } of stopping.actions.watchForUpdates({ filter })) {
      told.push(message.case);
      stop ??= stopping.server.stop();
    }
    expect(told).toEqual(["controlMessage"]);
    expect(await stop).toBe(0);
  });

  test("of two runs tells each of its own", async () => {
    await flyte.holdRun("one");
    await flyte.holdRun("other");
    await flyte.enqueue("other", "c1", condition("approve"));
    const watch = new Watch("one");
    expect(await watch.until("sentinel")).toEqual([]);
    await flyte.runs.signalEvent({
      actionId: actionId("other", "c1"),
      payload: { value: { case: "boolValue", value: true } },
    });
    await flyte.enqueue("one", "t1", task("sub"));
    expect(await watch.until("t1", 1)).toEqual([{ name: "t1", phase: 1, value: "" }]);
    watch.close();
  });
});

describe("a retried parent", () => {
  test("is not told of children that open again when it asks for them", async () => {
    const held = await flyte.holdRun("retried", taskSpec("main", 1));
    await flyte.enqueue(
      "retried",
      "failed",
      condition("failed", SimpleType.BOOLEAN, { timeout: { nanos: 1_000_000 } }),
    );
    const first = new Watch("retried");
    await first.until("failed", 8);
    first.close();
    await held.worker.report(held.assignment.attempt, 1n, {
      case: "failed",
      value: { type: "Broken", message: "it broke" },
    });
    await held.worker.take();
    const second = new Watch("retried");
    expect(await second.until("sentinel")).toEqual([]);
    await flyte.enqueue("retried", "failed", condition("failed"));
    expect(await second.until("failed", 8)).toHaveLength(1);
    second.close();
  });
});

describe("aborting", () => {
  test("leaves what has ended as it ended", async () => {
    const held = await flyte.holdRun("ended");
    await succeed(held, "/data/a0");
    await flyte.runs.abortRun({ runId: runId("ended") });
    await flyte.runs.abortAction({ actionId: actionId("ended", "a0") });
    const { details } = await flyte.runs.getRunDetails({ runId: runId("ended") });
    expect(details?.action?.status?.phase).toBe(5);
  });

  test("says of what is not there that it is not there", async () => {
    await flyte.holdRun("empty");
    expect((await faultIn(flyte.runs.abortRun({ runId: runId("nothing") }))).code).toBe("NotFound");
    expect((await faultIn(flyte.runs.abortAction({ actionId: actionId("empty", "x") }))).code).toBe(
      "NotFound",
    );
    expect((await faultIn(flyte.actions.abort({ actionId: actionId("empty", "x") }))).code).toBe("NotFound");
  });
});
