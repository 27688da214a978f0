import { Code } from "@connectrpc/connect";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { Filter_Function, Sort_Direction } from "../../../gen/flyteidl2/common/list_pb.ts";
import { ActionPhase } from "../../../gen/flyteidl2/common/phase_pb.ts";
import { SimpleType } from "../../../gen/flyteidl2/core/types_pb.ts";
import { ActionType, ConditionPromptType } from "../../../gen/flyteidl2/workflow/run_definition_pb.ts";
import { heartbeatMs } from "../../../src/api/flyte/flyte-limits.ts";
import { plainTerms } from "../../../src/core/conditions/terms.ts";
import type { RunKey } from "../../../src/core/name.ts";
import { bool, float, int, text } from "../../support/builders.ts";
import { settle, until } from "../../support/fake-clock.ts";
import { domain, FlyteBench, project } from "./flyte-bench.ts";

let bench: FlyteBench;
beforeEach(async () => {
  bench = await FlyteBench.start();
});
afterEach(async () => {
  await bench.close();
});

const is = Filter_Function;
const conditionsOnly = { function: is.EQUAL, field: "action_type", values: ["3"] };

/** Pulls a stream one message at a time, until the test ends it. */
function pull<T>(open: (options: { signal: AbortSignal }) => AsyncIterable<T>) {
  const ending = new AbortController();
  const messages = open({ signal: ending.signal })[Symbol.asyncIterator]();
  return {
    next: async (): Promise<T> => {
      const result = await messages.next();
      if (result.done === true) throw new Error("the stream has ended");
      return result.value;
    },
    isDone: async () => (await messages.next()).done === true,
    result: () => messages.next(),
    end: () => ending.abort(),
  };
}

const list = async (run: string, request: Parameters<typeof bench.client.listActions>[0]["request"] = {}) =>
  bench.client.listActions({ runId: bench.runId(run), request });

describe("ListActions", () => {
  test("shows each action with its parent, kind, group, task and condition", async () => {
    const run = await bench.run("r1");
    await bench.ask(
      run,
      await bench.flyteTask("x", { group: "fan" }),
      bench.condition("c1", "approve", { type: "int" }),
    );
    const { actions, token } = await bench.client.listActions({ runId: bench.runId("r1", "acme") });
    expect(token).toBe("");
    const [condition, ...tasks] = actions;
    expect(condition).toMatchObject({
      id: { name: "c1", run: { org: "acme", project, domain, name: "r1" } },
      metadata: {
        parent: "a0",
        actionType: ActionType.CONDITION,
        executedBy: { principal: { case: "user", value: { id: { subject: "ana@example.com" } } } },
        spec: {
          case: "condition",
          value: { name: "approve", type: { type: { case: "simple", value: SimpleType.INTEGER } } },
        },
      },
      status: { phase: ActionPhase.PAUSED, attempts: 1 },
    });
    expect(new Set(tasks.map(({ id }) => id?.name))).toEqual(new Set(["a0", "x"]));
    expect(tasks.find(({ id }) => id?.name === "x")?.metadata).toMatchObject({
      parent: "a0",
      group: "fan",
      actionType: ActionType.TASK,
      environmentName: "env",
      funtionName: "fn_x",
      spec: {
        case: "task",
        value: { shortName: "fn_x", taskType: "python", id: { version: "v1", project } },
      },
    });
  });

  test("lists 250 open conditions in pages before the answered ones, the newest first", async () => {
    const run = await bench.run("r1");
    const names = Array.from({ length: 250 }, (_, index) => `c${String(index).padStart(3, "0")}`);
    for (const name of names) {
      await bench.clock.advance(1);
      await bench.ask(run, bench.condition(name, "approve"));
    }
    await bench.signal(run, "a0/c249", bool(true));
    const seen: string[] = [];
    let token = "";
    do {
      const page = await list("r1", { limit: 100, token, filters: [conditionsOnly] });
      seen.push(...page.actions.map(({ id }) => id?.name ?? ""));
      token = page.token;
    } while (token !== "");
    expect(seen).toEqual([...names.slice(0, 249).reverse(), "c249"]);
  });

  test("shows what was acknowledged before it was asked", async () => {
    const run = await bench.run("r1");
    const open = { function: is.EQUAL, field: "phase", values: ["9"] };
    for (let number = 0; number < 30; number += 1) {
      await bench.ask(run, bench.condition(`c${number}`, "approve"));
      expect((await list("r1", { filters: [open] })).actions).toMatchObject([{ id: { name: `c${number}` } }]);
      await bench.signal(run, `a0/c${number}`, bool(true));
      expect((await list("r1", { filters: [open] })).actions).toEqual([]);
    }
  });

  test("tells the children of one parent by its name", async () => {
    const run = await bench.run("r1");
    await bench.ask(run, await bench.flyteTask("x"), bench.condition("c1", "approve"));
    await bench.add(await bench.begin(run, "a0/x"), bench.condition("c2", "approve"));
    const of = async (parent: string) => {
      const filters = [conditionsOnly, { function: is.EQUAL, field: "parent_name", values: [parent] }];
      return (await list("r1", { filters })).actions.map(({ id }) => id?.name);
    };
    expect([await of("a0"), await of("x"), await of("c1")]).toEqual([["c1"], ["c2"], []]);
  });

  test.each([
    { request: { limit: 201 }, says: "limit" },
    { request: { token: "?" }, says: "token" },
    { request: { filters: [{ function: is.EQUAL, field: "size", values: ["1"] }] }, says: "filter field" },
    { request: { sortBy: { key: "size", direction: 0 as const } }, says: "sort field" },
  ])("with $request is INVALID_ARGUMENT", async ({ request, says }) => {
    await bench.run("r1");
    await expect(list("r1", request)).rejects.toMatchObject({ code: Code.InvalidArgument });
    await expect(list("r1", request)).rejects.toThrow(says);
  });

  test("of an unknown run is NOT_FOUND", async () => {
    await expect(list("none")).rejects.toMatchObject({ code: Code.NotFound });
  });
});

