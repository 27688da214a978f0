import { describe, expect, test } from "vitest";
import type { CommandOf } from "../../src/core/command.ts";
import type { Request } from "../../src/core/stated.ts";
import { requestKeptMs, sweptRequestsMax } from "../../src/limits.ts";
import { aCondition, anOp, bool, by, noReplays, terms, theTask } from "../support/builders.ts";
import { theRun, World } from "../support/world.ts";

const run = theRun;
const namespace = "default";
const published = { source: "s", type: "t", attributes: {}, payload: undefined };
const content = anOp();

/** Every command that takes a request id, and what must be there for it. */
const commands = {
  createRun: {
    before: () => undefined,
    command: (request: Request): CommandOf<"createRun"> => ({
      kind: "createRun",
      request,
      namespace,
      runId: "",
      newRunId: "chosen",
      labels: {},
      priority: 0,
      timeoutMs: undefined,
      delivery: undefined,
      createdBy: "ann",
      work: { task: theTask() },
    }),
  },
  cancelRun: {
    before: (world: World) => void world.create(),
    command: (request: Request): CommandOf<"cancelRun"> => ({ kind: "cancelRun", request, run, cause: "" }),
  },
  retryRun: {
    before: (world: World) => {
      world.create();
      world.cancel();
    },
    command: (request: Request): CommandOf<"retryRun"> => ({
      kind: "retryRun",
      request,
      run,
      force: false,
      all: false,
      replays: noReplays,
    }),
  },
  updateRun: {
    before: (world: World) => void world.create(),
    command: (request: Request): CommandOf<"updateRun"> => ({
      kind: "updateRun",
      request,
      run,
      priority: 3,
      setLabels: {},
      removeLabels: [],
    }),
  },
  signalCondition: {
    before: (world: World) => void world.create({ plan: [aCondition("c")] }),
    command: (request: Request): CommandOf<"signalCondition"> => ({
      kind: "signalCondition",
      request,
      run,
      action: "c",
      value: bool(true),
      by: by("ann"),
      instance: 0,
    }),
  },
  signalByKey: {
    before: (world: World) => {
      world.create({ plan: [aCondition("c", { terms: terms({ correlationKey: "order-7" }) })] });
    },
    command: (request: Request): CommandOf<"signalByKey"> => ({
      kind: "signalByKey",
      request,
      namespace,
      correlationKey: "order-7",
      value: bool(true),
      by: by("ann"),
      keepForMs: undefined,
    }),
  },
  changeCondition: {
    before: (world: World) => void world.create({ plan: [aCondition("c")] }),
    command: (request: Request): CommandOf<"changeCondition"> => ({
      kind: "changeCondition",
      request,
      run,
      action: "c",
      by: by("ann"),
      change: { kind: "claim", force: false },
    }),
  },
  publishEvents: {
    before: () => undefined,
    command: (request: Request): CommandOf<"publishEvents"> => ({
      kind: "publishEvents",
      request,
      namespace,
      events: [{ runId: "", action: "", published }],
    }),
  },
  registerOp: {
    before: () => undefined,
    command: (request: Request): CommandOf<"registerOp"> => ({
      kind: "registerOp",
      request,
      namespace,
      name: "op",
      content,
    }),
  },
  drainWorker: {
    before: (world: World) => void world.attach(),
    command: (request: Request): CommandOf<"drainWorker"> => ({
      kind: "drainWorker",
      request,
      namespace,
      workerId: "w",
    }),
  },
};
const cases = Object.entries(commands).map(([name, parts]) => ({ name, ...parts }));

describe("a request id", () => {
  test.each(cases)(
    "makes $name safe to repeat: the first answer again, and nothing done",
    ({ before, command }) => {
      const world = new World();
      before(world);
      const first = world.do(command({ requestId: "1", digest: "a" }));
      expect(first).toMatchObject({ ok: true });
      const events = world.events().length;
      const again = world.do(command({ requestId: "1", digest: "a" }));
      expect(again).toEqual({
        ok: true,
        answer: first.ok ? first.answer : undefined,
        effects: [],
        events: [],
      });
      expect(world.events()).toHaveLength(events);
    },
  );

  test.each(cases)("of $name with other content is refused", ({ before, command }) => {
    const world = new World();
    before(world);
    world.do(command({ requestId: "1", digest: "a" }));
    expect(world.do(command({ requestId: "1", digest: "b" }))).toEqual({
      ok: false,
      refusal: { reason: "REQUEST_ID_REUSED", requestId: "1" },
    });
  });

  test("returns the answer as it was, however things stand by then", () => {
    const world = new World();
    const { command } = commands.createRun;
    const request = { requestId: "1", digest: "a" };
    world.do(command(request));
    world.cancel(world.state.runs.keys().next().value);
    expect(world.do(command(request))).toMatchObject({
      answer: { run: { key: "default/chosen", state: "QUEUED" } },
    });
  });

  test("counts in its namespace and for its command only", () => {
    const world = new World();
    const request = { requestId: "1", digest: "a" };
    expect(world.do(commands.createRun.command(request)).ok).toBe(true);
    expect(world.do({ ...commands.createRun.command(request), namespace: "other" })).toMatchObject({
      answer: { run: { key: "other/chosen" } },
    });
    expect(world.do(commands.publishEvents.command({ ...request, digest: "b" })).ok).toBe(true);
  });

  test("of a request that was refused may be used again", () => {
    const world = new World();
    const { command } = commands.cancelRun;
    expect(world.do(command({ requestId: "1", digest: "a" })).ok).toBe(false);
    world.create();
    expect(world.do(command({ requestId: "1", digest: "b" })).ok).toBe(true);
  });

  test("that is empty protects nothing", () => {
    const world = new World();
    const { command } = commands.registerOp;
    world.do(command({ requestId: "", digest: "a" }));
    expect(world.do(command({ requestId: "", digest: "b" })).ok).toBe(true);
  });

  test("is forgotten a day later, a lot at a time", () => {
    const world = new World();
    const sweep = () => world.must<"sweepRequests">({ kind: "sweepRequests" }).count;
    const { command } = commands.publishEvents;
    for (let index = 0; index <= sweptRequestsMax; index++)
      world.do(command({ requestId: `${index}`, digest: "a" }));
    world.at(1).do(command({ requestId: "later", digest: "a" }));
    world.at(requestKeptMs);
    expect(sweep()).toBe(0);
    world.at(requestKeptMs + 1);
    expect([sweep(), sweep(), sweep()]).toEqual([sweptRequestsMax, 1, 0]);
    expect(world.do(command({ requestId: "0", digest: "b" })).ok).toBe(true);
    expect(world.do(command({ requestId: "later", digest: "b" })).ok).toBe(false);
  });
});
