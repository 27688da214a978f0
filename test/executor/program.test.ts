import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { create } from "@bufbuild/protobuf";
import { durationFromMs } from "@bufbuild/protobuf/wkt";
import { describe, expect, test } from "vitest";
import { LogLevel } from "../../gen/signalbox/v1/event_pb.ts";
import { AttemptReferenceSchema } from "../../gen/signalbox/v1/worker_service_pb.ts";
import { Reference, toValues } from "../../src/client/js-value.ts";
import { assignment } from "../client/worker-script.ts";
import {
  directive,
  foldersOf,
  node,
  openExecutor,
  readStory,
  recordNext,
  runOnce,
  sh,
  temporaryFolder,
} from "./support.ts";

const outputs = 'require("fs").writeFileSync(process.env.SIGNALBOX_OUTPUTS_FILE, JSON.stringify(WHAT))';

/** A program that puts out what an expression says. */
const puts = (expression: string, ...args: string[]) => node(outputs.replace("WHAT", expression), ...args);

describe("a program gets", () => {
  test("arguments in which placeholders are filled in, each as one argument and never through a shell", async () => {
    const op = puts("{ args: process.argv.slice(1) }");
    const argv = [
      ...op.argv,
      "--",
      "{run_id} {action} {attempt}",
      "{input.name}",
      "--size={input.size}",
      "{input.list}",
      "{{{device_indexes}}}",
    ];
    const inputs = toValues({ name: "a b; $(reboot) 'c'", size: 5, list: ["x"] });
    const story = await runOnce({ argv }, { inputs, deviceIndexes: [0, 2] });
    expect(story.outputs).toEqual({
      args: ["r main 1", "a b; $(reboot) 'c'", "--size=5", '["x"]', "{0,2}"],
    });
  });

  test.each([
    { place: "on standard input", inputs: "stdin", path: "0" },
    { place: "in its inputs file", inputs: "file", path: "process.env.SIGNALBOX_INPUTS_FILE" },
    {
      place: "in the file even if it reads the input",
      inputs: "stdin",
      path: "process.env.SIGNALBOX_INPUTS_FILE",
    },
  ])("its inputs as JSON $place", async ({ inputs, path }) => {
    const op = puts(`JSON.parse(require("fs").readFileSync(${path}, "utf8"))`);
    const given = toValues({
      text: "ä",
      big: 2n ** 60n,
      float: 0.5,
      bytes: new Uint8Array([1, 2]),
      file: new Reference({ uri: "s3://b/k", sha256: "ab", sizeBytes: 9 }),
      deep: { list: [1, { a: null }] },
    });
    const story = await runOnce({ ...op, inputs }, { inputs: given });
    expect(story.outputs).toMatchObject({
      text: "ä",
      float: 0.5,
      bytes: new Uint8Array([1, 2]),
      file: new Reference({ uri: "s3://b/k", sha256: "ab", sizeBytes: 9 }),
      deep: { list: [1, { a: null }] },
    });
  });

  test("nothing on standard input if it reads its inputs from the file", async () => {
    const op = { ...puts('{ got: require("fs").readFileSync(0, "utf8") }'), inputs: "file" };
    expect((await runOnce(op, { inputs: toValues({ a: 1 }) })).outputs).toEqual({ got: "" });
  });

  test("an environment of what it is allowed, what the config says, and what it runs for", async () => {
    const op = {
      ...puts("{ environment: process.env }"),
      env: { MODE: "fast" },
      passEnv: ["API_KEY", "NOT_SET"],
    };
    const attempt = create(AttemptReferenceSchema, {
      runId: "r7",
      action: "main/train",
      attempt: 3,
      epoch: 1n,
      namespace: "team-a",
    });
    const { stream } = await openExecutor(op, { environment: { API_KEY: "k", HOME: "/somewhere" } });
    stream.assign({ ...assignment("a"), attempt, deviceIndexes: [1, 4] });
    const environment = (await readStory(stream)).outputs?.["environment"] as Record<string, string>;
    const {
      PATH,
      SIGNALBOX_INPUTS_FILE: inputsFile,
      SIGNALBOX_OUTPUTS_FILE: outputsFile,
      ...rest
    } = environment;
    expect(PATH).toBe(process.env["PATH"]);
    expect([inputsFile, outputsFile]).toEqual([
      expect.stringMatching(/\/r7-main-train_att_3-\w+\/inputs\.json$/),
      expect.stringMatching(/\/outputs\.json$/),
    ]);
    expect(rest).toEqual({
      HOME: "/somewhere",
      MODE: "fast",
      API_KEY: "k",
      SIGNALBOX_RUN_ID: "r7",
      SIGNALBOX_ACTION: "main/train",
      SIGNALBOX_ATTEMPT: "3",
      SIGNALBOX_ATTEMPT_ID: "r7/main/train_att_3",
      SIGNALBOX_NAMESPACE: "team-a",
      SIGNALBOX_OP: "work",
      SIGNALBOX_DEVICE_INDEXES: "1,4",
      CUDA_VISIBLE_DEVICES: "1,4",
    });
  });

  test("no CUDA_VISIBLE_DEVICES if it was given no device", async () => {
    const story = await runOnce(puts("{ has: 'CUDA_VISIBLE_DEVICES' in process.env }"));
    expect(story.outputs).toEqual({ has: false });
  });

  test("a fresh folder for each attempt, which is removed with all that is in it", async () => {
    const op = node(`
      const fs = require("fs");
      const before = fs.readdirSync(".");
      fs.mkdirSync("deep/er", { recursive: true });
      fs.writeFileSync("deep/er/file", "x");
      fs.writeFileSync(process.env.SIGNALBOX_OUTPUTS_FILE, JSON.stringify({ before, cwd: process.cwd() }));
    `);
    const { stream, folders } = await openExecutor(op);
    stream.assign(assignment("a"), assignment("b"));
    const [first, second] = [await readStory(stream), await readStory(stream)];
    expect([first.outputs?.["before"], second.outputs?.["before"]]).toEqual([[], []]);
    expect(first.outputs?.["cwd"]).not.toBe(second.outputs?.["cwd"]);
    expect(foldersOf(folders)).toEqual([]);
  });

  test("the folder that the config says, from where the config is", async () => {
    const base = temporaryFolder();
    mkdirSync(join(base, "here"));
    writeFileSync(join(base, "here", "data.txt"), "found");
    const op = {
      ...sh('printf "{\\"text\\":\\"%s\\"}" "$(cat data.txt)" >"$SIGNALBOX_OUTPUTS_FILE"'),
      cwd: "here",
    };
    expect((await runOnce(op, {}, { base })).outputs).toEqual({ text: "found" });
  });

  test("its folder back if folders are kept", async () => {
    const op = sh("echo kept > note.txt");
    const { stream, folders } = await openExecutor(op, { config: { keepFolders: true } });
    stream.assign(assignment("a", { inputs: toValues({ x: 1 }) }));
    await readStory(stream);
    const [folder = ""] = foldersOf(folders);
    expect(readFileSync(join(folder, "work/note.txt"), "utf8")).toBe("kept\n");
    expect(readFileSync(join(folder, "inputs.json"), "utf8")).toBe('{"x":1}');
  });
});