const details = async (run: string, name: string) => {
  const { details: told } = await bench.client.getActionDetails({ actionId: bench.actionId(run, name) });
  return told;
};

describe("GetActionDetails", () => {
  test("shows a task with its spec, its attempts and the phases they went through", async () => {
    const run = await bench.run("r1");
    await bench.ask(run, await bench.flyteTask("x", { maxAttempts: 2 }));
    await bench.begin(run, "a0/x");
    const error = { type: "ValueError", message: "no", stack: "", nonRetryable: false };
    await bench.report(run, "a0/x", { kind: "failed", error });
    await bench.clock.advance(10_000);
    await bench.begin(run, "a0/x");
    expect(await details("r1", "x")).toMatchObject({
      status: { phase: ActionPhase.RUNNING, attempts: 2 },
      result: { case: undefined },
      spec: { case: "task", value: { shortName: "fn_x" } },
      attempts: [
        {
          attempt: 1,
          phase: ActionPhase.FAILED,
          errorInfo: { message: "no", code: "ValueError" },
          phaseTransitions: [{ phase: 1 }, { phase: 3 }, { phase: 4 }, { phase: 6 }],
        },
        { attempt: 2, phase: ActionPhase.RUNNING, logsAvailable: true },
      ],
    });
    await bench.report(run, "a0/x", { kind: "succeeded", outputs: { output_uri: text("/runs/x/2") } });
    const ended = await details("r1", "x");
    expect(ended).toMatchObject({ status: { phase: ActionPhase.SUCCEEDED }, result: { case: undefined } });
    expect(ended?.attempts.map(({ outputs }) => outputs?.outputUri)).toEqual(["", "/runs/x/2/outputs.pb"]);
    const actionId = bench.actionId("r1", "x");
    expect(await bench.client.getActionDataURIs({ actionId })).toMatchObject({
      inputsUri: "/runs/x/inputs.pb",
      outputsUri: "/runs/x/2/outputs.pb",
    });
    expect(await bench.client.getActionLogContext({ actionId, attempt: 1 })).toMatchObject({
      logContext: { primaryPodName: "w1" },
    });
    await expect(bench.client.getActionLogContext({ actionId, attempt: 3 })).rejects.toMatchObject({
      code: Code.NotFound,
    });
  });

  test.each([
    { type: "bool", value: bool(true), primitive: { case: "boolean", value: true } },
    { type: "int", value: int(42), primitive: { case: "integer", value: 42n } },
    { type: "float", value: float(3.5), primitive: { case: "floatValue", value: 3.5 } },
    { type: "string", value: text("go"), primitive: { case: "stringValue", value: "go" } },
  ] as const)(
    "shows who answered a condition, and the answer $primitive.value",
    async ({ type, value, primitive }) => {
      const run = await bench.run("r1");
      const webhook = {
        url: "https://example.com/x",
        payload: { uri: "{callback_uri}" },
        secret: "",
        linkLifetimeMs: undefined,
        headers: {},
      };
      const condition = bench.condition("c1", "approve", {
        type,
        prompt: "Sure?",
        description: "think",
        timeoutMs: 60_000,
        terms: { ...plainTerms, webhook },
      });
      const labels = { ...condition.labels, "flyte-prompt-type": "MARKDOWN" };
      await bench.ask(run, { ...condition, labels });
      expect((await details("r1", "c1"))?.spec).toMatchObject({
        case: "condition",
        value: {
          name: "approve",
          prompt: "Sure?",
          description: "think",
          promptType: ConditionPromptType.MARKDOWN,
          timeout: { seconds: 60n },
          webhook: { url: "https://example.com/x", payload: { uri: "{callback_uri}" } },
        },
      });
      await bench.signal(run, "a0/c1", value, "bob");
      expect(await details("r1", "c1")).toMatchObject({
        status: { phase: ActionPhase.SUCCEEDED },
        result: {
          case: "signalInfo",
          value: {
            signalledBy: { principal: { value: { id: { subject: "bob" } } } },
            output: { value: { case: "scalar", value: { value: { value: { value: primitive } } } } },
          },
        },
        attempts: [{ attempt: 1, phaseTransitions: [{ phase: 9 }, { phase: 5 }] }],
      });
    },
  );

  test("shows that the time of a condition ran out, and why a run was called off", async () => {
    const run = await bench.run("r1");
    await bench.ask(run, bench.condition("c1", "one", { timeoutMs: 1_000 }), bench.condition("c2", "two"));
    await bench.clock.advance(2_000);
    expect(await details("r1", "c1")).toMatchObject({
      status: { phase: ActionPhase.TIMED_OUT },
      result: { case: "errorInfo", value: { code: "ConditionTimedOut" } },
    });
    await bench.cancel(run, "enough");
    expect(await details("r1", "c2")).toMatchObject({
      status: { phase: ActionPhase.ABORTED },
      result: { case: "abortInfo", value: { reason: "enough" } },
    });
  });

  test("of what does not exist is NOT_FOUND, and of nothing INVALID_ARGUMENT", async () => {
    await bench.run("r1");
    for (const [run, name] of [
      ["r1", "none"],
      ["none", "a0"],
    ] as const) {
      await expect(details(run, name)).rejects.toMatchObject({ code: Code.NotFound });
    }
    await expect(bench.client.getActionDetails({})).rejects.toMatchObject({ code: Code.InvalidArgument });
  });
});

