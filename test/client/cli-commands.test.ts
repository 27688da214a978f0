import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { timestampFromDate } from "@bufbuild/protobuf/wkt";
import { Code, ConnectError } from "@connectrpc/connect";
import { afterAll, beforeAll, beforeEach, describe, expect, onTestFinished, test } from "vitest";
import { BadRequestSchema, ErrorInfoSchema } from "../../gen/google/rpc/error_details_pb.ts";
import { Action_Kind, Action_State } from "../../gen/signalbox/v1/action_pb.ts";
import { ConditionSchema } from "../../gen/signalbox/v1/condition_pb.ts";
import {
  ConditionService,
  type SignalConditionRequest,
} from "../../gen/signalbox/v1/condition_service_pb.ts";
import type { EventSchema } from "../../gen/signalbox/v1/event_pb.ts";
import { EventService, type WatchEventsRequest } from "../../gen/signalbox/v1/event_service_pb.ts";
import { ExplainActionResponse_Cause } from "../../gen/signalbox/v1/explanation_pb.ts";
import { OpService, type RegisterOpRequest } from "../../gen/signalbox/v1/op_service_pb.ts";
import { Run_State, type RunSchema } from "../../gen/signalbox/v1/run_pb.ts";
import {
  type CreateRunRequest,
  type ListRunsRequest,
  RunService,
} from "../../gen/signalbox/v1/run_service_pb.ts";
import { ValueType } from "../../gen/signalbox/v1/value_pb.ts";
import { Worker_State, WorkerService } from "../../gen/signalbox/v1/worker_service_pb.ts";
import { Interrupted } from "../../src/cli/command-line.ts";
import { toValue } from "../../src/client/js-value.ts";
import { type RunOptions, runCli } from "./cli-run.ts";
import { type ScriptedServices, startScriptedServices } from "./scripted-services.ts";

/** What the commands asked for. */
const asked = {
  created: [] as CreateRunRequest[],
  listed: [] as ListRunsRequest[],
  signals: [] as SignalConditionRequest[],
  watched: [] as WatchEventsRequest[],
  registered: [] as RegisterOpRequest[],
};

let server: ScriptedServices;

function refuse(code: Code, reason: string, metadata: Record<string, string> = {}): ConnectError {
  const value = create(ErrorInfoSchema, { domain: "signalbox", reason, metadata });
  return new ConnectError(`it is ${reason}`, code, undefined, [{ desc: ErrorInfoSchema, value }]);
}

const ago = (ms: number) => timestampFromDate(new Date(Date.now() - ms));

/** The run that a name stands for: how it ends is its name. */
function runOf(runId: string): MessageInitShape<typeof RunSchema> {
  const states = new Map<string, Run_State>([
    ["good", Run_State.SUCCEEDED],
    ["bad", Run_State.FAILED],
    ["late", Run_State.TIMED_OUT],
    ["gone", Run_State.CANCELLED],
  ]);
  const state = states.get(runId);
  if (state === undefined) {
    throw refuse(Code.NotFound, "RUN_NOT_FOUND", { run_id: runId });
  }
  return {
    runId,
    state,
    createTime: ago(185_000),
    startTime: ago(180_000),
    endTime: ago(175_000),
    actionCount: 1,
    endedActionCount: 1,
    outputs: { lines: toValue(12) },
    labels: { team: "ml" },
    ...(state === Run_State.FAILED ? { error: { type: "Error", message: "no\nluck" } } : {}),
  };
}

const events: MessageInitShape<typeof EventSchema>[] = [
  { eventId: "01", runId: "good", detail: { case: "runCreated", value: { actionCount: 1 } } },
  {
    eventId: "02",
    runId: "good",
    action: "main",
    detail: { case: "actionLogged", value: { message: "hi\u001b[2J" } },
  },
  { eventId: "03", runId: "good", detail: { case: "runEnded", value: { state: Run_State.SUCCEEDED } } },
];