describe("a program that ends with 0", () => {
  test("and writes no outputs puts out its exit code", async () => {
    expect((await runOnce(sh("true"))).outputs).toEqual({ exit_code: 0 });
  });

  test("and does not read its inputs has succeeded all the same", async () => {
    const inputs = toValues({ large: "x".repeat(1_000_000) });
    expect((await runOnce(sh("true"), { inputs })).outputs).toEqual({ exit_code: 0 });
  });

  test.each([
    { given: "no file although one is required", script: "true", type: "OutputMissing", isForGood: false },
    { given: "what is no JSON", script: 'echo "{" >"$F"', type: "OutputInvalid", isForGood: true },
    { given: "a list", script: 'echo "[1]" >"$F"', type: "OutputInvalid", isForGood: true },
    {
      given: "what is no UTF-8",
      script: `printf '{"a":"\\377"}' >"$F"`,
      type: "OutputInvalid",
      isForGood: true,
    },
    { given: "a link", script: 'ln -s /etc/hostname "$F"', type: "OutputInvalid", isForGood: true },
    { given: "a pipe", script: 'mkfifo "$F"', type: "OutputInvalid", isForGood: true },
    { given: "a folder", script: 'mkdir "$F"', type: "OutputInvalid", isForGood: true },
    {
      given: "5 MB",
      script: `printf '{"a":"' >"$F"; head -c 5000000 /dev/zero | tr '\\0' x >>"$F"; printf '"}' >>"$F"`,
      type: "OutputTooLarge",
      isForGood: true,
    },
    {
      given: "more than 1 MiB of outputs",
      script: `printf '{"a":"' >"$F"; head -c 2000000 /dev/zero | tr '\\0' x >>"$F"; printf '"}' >>"$F"`,
      type: "OutputTooLarge",
      isForGood: true,
    },
    { given: "no name of an output", script: `echo '{"":1}' >"$F"`, type: "OutputInvalid", isForGood: true },
  ])("and writes $given has failed with $type", async ({ script, type, isForGood }) => {
    const op = { ...sh(`F="$SIGNALBOX_OUTPUTS_FILE"; ${script}`), outputs: "required" };
    expect((await runOnce(op)).failed).toMatchObject({ type, nonRetryable: isForGood });
  });

  test("puts out whole numbers with all their digits", async () => {
    const text = '{"big":1152921504606846977,"near":3,"deep":[1152921504606846977]}';
    const story = await runOnce(sh(`echo '${text}' >"$SIGNALBOX_OUTPUTS_FILE"`));
    expect(story.outputs).toEqual({ big: 1152921504606846977n, near: 3, deep: [2 ** 60] });
  });
});

