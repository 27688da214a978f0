import { existsSync, mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { create } from "@bufbuild/protobuf";
import { describe, expect, test } from "vitest";
import { AttemptReferenceSchema } from "../../gen/signalbox/v1/worker_service_pb.ts";
import { type JsValues, Reference, toValues } from "../../src/client/js-value.ts";
import { assignment } from "../client/worker-script.ts";
import { errorFile, FlyteFolder, outputsFile, shell } from "./flyte-support.ts";
import { cancel, foldersOf, nextEvent, openExecutor, readStory, temporaryFolder } from "./support.ts";

/** Writes what the shell is given to a file of the attempt's outputs. */
const showWords = (out: string) => `for word in "$@"; do printf '%s\\n' "$word"; done >"${out}/words"`;

type Executor = Awaited<ReturnType<typeof openExecutor>>;

/** A worker for Flyte, beside an op that nobody uses. */
function open(settings: object = {}, environment: Readonly<Record<string, string>> = {}): Promise<Executor> {
  return openExecutor({ argv: ["true"] }, { config: { flyte: settings }, environment });
}

/** Runs an attempt of a Flyte task to its end. */
async function runTask(
  { stream }: Executor,
  inputs: JsValues,
  { action = "a0", attempt = 1, namespace = "p--d" } = {},
) {
  stream.assign(flyteAssignment(inputs, { action, attempt, namespace }));
  return await readStory(stream);
}

/** Runs a task with one output that writes files and ends as said. */
async function endAs(
  end: string,
  files: { readonly outputs?: string | undefined; readonly error?: string | undefined },
) {
  const folder = new FlyteFolder(temporaryFolder());
  const writes = Object.entries(files).map(([name, bytes]) =>
    bytes === undefined ? "" : `printf '${bytes}' >"$1/${name}.pb";`,
  );
  const spec = folder.putTemplate({
    interface: { outputs: { variables: [{ key: "o0", value: {} }] } },
    target: { case: "container", value: shell(`${writes.join(" ")} ${end}`, "{{.outputPrefix}}") },
  });
  return await runTask(await open(), folder.inputs(spec));
}

function flyteAssignment(inputs: JsValues, { action = "a0", attempt = 1, namespace = "p--d" } = {}) {
  const reference = create(AttemptReferenceSchema, { runId: "r", action, attempt, epoch: 1n, namespace });
  return {
    ...assignment(action, { op: "flyte", inputs: toValues(inputs, "the input") }),
    attempt: reference,
  };
}

describe("a task of Flyte", () => {
  test("runs the command of its container with its placeholders filled, and has succeeded", async () => {
    const folder = new FlyteFolder(temporaryFolder());
    const spec = folder.putTask(
      shell(
        showWords("$1"),
        "{{.outputPrefix}}",
        "{{.input}}",
        "{{ .rawOutputDataPrefix }}",
        "{{.checkpointOutputPrefix}}",
        "[{{.prevCheckpointPrefix}}]",
        "{{.runName}}/{{  .actionName  }}",
        "{{.runStartTime}}",
        "{{.inputs.x}} {{ jinja }}",
      ),
    );
    const story = await runTask(await open(), folder.inputs(spec), { action: "a0/x1" });
    const prefix = join(folder.runBase, "x1", "1");
    expect(story.outputs).toEqual({ output_uri: prefix });
    expect(folder.read("x1", 1, "words").trimEnd().split("\n")).toEqual([
      prefix,
      join(folder.path, "inputs", "inputs.pb"),
      join(prefix, "raw"),
      join(prefix, "checkpoint"),
      "[]",
      "r/x1",
      "2026-01-02T00:00:00.000Z",
      "{{.inputs.x}} {{ jinja }}",
    ]);
    expect(existsSync(join(prefix, "raw"))).toBe(true);
  });

  test("gets what the SDK looks for in its environment, and nothing of the worker's that is not named", async () => {
    const folder = new FlyteFolder(temporaryFolder());
    const spec = folder.putTask({
      ...shell('env >"$1/env"', "{{.outputPrefix}}"),
      env: [
        { key: "FROM_TASK", value: "task" },
        { key: "FROM_BOTH", value: "task" },
      ],
    });
    const runSpec = folder.putRun({ FROM_RUN: "run", FROM_BOTH: "run", RUN_NAME: "not this" });
    const settings = { env: { FROM_TASK: "worker", FROM_WORKER: "worker" }, passEnv: ["NAMED"] };
    const executor = await open(settings, { NAMED: "handed on" });
    const story = await runTask(executor, folder.inputs(spec, runSpec), { action: "a0/x1", attempt: 2 });
    expect(story.failed).toBeUndefined();
    const lines = folder.read("x1", 2, "env").trimEnd().split("\n");
    expect(Object.fromEntries(lines.map((line) => [line.split("=")[0], line.split("=")[1]]))).toMatchObject({
      ACTION_NAME: "x1",
      RUN_NAME: "r",
      _U_RUN_BASE: folder.runBase,
      _U_ORG_NAME: "acme",
      _U_EP_OVERRIDE: executor.server.address.replace("http://", ""),
      _U_INSECURE: "true",
      _U_USE_ACTIONS: "1",
      FLYTE_INTERNAL_EXECUTION_PROJECT: "p",
      FLYTE_INTERNAL_EXECUTION_DOMAIN: "d",
      FLYTE_ATTEMPT_NUMBER: "1",
      FSSPEC_FILE_AUTO_MKDIR: "1",
      FROM_TASK: "task",
      FROM_RUN: "run",
      FROM_BOTH: "run",
      FROM_WORKER: "worker",
      NAMED: "handed on",
    });
    expect(lines.join("\n")).not.toContain("SECRET");
  });

  test("has an organization, although nobody says one", async () => {
    const folder = new FlyteFolder(temporaryFolder());
    const spec = folder.putTask(shell('printf %s "$_U_ORG_NAME" >"$1/org"', "{{.outputPrefix}}"));
    const { task: _, ...inputs } = folder.inputs(spec);
    await runTask(await open(), inputs);
    expect(folder.read("a0", 1, "org")).toBe("signalbox");
  });

  test("takes its program from the virtual environment that the worker was given", async () => {
    const venv = temporaryFolder();
    mkdirSync(join(venv, "bin"));
    const script = '#!/bin/sh\nprintf "%s %s" "$VIRTUAL_ENV" "$(command -v a0)" >"$2/ran"\n';
    writeFileSync(join(venv, "bin", "a0"), script, { mode: 0o755 });
    const folder = new FlyteFolder(temporaryFolder());
    const spec = folder.putTask({ args: ["a0", "--outputs-path", "{{.outputPrefix}}"] });
    const story = await runTask(await open({ venv }), folder.inputs(spec));
    expect(story.failed).toBeUndefined();
    expect(folder.read("a0", 1, "ran")).toBe(`${venv} ${join(venv, "bin", "a0")}`);
  });

  test("runs in a folder of its own, which is gone when it has ended", async () => {
    const folder = new FlyteFolder(temporaryFolder());
    const spec = folder.putTask(shell('pwd >"$1/where"; ls -A >>"$1/where"', "{{.outputPrefix}}"));
    const executor = await open();
    await runTask(executor, folder.inputs(spec));
    const [where = "", ...rest] = folder.read("a0", 1, "where").trimEnd().split("\n");
    expect([where.startsWith(executor.folders), rest]).toEqual([true, []]);
    expect(foldersOf(executor.folders)).toEqual([]);
  });

  test("of a pod runs the pod's primary container", async () => {
    const folder = new FlyteFolder(temporaryFolder());
    const containers = [
      { name: "beside", command: ["false"] },
      {
        name: "main",
        command: ["sh", "-c", 'printf %s "$WORD" >"$1/word"', "sh"],
        args: ["{{.outputPrefix}}"],
        env: [{ name: "WORD", value: "pod" }],
      },
    ];
    const value = { podSpec: { containers }, primaryContainerName: "main" };
    const spec = folder.putTemplate({ target: { case: "k8sPod", value } });
    expect((await runTask(await open(), folder.inputs(spec))).failed).toBeUndefined();
    expect(folder.read("a0", 1, "word")).toBe("pod");
  });

  test("is read from file URIs too, and a folder of inputs stands for the file in it", async () => {
    const folder = new FlyteFolder(temporaryFolder());
    mkdirSync(join(folder.path, "inputs"));
    const { uri } = folder.putTask(shell(showWords("$1"), "{{.outputPrefix}}", "{{.input}}"));
    const inputs = {
      ...folder.inputs(new Reference({ uri: `file://${uri}` })),
      input_uri: join(folder.path, "inputs"),
      run_output_base: `file://${folder.runBase}`,
    };
    expect((await runTask(await open(), inputs)).failed).toBeUndefined();
    const input = join(folder.path, "inputs", "inputs.pb");
    expect(folder.read("a0", 1, "words")).toBe(`${join(folder.runBase, "a0", "1")}\n${input}\n`);
  });

  test("says what it prints as log lines", async () => {
    const folder = new FlyteFolder(temporaryFolder());
    const spec = folder.putTask(shell("echo to out; echo to err >&2"));
    const { logs } = await runTask(await open(), folder.inputs(spec));
    expect(logs.map(({ message }) => message).sort()).toEqual(["to err", "to out"]);
  });
});

describe("a task of Flyte that fails", () => {
  test.each([
    { isRecoverable: true, exit: 0 },
    { isRecoverable: false, exit: 0 },
    { isRecoverable: true, exit: 1 },
  ])(
    "with an error file ($isRecoverable) and exit code $exit has failed with what that says",
    async (row) => {
      const { isRecoverable, exit } = row;
      const folder = new FlyteFolder(temporaryFolder());
      const bytes = errorFile("ValueError", "this is wrong", isRecoverable);
      const script = `echo trace >&2; printf '${bytes}' >"$1/error.pb"; exit ${exit}`;
      const { failed } = await runTask(
        await open(),
        folder.inputs(folder.putTask(shell(script, "{{.outputPrefix}}"))),
      );
      expect(failed).toMatchObject({
        type: "ValueError",
        message: "this is wrong",
        stack: "trace",
        nonRetryable: !isRecoverable,
      });
    },
  );

  test.each([
    {
      given: "an exit code",
      script: "echo bad luck >&2; exit 3",
      type: "ExitCode",
      message: "exit code 3: bad luck",
    },
    { given: "a signal", script: "kill -KILL $$", type: "Signal", message: "ended by SIGKILL" },
    {
      given: "an error file that makes no sense",
      script: `printf '\\377\\377' >"$1/error.pb"`,
      type: "ErrorInvalid",
      message: "the task has failed, and not said how",
    },
  ])("with $given has failed, and may be tried again", async ({ script, type, message }) => {
    const folder = new FlyteFolder(temporaryFolder());
    const spec = folder.putTask(shell(script, "{{.outputPrefix}}"));
    const { failed } = await runTask(await open(), folder.inputs(spec));
    expect(failed).toMatchObject({ type, nonRetryable: false });
    expect(failed?.message).toContain(message);
  });

  test.each([
    { given: "kill -ABRT $$", says: "a signal" },
    { given: "exit 134", says: "a shell" },
  ])("only by aborting once its outputs are complete has succeeded, as $says tells it", async ({ given }) => {
    const story = await endAs(given, { outputs: outputsFile("o0") });
    expect(story.failed).toBeUndefined();
    expect(story.outputs).toHaveProperty("output_uri");
    expect(story.logs.some(({ message }) => message.includes("aborted after its work"))).toBe(true);
  });

  test.each([
    { given: "an output missing", end: "kill -ABRT $$", outputs: outputsFile(), type: "Signal" },
    { given: "outputs cut short", end: "kill -ABRT $$", outputs: "\\377", type: "Signal" },
    { given: "no outputs", end: "kill -ABRT $$", outputs: undefined, type: "Signal" },
    { given: "another signal", end: "kill -KILL $$", outputs: outputsFile("o0"), type: "Signal" },
    { given: "an exit code", end: "exit 1", outputs: outputsFile("o0"), type: "ExitCode" },
    { given: "an error file", end: "kill -ABRT $$", outputs: outputsFile("o0"), type: "Bad" },
  ])("with $given beside its outputs has failed, as $type", async ({ end, outputs, type }) => {
    const error = type === "Bad" ? errorFile("Bad", "it is", true) : undefined;
    const story = await endAs(end, { outputs, error });
    expect(story.failed?.type).toBe(type);
  });

  test("does not fail a later process of the same attempt by the error file it left", async () => {
    const folder = new FlyteFolder(temporaryFolder());
    mkdirSync(join(folder.runBase, "a0", "1"), { recursive: true });
    writeFileSync(join(folder.runBase, "a0", "1", "error.pb"), "left behind");
    const { outputs } = await runTask(await open(), folder.inputs(folder.putTask(shell("exit 0"))));
    expect(outputs).toEqual({ output_uri: join(folder.runBase, "a0", "1") });
  });

  test("gets a new folder for each attempt, and the checkpoint of the last one that left one", async () => {
    const folder = new FlyteFolder(temporaryFolder());
    const script = `printf %s "$3" >"$1/before"; [ -n "$3" ] || echo saved >"$2"`;
    const places = ["{{.outputPrefix}}", "{{.checkpointOutputPrefix}}", "{{.prevCheckpointPrefix}}"];
    const inputs = folder.inputs(folder.putTask(shell(script, ...places)));
    const executor = await open();
    for (const attempt of [1, 2, 4]) await runTask(executor, inputs, { attempt });
    const first = join(folder.runBase, "a0", "1", "checkpoint");
    expect([1, 2, 4].map((attempt) => folder.read("a0", attempt, "before"))).toEqual(["", first, first]);
  });

  test.runIf(process.platform === "linux")("for its container's memory limit says so", async () => {
    const folder = new FlyteFolder(temporaryFolder());
    const hog = "const held = []; setInterval(() => held.push(Buffer.alloc(16e6, 1)), 20);";
    const spec = folder.putTask({
      args: [process.execPath, "-e", hog],
      resources: { limits: [{ name: 3, value: "200Mi" }] },
    });
    const { failed } = await runTask(await open(), folder.inputs(spec));
    expect(failed).toMatchObject({ type: "MemoryExceeded", nonRetryable: false });
    expect(failed?.message).toContain("at most 200 MB may be");
  });
});

describe("a task of Flyte that cannot be run", () => {
  const command = (folder: FlyteFolder) => folder.inputs(folder.putTask(shell("exit 0")));

  test.each([
    {
      given: "without a spec",
      inputs: (folder: FlyteFolder) => ({ run_output_base: folder.runBase }),
      failed: { type: "SpecInvalid", nonRetryable: true },
    },
    {
      given: "whose spec is not on this machine",
      inputs: (folder: FlyteFolder) => folder.inputs(new Reference({ uri: join(folder.path, "gone") })),
      failed: { type: "SpecMissing", nonRetryable: false },
    },
    {
      given: "whose spec is elsewhere",
      inputs: (folder: FlyteFolder) => folder.inputs(new Reference({ uri: "s3://bucket/spec" })),
      failed: { type: "SpecInvalid", nonRetryable: true },
    },
    {
      given: "whose spec was changed",
      inputs: (folder: FlyteFolder) => {
        const { uri } = folder.putTask(shell("exit 0"));
        return folder.inputs(new Reference({ uri, sha256: "0".repeat(64) }));
      },
      failed: { type: "SpecInvalid", nonRetryable: true },
    },
    {
      given: "whose spec is none",
      inputs: (folder: FlyteFolder) => folder.inputs(folder.put(Buffer.from([255]))),
      failed: { type: "SpecInvalid", nonRetryable: true },
    },
    {
      given: "without a container",
      inputs: (folder: FlyteFolder) => folder.inputs(folder.putTemplate({ type: "dask" })),
      failed: { type: "SpecUnsupported", nonRetryable: true },
    },
    {
      given: "without a command",
      inputs: (folder: FlyteFolder) => folder.inputs(folder.putTask({ image: "python" })),
      failed: { type: "SpecUnsupported", nonRetryable: true },
    },
    {
      given: "whose program is not here",
      inputs: (folder: FlyteFolder) => folder.inputs(folder.putTask({ args: ["no-such-tool"] })),
      failed: { type: "ProgramUnavailable", nonRetryable: false },
    },
    {
      given: "whose outputs go elsewhere",
      inputs: (folder: FlyteFolder) => ({ ...command(folder), run_output_base: "s3://bucket/runs" }),
      failed: { type: "OutputUnsupported", nonRetryable: true },
    },
    {
      given: "whose folder cannot be made",
      inputs: (folder: FlyteFolder) => {
        writeFileSync(join(folder.path, "file"), "");
        return { ...command(folder), run_output_base: join(folder.path, "file", "runs") };
      },
      failed: { type: "FolderFailed", nonRetryable: false },
    },
    {
      given: "with a variable that has no name",
      inputs: (folder: FlyteFolder) =>
        folder.inputs(folder.putTask({ ...shell("exit 0"), env: [{ key: "", value: "x" }] })),
      failed: { type: "SpecInvalid", nonRetryable: true },
    },
  ])("$given has failed and says why", async ({ inputs, failed }) => {
    const folder = new FlyteFolder(temporaryFolder());
    const story = await runTask(await open(), inputs(folder));
    expect(story.failed).toMatchObject(failed);
  });
});

test("a cancel ends a task of Flyte with all that it started, once the grace is over", async () => {
  const folder = new FlyteFolder(temporaryFolder());
  const script = `trap '' TERM; echo '::signalbox {"event":{"type":"up"}}'; while :; do sleep 0.05; done`;
  const { stream, folders } = await open({ graceMs: 200 });
  stream.assign(flyteAssignment(folder.inputs(folder.putTask(shell(script))), { namespace: "" }));
  await nextEvent(stream);
  cancel(stream, "a0");
  expect((await readStory(stream)).stopped).toContain("was ended by SIGKILL");
  expect(foldersOf(folders)).toEqual([]);
  expect(readdirSync(join(folder.runBase, "a0"))).toEqual(["1"]);
});

test("a task of Flyte that ends by itself when it is cancelled is not ended by a signal", async () => {
  const folder = new FlyteFolder(temporaryFolder());
  const script = `trap 'echo term >"$1/term"; exit 1' TERM
    echo '::signalbox {"event":{"type":"up"}}'; sleep 0.3; exit 0`;
  const { stream } = await open({ graceMs: 4_000 });
  const inputs = folder.inputs(folder.putTask(shell(script, "{{.outputPrefix}}")));
  stream.assign(flyteAssignment(inputs, { namespace: "" }));
  await nextEvent(stream);
  cancel(stream, "a0");
  await readStory(stream);
  expect(readdirSync(join(folder.runBase, "a0", "1"))).not.toContain("term");
});