describe("WatchActionDetails", () => {
  const watch = (run: string, name: string) =>
    pull((options) => bench.client.watchActionDetails({ actionId: bench.actionId(run, name) }, options));

  test("begins with the state, tells each change, repeats itself in silence, and ends with the action", async () => {
    const run = await bench.run("r1");
    const { next, isDone } = watch("r1", "a0");
    expect((await next()).details?.status?.phase).toBe(ActionPhase.RUNNING);
    const repeated = next();
    await settle();
    await bench.report(run, "a0", { kind: "log", level: "info", message: "hello" });
    await bench.ask(run, bench.condition("c1", "approve"));
    await bench.clock.advance(2 * heartbeatMs);
    expect((await repeated).details?.status?.phase).toBe(ActionPhase.RUNNING);
    const last = next();
    await bench.signal(run, "a0/c1", bool(true));
    await bench.report(run, "a0", { kind: "succeeded", outputs: {} });
    expect((await last).details?.status?.phase).toBe(ActionPhase.SUCCEEDED);
    expect(await isDone()).toBe(true);
  });

  test("ends for a condition that is answered, and at once for what has ended", async () => {
    const run = await bench.run("r1");
    await bench.ask(run, bench.condition("c1", "approve"));
    const { next, isDone } = watch("r1", "c1");
    expect((await next()).details?.status?.phase).toBe(ActionPhase.PAUSED);
    await bench.signal(run, "a0/c1", bool(true));
    expect((await next()).details?.status?.phase).toBe(ActionPhase.SUCCEEDED);
    expect(await isDone()).toBe(true);
    const late = watch("r1", "c1");
    expect((await late.next()).details?.status?.phase).toBe(ActionPhase.SUCCEEDED);
    expect(await late.isDone()).toBe(true);
  });

  test("of a server that stops ends with an error, and never as if the action had ended", async () => {
    await bench.run("r1");
    const { next, result } = watch("r1", "a0");
    await next();
    const ending = result();
    await settle();
    bench.stopping.abort();
    await expect(ending).rejects.toThrow("stopping");
  });

  test("of many at once tells each of its own action", async () => {
    const run = await bench.run("r1");
    const names = Array.from({ length: 200 }, (_, index) => `c${index}`);
    await bench.ask(run, ...names.map((name) => bench.condition(name, "approve")));
    const watches = names.map((name) => watch("r1", name));
    await Promise.all(watches.map(({ next }) => next()));
    const lasts = Promise.all(watches.map(({ next }) => next()));
    await Promise.all(names.map((name) => bench.signal(run, `a0/${name}`, bool(true))));
    const told = await lasts;
    expect(told.map((one) => one.details?.id?.name)).toEqual(names);
    expect(new Set(told.map((one) => one.details?.status?.phase))).toEqual(new Set([ActionPhase.SUCCEEDED]));
    const watching = () => bench.engine.feeds.followerCount - bench.views.size;
    await Promise.all(watches.map(({ isDone }) => isDone()));
    await until("nobody follows", () => watching() === 0);
  });
});