describe("a program fails", () => {
  test("with the type ExitCode and its last lines of standard error", async () => {
    const story = await runOnce(sh("for n in $(seq 30); do echo line $n >&2; done; exit 7"));
    expect(story.failed).toMatchObject({ type: "ExitCode", nonRetryable: false });
    expect(story.failed?.message).toMatch(/^exit code 7: line 21\n.*line 30$/s);
    expect(story.failed?.stack).toContain("line 1\n");
  });

  test("with its exit code alone if it said nothing", async () => {
    expect((await runOnce(sh("exit 3"))).failed?.message).toBe("exit code 3");
  });

  test("with the type Signal if a signal ended it", async () => {
    const story = await runOnce(sh("echo oops >&2; kill -s SEGV $$"));
    expect(story.failed).toMatchObject({ type: "Signal", message: "ended by SIGSEGV: oops" });
  });

  test.each([
    { forGood: false, ends: "exit 1" },
    { forGood: true, ends: "exit 0" },
  ])("with the error that it says itself, for good: $forGood, however it ends", async ({ forGood, ends }) => {
    const error = { type: "BadWidth", message: "0 is no width", non_retryable: forGood };
    const story = await runOnce(sh(`echo '${directive({ error })}'; echo more >&2; ${ends}`));
    const { type, message, stack, nonRetryable } = story.failed ?? {};
    expect([type, message, stack, nonRetryable]).toEqual(["BadWidth", "0 is no width", "more", forGood]);
  });

  test("with InputMissing for good if an argument asks for what there is not", async () => {
    const story = await runOnce({ argv: ["true", "{input.width}"] });
    expect(story.failed).toMatchObject({ type: "InputMissing", nonRetryable: true });
  });

  test.each([
    { given: "a NUL", value: "a\0b", type: "InputInvalid" },
    { given: "200 KB", value: "x".repeat(200_000), type: "InputTooLarge" },
  ])("with $type for good if an argument would have $given", async ({ value, type }) => {
    const inputs = toValues({ value });
    const story = await runOnce({ argv: ["true", "{input.value}"] }, { inputs });
    expect(story.failed).toMatchObject({ type, nonRetryable: true });
  });

  test("with ProgramUnavailable if it is not there any more", async () => {
    const base = temporaryFolder();
    const path = join(base, "tool");
    writeFileSync(path, "#!/no/such/interpreter\n", { mode: 0o755 });
    const story = await runOnce({ argv: ["./tool"] }, {}, { base });
    expect(story.failed).toMatchObject({ type: "ProgramUnavailable", nonRetryable: false });
  });
});

