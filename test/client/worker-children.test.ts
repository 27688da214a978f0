import { create } from "@bufbuild/protobuf";
import { describe, expect, test } from "vitest";
import {
  type Action,
  ActionErrorSchema,
  ActionSchema,
  Action_State as State,
} from "../../gen/signalbox/v1/action_pb.ts";
import { Reason } from "../../gen/signalbox/v1/reason_pb.ts";
import { ValueType } from "../../gen/signalbox/v1/value_pb.ts";
import type { AddActions } from "../../gen/signalbox/v1/worker_service_pb.ts";
import { toValue, toValues } from "../../src/client/js-value.ts";
import { ConditionEnded, type TaskFunction } from "../../src/worker/worker.ts";
import { openWorker, recordUntilEnd } from "./worker-fixture.ts";
import { assignment, type ScriptedStream } from "./worker-script.ts";

/** A child of the action `a` as it stands. */
function child(name: string, state: State, outputs: Record<string, unknown> = {}): Action {
  return create(ActionSchema, {
    runId: "r",
    name: `a/${name}`,
    parent: "a",
    state,
    outputs: toValues(outputs),
  });
}

/** Answers a call with the children as they stand. */
function answer(stream: ScriptedStream, call: AddActions, ...actions: Action[]): void {
  const { callId, attempt } = call;
  stream.send({ case: "actionsAdded", value: { callId, ...(attempt && { attempt }), actions } });
}

function refuse(stream: ScriptedStream, call: AddActions, reason: Reason): void {
  const { callId, attempt } = call;
  const refusal = { reason, message: "no" };
  stream.send({ case: "actionsAdded", value: { callId, ...(attempt && { attempt }), refusal } });
}

function end(stream: ScriptedStream, action: Action): void {
  const { attempt } = assignment("a");
  stream.send({ case: "childEnded", value: { ...(attempt && { attempt }), action } });
}

/** A worker that has been assigned the action `a`. */
async function openParent(work: TaskFunction) {
  const opened = await openWorker(work);
  opened.stream.assign(assignment("a"));
  return opened;
}

const names = (call: AddActions) => call.actions.map(({ name }) => name);