const runsOf = { case: "projectId", value: { name: project, domain } } as const;

describe("GetRunDetails and WatchRunDetails", () => {
  test("show a run by its first action, with its labels", async () => {
    const run = await bench.run("r1", { labels: { team: "blue" } });
    const runId = bench.runId("r1");
    expect((await bench.client.getRunDetails({ runId })).details).toMatchObject({
      action: { id: { name: "a0" }, status: { phase: ActionPhase.RUNNING } },
      runSpec: { labels: { values: { team: "blue" } } },
    });
    const { next, end } = pull((options) => bench.client.watchRunDetails({ runId }, options));
    await next();
    await bench.report(run, "a0", { kind: "succeeded", outputs: {} });
    expect((await next()).details?.action?.status?.phase).toBe(ActionPhase.SUCCEEDED);
    end();
  });

  test("show a run that was not made through Flyte as one action, and its end", async () => {
    await bench.create("r1", [bench.condition("ask", "ask")]);
    const runId = bench.runId("r1");
    const phase = async () => (await bench.client.getRunDetails({ runId })).details?.action?.status?.phase;
    expect(await phase()).toBe(ActionPhase.RUNNING);
    const { next, isDone } = pull((options) =>
      bench.client.watchActionDetails({ actionId: bench.actionId("r1", "a0") }, options),
    );
    await next();
    await bench.signal(`shop--dev/r1` as RunKey, "ask", bool(true));
    expect((await next()).details?.status?.phase).toBe(ActionPhase.SUCCEEDED);
    expect(await isDone()).toBe(true);
    expect((await details("r1", "ask"))?.result.case).toBe("signalInfo");
  });
});