const conditions = ["main/approve", "a/limit", "b/limit"].map((name) =>
  create(ConditionSchema, {
    runId: "good",
    name,
    spec: { type: name.endsWith("approve") ? ValueType.BOOL : ValueType.FLOAT, prompt: "Really?" },
    pauseTime: ago(90_000),
  }),
);

beforeAll(async () => {
  server = await startScriptedServices((router) => {
    router.service(RunService, {
      createRun(request) {
        asked.created.push(request);
        return { run: { ...runOf(request.run?.runId || "good"), state: Run_State.QUEUED } };
      },
      listRuns(request) {
        asked.listed.push(request);
        const pages = request.pageToken === "" ? ["good", "bad"] : ["late", "gone"];
        return { runs: pages.map(runOf), nextPageToken: request.pageToken === "" ? "2" : "" };
      },
      cancelRun: ({ runId }) => ({
        run: { ...runOf(runId), state: Run_State.RUNNING, cancelRequested: true },
      }),
      retryRun({ runId, force }) {
        if (!force) {
          throw refuse(Code.FailedPrecondition, "RUN_SUCCEEDED", { run_id: runId });
        }
        return { run: runOf(runId) };
      },
      updateRun() {
        const violations = ["priority", "set_labels"].map((field) => ({ field, description: "too much" }));
        const info = create(ErrorInfoSchema, { domain: "signalbox", reason: "INVALID_REQUEST" });
        throw new ConnectError("2 fields are wrong", Code.InvalidArgument, undefined, [
          { desc: ErrorInfoSchema, value: info },
          { desc: BadRequestSchema, value: create(BadRequestSchema, { fieldViolations: violations }) },
        ]);
      },
      async *watchRun({ runId }) {
        yield { run: { ...runOf(runId), state: Run_State.RUNNING }, snapshot: true, cursor: "1" };
        yield { run: runOf(runId), events: events.slice(1), cursor: "2", ended: true };
      },
      listActions: ({ runId }) => ({
        actions: [
          {
            runId,
            name: "main",
            kind: Action_Kind.TASK,
            state: Action_State.RUNNING,
            attempt: 2,
            workerId: "w1",
            progressPercent: 50,
          },
          {
            runId,
            name: "ok",
            kind: Action_Kind.CONDITION,
            state: Action_State.PAUSED,
            condition: { spec: { type: 1, prompt: "Go?" } },
          },
        ],
      }),
      getAction: ({ runId, name }) => ({
        action: { runId, name, kind: Action_Kind.TASK, op: "count", state: Action_State.QUEUED },
      }),
      listAttempts: () => ({
        attempts: [{ number: 1, state: Action_State.FAILED, error: { type: "Error", message: "no" } }],
      }),
      explainAction: () => ({
        cause: ExplainActionResponse_Cause.NO_WORKER,
        message: "no worker announces count",
      }),
    });
    router.service(ConditionService, {
      getCondition({ name }) {
        const condition = conditions.find((one) => one.name === name);
        if (condition === undefined) {
          throw refuse(Code.NotFound, "ACTION_NOT_FOUND");
        }
        return { condition };
      },
      listConditions: () => ({ conditions }),
      signalCondition(request) {
        asked.signals.push(request);
        const condition = conditions.find((one) => one.name === request.name);
        return condition === undefined ? { kept: true } : { condition };
      },
    });
    router.service(EventService, {
      listEvents: () => ({ events, nextPageToken: "c3", atHead: true }),
      async *watchEvents(request, { signal }) {
        asked.watched.push(request);
        yield { events, cursor: "c3" };
        await new Promise((resolve) => signal.addEventListener("abort", resolve));
      },
    });
    router.service(OpService, {
      registerOp(request) {
        asked.registered.push(request);
        return { op: { name: request.op?.name ?? "", version: 2 } };
      },
      listOps: () => ({ ops: [] }),
    });
    router.service(WorkerService, {
      listWorkers: () => ({
        workers: [{ workerId: "w1", state: Worker_State.ATTACHED, ops: ["a", "b"], credit: 4 }],
      }),
      drainWorker: () => {
        throw new ConnectError("internal error, reference 7", Code.Internal);
      },
    });
  });
});

afterAll(() => server.stop());