describe("a child task", () => {
  test("is asked for with what the parent states, and its outputs come back", async () => {
    const { stream } = await openParent(async (ctx) => {
      const { lines } = await ctx.task("count", {
        op: "count-lines",
        input: { path: "x" },
        retry: { maxAttempts: 3, initialBackoffMs: 250 },
        timeouts: { startToEndMs: 1_500 },
      });
      return { doubled: Number(lines) * 2 };
    });
    const call = await stream.next("addActions");
    expect(call.actions[0]).toMatchObject({
      name: "count",
      kind: {
        case: "task",
        value: {
          op: "count-lines",
          inputs: { path: { source: { case: "value", value: toValue("x") } } },
          retry: { maxAttempts: 3, initialBackoff: { seconds: 0n, nanos: 250_000_000 } },
          timeouts: { startToEnd: { seconds: 1n, nanos: 500_000_000 } },
        },
      },
    });
    answer(stream, call, child("count", State.QUEUED));
    end(stream, child("count", State.SUCCEEDED, { lines: 21 }));
    const ended = await recordUntilEnd(stream);
    expect(ended).toMatchObject({ case: "succeeded", value: { outputs: toValues({ doubled: 42 }) } });
  });

  test("that had ended before is not waited for", async () => {
    const { stream } = await openParent((ctx) => ctx.task("count", { op: "count" }));
    answer(stream, await stream.next("addActions"), child("count", State.RECOVERED, { lines: 1 }));
    const ended = await recordUntilEnd(stream);
    expect(ended).toMatchObject({ case: "succeeded", value: { outputs: toValues({ lines: 1 }) } });
  });

  test.each([
    { state: State.FAILED, named: "FAILED" },
    { state: State.CANCELLED, named: "CANCELLED" },
    { state: State.TIMED_OUT, named: "TIMED_OUT" },
    { state: State.SKIPPED, named: "SKIPPED" },
  ])("that ended $named throws ChildFailed with its error", async ({ state, named }) => {
    const { stream } = await openParent((ctx) => ctx.task("count", { op: "count" }));
    answer(stream, await stream.next("addActions"), child("count", State.QUEUED));
    const error = create(ActionErrorSchema, { type: "NoSuchFile", message: "x" });
    end(stream, { ...child("count", state), error });
    expect(await recordUntilEnd(stream)).toMatchObject({
      case: "failed",
      value: { type: "ChildFailed", message: `count ended ${named}: NoSuchFile: x` },
    });
  });

  test("beside others is asked for in one call, and each wait ends with its own child", async () => {
    const { stream } = await openParent((ctx) =>
      Promise.all(["x", "y", "z"].map(async (name) => (await ctx.task(name, { op: "o" })).value)),
    );
    const call = await stream.next("addActions");
    expect(names(call)).toEqual(["x", "y", "z"]);
    const [x, y, z] = ["x", "y", "z"].map((name) => child(name, State.QUEUED));
    if (x && y && z) answer(stream, call, x, y, z);
    for (const [index, name] of ["z", "x", "y"].entries())
      end(stream, child(name, State.SUCCEEDED, { value: index }));
    const ended = await recordUntilEnd(stream);
    expect(ended).toMatchObject({ case: "succeeded", value: { outputs: toValues({ value: [1, 2, 0] }) } });
  });

  test("that is refused with others is asked for alone, and only the one at fault throws", async () => {
    const { stream } = await openParent(async (ctx) => {
      const ends = await Promise.allSettled(["good", "bad"].map((name) => ctx.task(name, { op: "o" })));
      return ends.map((settled) =>
        settled.status === "fulfilled" ? "kept" : (settled.reason as Error).message,
      );
    });
    refuse(stream, await stream.next("addActions"), Reason.ACTION_EXISTS);
    const good = await stream.next("addActions");
    const bad = await stream.next("addActions");
    expect([names(good), names(bad)]).toEqual([["good"], ["bad"]]);
    answer(stream, good, child("good", State.SUCCEEDED));
    refuse(stream, bad, Reason.ACTION_EXISTS);
    const ended = await recordUntilEnd(stream);
    const outputs = toValues({ value: ["kept", "ACTION_EXISTS: no"] });
    expect(ended).toMatchObject({ case: "succeeded", value: { outputs } });
  });

  test("that is started is awaited later, or left alone", async () => {
    const { stream } = await openParent(async (ctx) => {
      const started = await ctx.startTask("later", { op: "o" });
      await ctx.startTask("alone", { op: "o" });
      ctx.progress(50);
      return await started.outputs;
    });
    answer(stream, await stream.next("addActions"), child("later", State.QUEUED));
    answer(stream, await stream.next("addActions"), child("alone", State.QUEUED));
    stream.record(await stream.report());
    end(stream, child("alone", State.FAILED));
    end(stream, child("later", State.SUCCEEDED, { n: 1 }));
    const ended = await recordUntilEnd(stream);
    expect(ended).toMatchObject({ case: "succeeded", value: { outputs: toValues({ n: 1 }) } });
  });

  test("of a parent that has the only place of its worker runs there", async () => {
    const { stream } = await openWorker(
      async (ctx) => (ctx.action === "a" ? await ctx.task("x", { op: "work" }) : { from: ctx.action }),
      { concurrency: 1 },
    );
    expect(await stream.next("credit")).toMatchObject({ amount: 1 });
    stream.assign(assignment("a"));
    answer(stream, await stream.next("addActions"), child("x", State.QUEUED));
    expect(await stream.next("credit")).toMatchObject({ amount: 1 });
    stream.assign(assignment("a/x"));
    expect((await recordUntilEnd(stream)).case).toBe("succeeded");
    end(stream, child("x", State.SUCCEEDED, { from: "a/x" }));
    const ended = await recordUntilEnd(stream);
    expect(ended).toMatchObject({ case: "succeeded", value: { outputs: toValues({ from: "a/x" }) } });
  });

  test("whose name breaks the contract is an error of the task and not of the stream", async () => {
    const { stream } = await openParent((ctx) => ctx.task("a/b", { op: "o" }));
    const ended = await recordUntilEnd(stream);
    expect(ended).toMatchObject({
      case: "failed",
      value: { type: "TypeError", message: expect.stringContaining("name") },
    });
  });
});

describe("a child that is waited for while the server goes away", () => {
  test("is asked for again by the same name, and an end that was missed is found", async () => {
    const { server, stream, nextStream } = await openParent((ctx) =>
      Promise.all([ctx.task("x", { op: "o" }), ctx.condition("y", { type: "string" })]).then(
        ([, answered]) => answered,
      ),
    );
    const first = await stream.next("addActions");
    answer(stream, first, child("x", State.QUEUED), child("y", State.PAUSED));
    end(stream, child("x", State.SUCCEEDED));
    await server.stop();
    await server.start();
    const second = await nextStream();
    second.attached();
    const again = await second.next("addActions");
    expect(names(again)).toContain("y");
    expect(again.callId).not.toBe(first.callId);
    const standing = { x: child("x", State.SUCCEEDED), y: child("y", State.SUCCEEDED, { value: "yes" }) };
    answer(second, again, ...names(again).map((name) => standing[name as "x" | "y"]));
    const ended = await recordUntilEnd(second);
    expect(ended).toMatchObject({ case: "succeeded", value: { outputs: toValues({ value: "yes" }) } });
  });

  test("before the call was answered is asked for again", async () => {
    const { server, stream, nextStream } = await openParent((ctx) => ctx.task("x", { op: "o" }));
    await stream.next("addActions");
    server.cut();
    const second = await nextStream();
    second.attached();
    answer(second, await second.next("addActions"), child("x", State.SUCCEEDED));
    expect((await recordUntilEnd(second)).case).toBe("succeeded");
  });
});