describe("ListRuns", () => {
  const named = async (request: Parameters<typeof bench.client.listRuns>[0]) => {
    const { runs, token } = await bench.client.listRuns({ scopeBy: runsOf, ...request });
    return { names: runs.map(({ action }) => action?.id?.run?.name), token };
  };

  /** Runs r0, r1, … each a second younger than the one before. */
  const many = async (count: number) => {
    for (let index = 0; index < count; index += 1) {
      await bench.run(`r${index}`, { labels: { even: String(index % 2 === 0) }, createdBy: `u${index % 3}` });
      await bench.clock.advance(1_000);
    }
  };

  test("lists the runs of a project, the newest first or in the order asked for, in pages", async () => {
    await many(7);
    const sortBy = { key: "created_at", direction: Sort_Direction.ASCENDING };
    expect((await named({})).names).toEqual(["r6", "r5", "r4", "r3", "r2", "r1", "r0"]);
    for (const request of [{}, { sortBy }, { sortBy: { key: "run_name", direction: 1 as const } }]) {
      const whole = await named({ request });
      const seen: (string | undefined)[] = [];
      let token = "";
      let pageCount = 0;
      do {
        const page = await named({ request: { ...request, limit: 3, token } });
        seen.push(...page.names);
        token = page.token;
        pageCount += 1;
      } while (token !== "");
      expect([seen, pageCount]).toEqual([whole.names, 3]);
    }
    expect((await named({ request: { sortBy } })).names[0]).toBe("r0");
    expect((await named({ request: { sortBy, token: "5" } })).names).toEqual(["r5", "r6"]);
  });

  test.each([
    { field: "created_by", by: is.EQUAL, values: ["u1"], gives: ["r4", "r1"] },
    { field: "labels.even", by: is.EQUAL, values: ["true"], gives: ["r4", "r2", "r0"] },
    { field: "labels.odd", by: is.EXISTS, values: [], gives: [] },
    { field: "run_name", by: is.VALUE_IN, values: ["r1", "r3"], gives: ["r3", "r1"] },
    { field: "task_version", by: is.EQUAL, values: ["v2"], gives: [] },
    { field: "phase", by: is.VALUE_IN, values: ["4"], gives: ["r4", "r3", "r2", "r1", "r0"] },
  ])("with a filter on $field lists $gives", async ({ field, by, values, gives }) => {
    await many(5);
    expect((await named({ request: { filters: [{ function: by, field, values }] } })).names).toEqual(gives);
  });

  test("lists by task, by organisation, by trigger, and those that wait for an answer", async () => {
    await many(2);
    await bench.ask("shop--dev/r1" as RunKey, bench.condition("c1", "approve"));
    const task = { project, domain, name: "env.fn_a0" };
    const names = async (request: Parameters<typeof bench.client.listRuns>[0]) =>
      (await named(request)).names;
    expect(await names({ pausedActionsOnly: true })).toEqual(["r1"]);
    expect(await names({ scopeBy: { case: "taskName", value: task } })).toEqual(["r1", "r0"]);
    expect(await names({ scopeBy: { case: "taskId", value: { ...task, version: "v2" } } })).toEqual([]);
    expect(await names({ scopeBy: { case: "org", value: "acme" } })).toEqual(["r1", "r0"]);
    expect(await names({ scopeBy: { case: "triggerName", value: { project, domain, name: "t" } } })).toEqual(
      [],
    );
    expect(await names({ scopeBy: { case: "projectId", value: { name: "none", domain } } })).toEqual([]);
  });
});