beforeEach(() => {
  for (const requests of Object.values(asked)) {
    requests.splice(0);
  }
});

const cli = (args: readonly string[], options: RunOptions = {}) =>
  runCli(args, { environment: { SIGNALBOX_SERVER: server.address }, ...options });

describe("run", () => {
  test("prints the id of the run it created from everything it was told", async () => {
    const args = [
      "run",
      "count",
      "--input",
      "path=a.txt",
      "--input",
      "n=5",
      "--input-json",
      '{"deep": {"a": 1}}',
    ];
    const more = ["--label", "team=ml", "--priority", "5", "--timeout", "5m", "--attempts", "3", "-n", "lab"];
    expect(await cli([...args, ...more])).toMatchObject({ code: 0, out: "good\n" });
    expect(asked.created[0]?.run).toMatchObject({
      namespace: "lab",
      labels: { team: "ml" },
      priority: 5,
      timeout: { seconds: 300n },
    });
    const task = asked.created[0]?.run?.work.value;
    expect(task).toMatchObject({ op: "count", retry: { maxAttempts: 3 } });
    expect(Object.keys((task as { inputs: object }).inputs)).toEqual(["deep", "path", "n"]);
  });

  test.each([
    { runId: "good", code: 0, says: "good SUCCEEDED after 10.0s" },
    { runId: "bad", code: 1, says: "bad FAILED after 10.0s: Error: no luck" },
    { runId: "late", code: 1, says: "late TIMED_OUT after 10.0s" },
    { runId: "gone", code: 1, says: "gone CANCELLED after 10.0s" },
  ])("--wait ends with $code for a run that is $runId in the end", async ({ runId, code, says }) => {
    const ran = await cli(["run", "count", "--id", runId, "--wait"]);
    expect(ran).toMatchObject({ code, out: `${runId}\nlines: 12\n` });
    expect(ran.notes).toContain(says);
    expect(ran.notes).toMatch(/main {2}info {2}hi \[2J/);
  });

  test("--wait --json prints the whole run alone", async () => {
    const { out, notes } = await cli(["run", "count", "--wait", "--json"]);
    expect(JSON.parse(out)).toMatchObject({ runId: "good", state: "STATE_SUCCEEDED" });
    expect(notes).toBe("");
  });

  test("is refused by its reason and facts with 4 if it does not exist", async () => {
    const ran = await cli(["watch", "nobody"]);
    expect(ran).toMatchObject({ code: 4, out: "" });
    expect(ran.notes).toBe("signalbox: it is RUN_NOT_FOUND\n  reason: RUN_NOT_FOUND\n  run_id: nobody\n");
  });
});

describe("lists", () => {
  test("of runs are aligned tables over all pages", async () => {
    const { out } = await cli(["runs", "--state", "failed,timed-out", "--label", "team=ml", "--paused"]);
    expect(out).toBe(
      [
        "RUN   STATE      ACTIONS  PAUSED  AGE  TOOK  LABELS",
        "good  SUCCEEDED      1/1           3m  5.0s  team=ml",
        "bad   FAILED         1/1           3m  5.0s  team=ml",
        "late  TIMED_OUT      1/1           3m  5.0s  team=ml",
        "gone  CANCELLED      1/1           3m  5.0s  team=ml",
        "",
      ].join("\n"),
    );
    expect(asked.listed[0]?.filter).toMatchObject({
      states: [Run_State.FAILED, Run_State.TIMED_OUT],
      labels: { team: "ml" },
      pausedOnly: true,
    });
  });

  test("with --json are one message a line", async () => {
    const { out } = await cli(["runs", "--json"]);
    const lines = out
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as { runId: string });
    expect(lines.map(({ runId }) => runId)).toEqual(["good", "bad", "late", "gone"]);
  });

  test("end at the limit and say that there is more", async () => {
    const { out, notes } = await cli(["runs", "--limit", "2"]);
    expect(out.trim().split("\n")).toHaveLength(3);
    expect(notes).toBe("there are more than 2: say --limit 0 for all\n");
  });

  test("without rows say so beside the result", async () => {
    expect(await cli(["ops"])).toMatchObject({
      code: 0,
      out: "",
      notes: "no ops are registered; a task needs none\n",
    });
  });

  test("are coloured and cut on a terminal, and plain with NO_COLOR", async () => {
    const coloured = await cli(["runs"], { columns: 50 });
    expect(coloured.out).toContain("\u001b[31mFAILED");
    const environment = { SIGNALBOX_SERVER: server.address, NO_COLOR: "1" };
    const plain = await cli(["conditions"], { columns: 60, environment });
    expect(plain.out).not.toContain("\u001b");
    expect(plain.out.split("\n")[1]).toBe("good  main/approve  bool        1m            Really?");
  });

  test("of actions, workers and conditions tell what matters", async () => {
    expect((await cli(["actions", "good"])).out).toMatch(
      /main +task +RUNNING +2 +w1 +50 %\nok +condition +PAUSED +asks for a bool: Go\?/,
    );
    expect((await cli(["workers"])).out).toMatch(/w1 +ATTACHED +0 +4 +a, b/);
    expect((await cli(["conditions", "--run", "good"])).out).toMatch(/good +a\/limit +float +1m +Really\?/);
  });
});