test("an end that is pushed before the call is answered is asked about", async () => {
  const { stream } = await openParent((ctx) => ctx.task("x", { op: "o" }));
  const call = await stream.next("addActions");
  end(stream, child("x", State.SUCCEEDED, { value: "early" }));
  answer(stream, call, child("x", State.QUEUED));
  answer(stream, await stream.next("addActions"), child("x", State.SUCCEEDED, { value: "asked" }));
  const ended = await recordUntilEnd(stream);
  expect(ended).toMatchObject({ case: "succeeded", value: { outputs: toValues({ value: "asked" }) } });
});

describe("a condition", () => {
  test("asks for its type, with its default, and resolves to the answer", async () => {
    const { stream } = await openParent(async (ctx) => {
      const isApproved: boolean = await ctx.condition("approve", {
        type: "bool",
        prompt: "Publish?",
        timeoutMs: 60_000,
        defaultValue: false,
      });
      return { isApproved };
    });
    const call = await stream.next("addActions");
    const value = {
      type: ValueType.BOOL,
      prompt: "Publish?",
      timeout: { seconds: 60n },
      defaultValue: toValue(false),
    };
    expect(call.actions[0]).toMatchObject({ name: "approve", kind: { case: "condition", value } });
    answer(stream, call, child("approve", State.PAUSED));
    end(stream, child("approve", State.SUCCEEDED, { value: true }));
    const ended = await recordUntilEnd(stream);
    expect(ended).toMatchObject({ case: "succeeded", value: { outputs: toValues({ isApproved: true }) } });
  });

  test("that ends without an answer throws ConditionEnded", async () => {
    const { stream } = await openParent((ctx) => ctx.condition("approve", { type: "json" }));
    answer(stream, await stream.next("addActions"), child("approve", State.TIMED_OUT));
    expect(await recordUntilEnd(stream)).toMatchObject({
      case: "failed",
      value: { type: "ConditionEnded", message: "the condition approve ended without an answer: TIMED_OUT" },
    });
  });

  test("that ends without an answer says why", async () => {
    const { stream } = await openParent(async (ctx) => {
      const failure: unknown = await ctx.condition("approve", { type: "bool" }).catch((error) => error);
      if (!(failure instanceof ConditionEnded)) throw failure;
      return { ...failure.error, state: failure.state, says: failure.message };
    });
    const error = create(ActionErrorSchema, { type: "Undecided", message: "2 answers came" });
    const failed = { ...child("approve", State.FAILED), error };
    answer(stream, await stream.next("addActions"), failed);
    const says = "the condition approve ended without an answer: FAILED (Undecided: 2 answers came)";
    const outputs = toValues({ type: "Undecided", message: "2 answers came", state: "FAILED", says });
    expect(await recordUntilEnd(stream)).toMatchObject({ case: "succeeded", value: { outputs } });
  });

  test("that is waited for when the attempt is cancelled stops waiting", async () => {
    const { stream } = await openParent((ctx) => ctx.condition("approve", { type: "bool" }));
    answer(stream, await stream.next("addActions"), child("approve", State.PAUSED));
    const { attempt } = assignment("a");
    stream.send({ case: "cancel", value: { attempts: [{ ...(attempt && { attempt }), cause: "enough" }] } });
    expect((await recordUntilEnd(stream)).case).toBe("stopped");
  });
});