describe("WatchRuns", () => {
  test("tells the runs of its project alone, each that is created and each change of one", async () => {
    await bench.run("r0");
    const { next, end } = pull((options) => bench.client.watchRuns({ target: runsOf }, options));
    const other = pull((options) =>
      bench.client.watchRuns({ target: { case: "projectId", value: { name: "none", domain } } }, options),
    );
    const phases = async () =>
      (await next()).runs.map(({ action }) => [action?.id?.run?.name, action?.status?.phase]);
    expect(await phases()).toEqual([["r0", ActionPhase.RUNNING]]);
    expect((await other.next()).runs).toEqual([]);
    await bench.report("shop--dev/r0" as RunKey, "a0", { kind: "succeeded", outputs: {} });
    expect(await phases()).toEqual([["r0", ActionPhase.SUCCEEDED]]);
    await bench.run("r1");
    const told = await phases();
    expect(told[0]?.[0]).toBe("r1");
    const silent = other.next();
    await settle();
    await bench.clock.advance(2 * heartbeatMs);
    expect((await silent).runs).toEqual([]);
    end();
    other.end();
  });
});

describe("WatchActions", () => {
  const watch = (filter: { function: Filter_Function; field: string; values: string[] }[] = []) =>
    pull((options) => bench.client.watchActions({ runId: bench.runId("r1"), filter }, options));

  test("begins with all, then tells what changes with those above it and the phases below them", async () => {
    const run = await bench.run("r1");
    await bench.ask(run, await bench.flyteTask("x"));
    await bench.add(await bench.begin(run, "a0/x"), bench.condition("c1", "approve"));
    const { next, end } = watch();
    const brief = async () =>
      (await next()).enrichedActions.map(({ action, childrenPhaseCounts, meetsFilter }) => {
        return [action?.id?.name, action?.status?.phase, childrenPhaseCounts, meetsFilter];
      });
    expect(await brief()).toEqual([
      ["a0", 4, { 4: 1, 9: 1 }, true],
      ["x", 4, { 9: 1 }, true],
      ["c1", 9, {}, true],
    ]);
    await bench.signal(run, "a0/x/c1", bool(true));
    expect(await brief()).toEqual([
      ["c1", 5, {}, true],
      ["x", 4, { 5: 1 }, true],
      ["a0", 4, { 4: 1, 5: 1 }, true],
    ]);
    const silent = next();
    await settle();
    await bench.clock.advance(2 * heartbeatMs);
    expect((await silent).enrichedActions).toEqual([]);
    end();
  });

  test("leaves out what its filters do not meet, and says when something no longer does", async () => {
    const run = await bench.run("r1");
    await bench.ask(run, bench.condition("c1", "approve"), bench.condition("c2", "deny"));
    const { next, end } = watch([
      { function: is.VALUE_IN, field: "PHASE", values: ["9"] },
      { function: is.CONTAINS_CASE_INSENSITIVE, field: "NAME", values: ["APPR"] },
    ]);
    const brief = async () =>
      (await next()).enrichedActions.map(({ action, meetsFilter }) => [action?.id?.name, meetsFilter]);
    expect(await brief()).toEqual([
      ["a0", false],
      ["c1", true],
    ]);
    await bench.signal(run, "a0/c1", bool(true));
    expect(await brief()).toEqual([
      ["c1", false],
      ["a0", false],
    ]);
    end();
  });

  test("shows a slow client the last of each of thousands of changes", async () => {
    const run = await bench.run("r1");
    const names = Array.from({ length: 1_000 }, (_, index) => `c${index}`);
    const { next, end } = watch();
    await next();
    await bench.ask(run, ...names.map((name) => bench.condition(name, "approve")));
    await Promise.all(names.map((name) => bench.signal(run, `a0/${name}`, bool(true))));
    const phases = new Map<string, number>();
    let messageCount = 0;
    while ([...phases.values()].filter((phase) => phase === ActionPhase.SUCCEEDED).length < names.length) {
      for (const { action } of (await next()).enrichedActions) {
        phases.set(action?.id?.name ?? "", action?.status?.phase ?? 0);
      }
      messageCount += 1;
    }
    expect(names.filter((name) => phases.get(name) !== ActionPhase.SUCCEEDED)).toEqual([]);
    expect(messageCount).toBeLessThan(2 * names.length);
    end();
    await until("nobody follows", () => bench.engine.feeds.followerCount === bench.views.size);
  });
});