describe("an action", () => {
  test("is told with its attempts and why it does not run", async () => {
    const { out } = await cli(["action", "good", "main"]);
    expect(out).toMatch(/state +QUEUED\nwhy +no worker announces count/);
    expect(out).toMatch(/ATTEMPT +STATE.*\n +1 +FAILED +Error: no/);
    expect((await cli(["explain", "good", "main"])).out).toMatch(/^no worker +no worker announces count/);
  });

  test("is one object with --json", async () => {
    const { out } = await cli(["action", "good", "main", "--json"]);
    expect(JSON.parse(out)).toMatchObject({
      action: { name: "main" },
      attempts: [{ number: 1 }],
      explanation: { cause: "CAUSE_NO_WORKER" },
    });
  });
});

describe("signal", () => {
  test.each([
    { given: "its whole name", name: "main/approve", value: "yes", sends: ["main/approve", true] },
    { given: "the last part of its name", name: "approve", value: "true", sends: ["main/approve", true] },
    { given: "the type of the condition", name: "a/limit", value: "5", sends: ["a/limit", 5] },
    {
      given: "a name that does not exist yet and a literal",
      name: "new",
      value: "[1]",
      sends: ["new", undefined],
    },
    { given: "a negative number", name: "a/limit", value: "-5", sends: ["a/limit", -5] },
  ])("answers by $given", async ({ name, value, sends }) => {
    const ran = await cli(["signal", "good", name, value, "--by", "carol"]);
    expect(ran.code).toBe(0);
    const [request] = asked.signals;
    const { kind } = request?.value ?? {};
    expect([request?.name, kind?.case === "jsonValue" ? undefined : kind?.value]).toEqual(sends);
    expect(request?.signalledBy).toBe("carol");
    expect(ran.out).toContain(name === "new" ? "is kept for new" : `answers ${String(sends[0])}`);
  });

  test("says which conditions end in a name if several do, and sends nothing", async () => {
    const ran = await cli(["signal", "good", "limit", "1"]);
    expect(ran.code).toBe(2);
    expect(ran.notes).toContain("2 conditions of good end in limit; say which:\n  a/limit\n  b/limit");
    expect(asked.signals).toHaveLength(0);
  });

  test("reads the value as --type says, whatever the condition asks for", async () => {
    expect((await cli(["signal", "good", "a/limit", "5", "--type", "string"])).code).toBe(0);
    expect(asked.signals[0]?.value?.kind).toMatchObject({ case: "stringValue", value: "5" });
  });

  test("sends nothing that has not the condition's type", async () => {
    const ran = await cli(["signal", "good", "approve", "maybe"]);
    expect(ran).toMatchObject({ code: 2 });
    expect(ran.notes).toContain("main/approve asks for a bool: say true or false");
    expect(asked.signals).toHaveLength(0);
  });
});