describe("the first of several conditions", () => {
  const twoWays: TaskFunction = async (ctx) => {
    const first = await ctx.firstCondition({
      approve: { type: "bool", prompt: "Publish?" },
      amount: { type: "int" },
    });
    // Each answer has the type of its condition.
    const said = first.name === "approve" ? !first.answer : Number(first.answer) + 1;
    return { name: first.name, said };
  };

  test("are asked for in one call, as a group, and whose answer comes first is told", async () => {
    const { stream } = await openParent(twoWays);
    const call = await stream.next("addActions");
    expect(names(call)).toEqual(["approve", "amount"]);
    for (const { kind } of call.actions) expect(kind).toMatchObject({ value: { group: "approve" } });
    answer(stream, call, child("approve", State.PAUSED), child("amount", State.PAUSED));
    end(stream, child("approve", State.SKIPPED));
    end(stream, child("amount", State.SUCCEEDED, { value: 41 }));
    const outputs = toValues({ name: "amount", said: 42 });
    expect(await recordUntilEnd(stream)).toMatchObject({ case: "succeeded", value: { outputs } });
  });

  test("has none while one still asks, and throws ConditionEnded when the last one has ended without", async () => {
    const { stream } = await openParent(twoWays);
    const call = await stream.next("addActions");
    answer(stream, call, child("approve", State.TIMED_OUT), child("amount", State.PAUSED));
    end(stream, child("amount", State.CANCELLED));
    expect(await recordUntilEnd(stream)).toMatchObject({
      case: "failed",
      value: { type: "ConditionEnded", message: "the condition amount ended without an answer: CANCELLED" },
    });
  });

  test("is of some: of none, or of one that cannot be, nothing is asked", async () => {
    const { stream } = await openParent(async (ctx) => {
      const failures = await Promise.allSettled([
        ctx.firstCondition({}),
        ctx.firstCondition({ good: { type: "bool" }, "no good": { type: "bool" } }),
      ]);
      await ctx.task("behind", { op: "o" });
      return failures.map(({ status }) => status);
    });
    const call = await stream.next("addActions");
    expect(names(call)).toEqual(["behind"]);
    answer(stream, call, child("behind", State.SUCCEEDED));
    const outputs = toValues({ value: ["rejected", "rejected"] });
    expect(await recordUntilEnd(stream)).toMatchObject({ case: "succeeded", value: { outputs } });
  });
});

describe("a step", () => {
  test("is run once, recorded, and what it returned is given", async () => {
    const calls: string[] = [];
    const { stream } = await openParent(async (ctx) => {
      const rendered = await ctx.step("render", () => {
        calls.push("render");
        return { pages: 3 };
      });
      return { pages: rendered.pages };
    });
    const call = await stream.next("addActions");
    expect(call.actions[0]).toMatchObject({ name: "render", kind: { case: "trace" } });
    answer(stream, call, child("render", State.RUNNING));
    const report = await stream.report();
    expect(report.content).toMatchObject({
      case: "traceEnded",
      value: { name: "render", outputs: toValues({ value: { pages: 3 } }) },
    });
    stream.record(report);
    expect(await recordUntilEnd(stream)).toMatchObject({
      case: "succeeded",
      value: { outputs: toValues({ pages: 3 }) },
    });
    expect(calls).toEqual(["render"]);
  });

  test("that has succeeded in an earlier attempt is not run again", async () => {
    const calls: string[] = [];
    const { stream } = await openParent((ctx) => ctx.step("render", () => calls.push("render")));
    answer(stream, await stream.next("addActions"), child("render", State.SUCCEEDED, { value: "recorded" }));
    const ended = await recordUntilEnd(stream);
    expect(ended).toMatchObject({ case: "succeeded", value: { outputs: toValues({ value: "recorded" }) } });
    expect(calls).toEqual([]);
  });

  test("that throws is recorded as failed, and the task gets what it threw", async () => {
    const { stream } = await openParent((ctx) =>
      ctx.step("render", () => {
        throw new RangeError("too wide");
      }),
    );
    answer(stream, await stream.next("addActions"), child("render", State.RUNNING));
    const report = await stream.report();
    expect(report.content).toMatchObject({ case: "traceEnded", value: { error: { type: "RangeError" } } });
    stream.record(report);
    expect(await recordUntilEnd(stream)).toMatchObject({ case: "failed", value: { type: "RangeError" } });
  });

  test("whose record is lost with a stream is recorded on the next one, and not run again", async () => {
    const calls: string[] = [];
    const { server, stream, nextStream } = await openParent((ctx) =>
      ctx.step("render", () => calls.push("render")),
    );
    answer(stream, await stream.next("addActions"), child("render", State.RUNNING));
    const lost = await stream.report();
    server.cut();
    const second = await nextStream();
    second.attached();
    const again = await second.report();
    expect([again.sequence, again.content.case]).toEqual([lost.sequence, "traceEnded"]);
    second.record(again);
    expect((await recordUntilEnd(second)).case).toBe("succeeded");
    expect(calls).toEqual(["render"]);
  });

  test("of a name that was used before in the attempt is refused", async () => {
    const { stream } = await openParent(async (ctx) => {
      await Promise.all([ctx.step("render", () => 1), ctx.step("render", () => 2)]);
    });
    answer(stream, await stream.next("addActions"), child("render", State.SUCCEEDED));
    const ended = await recordUntilEnd(stream);
    expect(ended).toMatchObject({ case: "failed", value: { type: "TypeError" } });
  });
});