describe("a line of output", () => {
  test("is a log line: standard output info, standard error warn, and error if it says so", async () => {
    const { INFO, WARN, ERROR } = LogLevel;
    const story = await runOnce(sh("echo one; echo two >&2; echo 'Error: three' >&2; printf four"));
    expect(new Set(story.logs.map(({ level, message }) => `${level} ${message}`))).toEqual(
      new Set([`${INFO} one`, `${WARN} two`, `${ERROR} Error: three`, `${INFO} four`]),
    );
  });

  test("that is a directive is what it says", async () => {
    const event = { type: "checkpoint", attributes: { epoch: "3" }, payload: { loss: 0.5 } };
    const lines = [
      directive({ progress: 40, message: "rows" }),
      directive({ log: "careful", level: "debug" }),
      directive({ event }),
      directive({ heartbeat: true }),
    ];
    const story = await runOnce(node(`for (const line of ${JSON.stringify(lines)}) console.log(line);`));
    expect(story).toMatchObject({
      progress: [{ percent: 40, message: "rows" }],
      logs: [{ level: LogLevel.DEBUG, message: "careful" }],
      events: [{ source: "work", type: "checkpoint", attributes: { epoch: "3" } }],
      heartbeatCount: 1,
      outputs: { exit_code: 0 },
    });
  });

  test("that is a wrong directive is left out with a warning, and the attempt goes on", async () => {
    const lines = [
      "::signalbox {",
      directive({ progress: 101 }),
      directive({ event: { type: "x", colour: 1 } }),
    ];
    const story = await runOnce(node(`for (const line of ${JSON.stringify(lines)}) console.log(line);`));
    expect(story.logs.map(({ message }) => message)).toEqual([
      "a directive was left out: it is no JSON: {",
      'a directive was left out: progress is a number from 0 to 100: {"progress":101}',
      'a directive was left out: event has no field colour: {"event":{"type":"x","colour":1}}',
    ]);
    expect(story.outputs).toEqual({ exit_code: 0 });
  });

  test("that is an event the contract refuses is left out with a warning", async () => {
    const line = directive({ event: { type: "x", attributes: { "a b": "c" } } });
    const story = await runOnce(sh(`echo '${line}'`));
    expect(story.logs.map(({ message }) => message)).toEqual([
      expect.stringMatching(/^an event was left out: /),
    ]);
    expect(story.events).toEqual([]);
  });

  test("on standard error is no directive", async () => {
    const story = await runOnce(sh(`echo '${directive({ progress: 5 })}' >&2`));
    expect([story.progress, story.logs.length]).toEqual([[], 1]);
  });

  test("is told before the end, although nothing ends it", async () => {
    const story = await runOnce(sh("printf 'no end'; exit 1"));
    expect(story.logs.map(({ message }) => message)).toEqual(["no end"]);
  });
});

test("a flood of lines is joined and dropped with a count, and every line is accounted for", async () => {
  const lineCount = 2_000_000;
  const { stream } = await openExecutor(sh(`seq ${lineCount}`));
  stream.assign(assignment("main"));
  const { logs, outputs: put } = await readStory(stream);
  const missing = logs.flatMap(({ message }) => /^(\d+) lines are missing here/.exec(message)?.[1] ?? []);
  const kept = logs.flatMap(({ message }) => (/missing/.test(message) ? [] : message.split("\n")));
  expect(kept.length + missing.reduce((sum, count) => sum + Number(count), 0)).toBe(lineCount);
  expect(kept).toEqual(kept.toSorted((a, b) => Number(a) - Number(b)));
  expect(logs.length).toBeLessThan(2_000);
  expect(put).toEqual({ exit_code: 0 });
});

test("a program whose events are not recorded waits on its pipe", async () => {
  const count = 20_000;
  const line = directive({ event: { type: "tick" } });
  const op = sh(`yes '${line}' | head -n ${count}; echo done`);
  const { stream } = await openExecutor(op);
  stream.assign(assignment("main"));
  const unrecorded = [await stream.report()];
  // Pulses go on meanwhile; by then the program would long have said everything.
  await stream.pulses(3);
  while (stream.count("report") > 0) unrecorded.push(await stream.report());
  expect(unrecorded.length).toBeLessThan(500);
  stream.record(...unrecorded);
  const story = await readStory(stream);
  const eventCount = unrecorded.filter(({ content }) => content.case === "event").length;
  expect(story.events.length + eventCount).toBe(count);
  expect(story.logs.map(({ message }) => message)).toEqual(["done"]);
});

test("a silent program is not beaten for, and a log line breaks its silence", async () => {
  const op = sh(`echo awake; read -r _ < "$SIGNALBOX_INPUTS_FILE"; exec sleep 1000`);
  const { stream } = await openExecutor(op);
  stream.assign(assignment("main", { heartbeatTimeout: durationFromMs(60) }));
  expect((await recordNext(stream)).content).toMatchObject({ case: "log", value: { message: "awake" } });
  await stream.pulses(2);
  expect(stream.count("report")).toBe(0);
});