describe("events", () => {
  test("are told with a cursor to go on from, control characters made harmless", async () => {
    const { out, notes } = await cli(["events"]);
    expect(out).toMatch(/good {2}main {4}info {11}hi \[2J\n/);
    expect(out).not.toContain("\u001b");
    expect(notes).toBe("cursor: c3\n");
  });

  test("are followed until Ctrl-C, which ends with 130", async () => {
    const stop = new AbortController();
    const args = [
      "events",
      "--follow",
      "--json",
      "--frames",
      "--from",
      "c1",
      "--kind",
      "run-ended",
      "--run",
      "good",
    ];
    const { code, out } = await cli(args, {
      signal: stop.signal,
      onOut: () => stop.abort(new Interrupted()),
    });
    expect(code).toBe(130);
    expect(JSON.parse(out)).toMatchObject({
      cursor: "c3",
      events: [{ eventId: "01" }, { eventId: "02" }, { eventId: "03" }],
    });
    expect(asked.watched[0]).toMatchObject({
      filter: { runId: "good", kinds: [15] },
      start: { case: "cursor", value: "c1" },
    });
  });

  test("are followed up to a limit", async () => {
    const { code, out } = await cli(["events", "-f", "--limit", "2", "--json"]);
    expect(code).toBe(0);
    expect(out.trim().split("\n")).toHaveLength(3);
    expect(asked.watched[0]?.start.case).toBe("now");
  });
});

describe("op register", () => {
  const path = join(mkdtempSync(join(tmpdir(), "signalbox-cli-")), "op.json");

  test("registers what a file says", async () => {
    const retry = { maxAttempts: 3, initialBackoffMs: 250 };
    writeFileSync(
      path,
      JSON.stringify({ name: "count", description: "counts", retry, timeouts: { heartbeatMs: 5_000 } }),
    );
    expect((await cli(["op", "register", path])).out).toBe("count is registered, version 2\n");
    expect(asked.registered[0]?.op).toMatchObject({
      name: "count",
      description: "counts",
      retry: { maxAttempts: 3, initialBackoff: { nanos: 250_000_000 } },
      timeouts: { heartbeat: { seconds: 5n } },
    });
  });

  test("tells all that is wrong with a file at once", async () => {
    writeFileSync(path, JSON.stringify({ nam: "count", labels: { a: 1 }, retry: { maxAtempts: 3 } }));
    const { code, notes } = await cli(["op", "register", path]);
    expect(code).toBe(2);
    expect(notes).toContain('the op has no field "nam" (did you mean name?)');
    expect(notes).toContain("the op.labels must be an object of texts");
    expect(notes).toContain('retry has no field "maxAtempts" (did you mean maxAttempts?)');
    expect(asked.registered).toHaveLength(0);
  });
});

describe("an exit code", () => {
  test.each([
    { given: "a cancel that is taken", args: ["cancel", "good"], code: 0, says: "" },
    { given: "what the server declines", args: ["retry", "good"], code: 3, says: "reason: RUN_SUCCEEDED" },
    {
      given: "a bad request",
      args: ["update", "good", "--priority", "1"],
      code: 3,
      says: "priority: too much\n  set_labels: too much",
    },
    {
      given: "what the server fails to do",
      args: ["drain", "w1"],
      code: 5,
      says: "the server failed (INTERNAL): internal error, reference 7",
    },
    { given: "a run that does not exist", args: ["cancel", "nobody"], code: 4, says: "RUN_NOT_FOUND" },
  ])("for $given is $code", async ({ args, code, says }) => {
    const ran = await cli(args);
    expect(ran.notes).toContain(says);
    expect(ran.code).toBe(code);
  });

  test("for a server that is away is 5, and says what to do", async () => {
    const away = await startScriptedServices(() => undefined);
    await away.stop();
    onTestFinished(() => away.stop());
    const ran = await cli(["runs", "--server", away.address, "--patience", "50ms"]);
    expect(ran.code).toBe(5);
    expect(ran.notes).toContain(`no answer from the server at ${away.address}: connect ECONNREFUSED`);
    expect(ran.notes).toContain("signalbox serve");
  });
});
