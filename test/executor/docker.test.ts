import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { create } from "@bufbuild/protobuf";
import { describe, expect, onTestFinished, test } from "vitest";
import { ResourcesSchema } from "../../gen/signalbox/v1/resource_pb.ts";
import { type Reference, toValues } from "../../src/client/js-value.ts";
import { nameContainer, nameNothing, Sentinel } from "../../src/executor/process/sentinel.ts";
import { assignment, within } from "../client/worker-script.ts";
import { FlyteFolder, shell } from "./flyte-support.ts";
import {
  cancel,
  foldersOf,
  isRunning,
  nextEvent,
  openExecutor,
  readStory,
  temporaryFolder,
} from "./support.ts";

/**
 * Engines are rare where tests run: a script in the place of the docker client records what it is asked and
 * runs the command on this machine. What it cannot show, such as that an engine keeps to a limit, is the
 * engine's part.
 */
async function openWithDocker(
  op: Readonly<Record<string, unknown>>,
  more: {
    readonly environment?: Readonly<Record<string, string>>;
    readonly config?: Readonly<Record<string, unknown>>;
  } = {},
) {
  const folder = temporaryFolder();
  const bin = join(folder, "bin");
  mkdirSync(bin);
  copyFileSync(join(import.meta.dirname, "docker-stand-in.sh"), join(bin, "docker"));
  const record = join(folder, "record");
  const opened = await openExecutor(
    { kind: "docker", allowImages: ["trainer:*"], ...op },
    {
      environment: { PATH: `${bin}:${process.env["PATH"]}`, STAND_IN_RECORD: record, ...more.environment },
      config: { workerId: "w1", ...more.config },
    },
  );
  const calls = () =>
    existsSync(record)
      ? readFileSync(record, "utf8")
          .split("\t\n")
          .filter((line) => line !== "")
          .map((line) => line.split("\t"))
      : [];
  return { ...opened, calls };
}

const image = "trainer:1.2";

/** A program of a container: `sh` with the script, whose braces are its own. */
const sh = (script: string, ...args: string[]) => ({
  argv: ["sh", "-c", script.replaceAll("{", "{{").replaceAll("}", "}}"), "sh", ...args],
});

describe("a container", () => {
  test("is run from the image of the assignment, with what the attempt asked for and was given", async () => {
    const { stream, calls } = await openWithDocker(
      {
        argv: ["sh", "-c", "true", "{input.epochs}", "{inputs_file}", "{folder}"],
        env: { MODE: "fast", PATH: "/bin" },
        passEnv: ["API_KEY"],
        dockerArguments: ["--network", "none"],
      },
      { environment: { API_KEY: "k" } },
    );
    const resources = create(ResourcesSchema, { cpu: 1.5, ramMb: 512n });
    const inputs = toValues({ epochs: 3 });
    stream.assign(assignment("main", { image, resources, inputs, deviceIndexes: [0, 2] }));
    expect((await readStory(stream)).outputs).toEqual({ exit_code: 0 });
    const [argv = []] = calls();
    const name = argv[argv.indexOf("--name") + 1] ?? "";
    const folder = argv[argv.indexOf("-v") + 1]?.split(":")[0];
    expect(name).toMatch(/^signalbox-r_att_1-[0-9a-f]{8}$/);
    const user = process.getuid?.() === 0 ? [] : ["--user", `${process.getuid?.()}:${process.getgid?.()}`];
    expect(argv).toEqual([
      ...["run", "--rm", "--init", "--interactive", "--name", name],
      ...["--label", "signalbox.run=r"],
      ...["--label", "signalbox.action=main"],
      ...["--label", "signalbox.attempt=1"],
      ...["--label", "signalbox.namespace=default"],
      ...["--label", "signalbox.worker=w1"],
      ...["--memory", "512m", "--memory-swap", "512m"],
      ...["--cpus", "1.5"],
      ...["--gpus", '"device=0,2"'],
      ...["-e", "API_KEY", "-e", "MODE", "-e", "PATH=/bin"],
      ...["-e", "SIGNALBOX_RUN_ID=r"],
      ...["-e", "SIGNALBOX_ACTION=main"],
      ...["-e", "SIGNALBOX_ATTEMPT=1"],
      ...["-e", "SIGNALBOX_ATTEMPT_ID=r_att_1"],
      ...["-e", "SIGNALBOX_NAMESPACE=default"],
      ...["-e", "SIGNALBOX_OP=work"],
      ...["-e", "SIGNALBOX_INPUTS_FILE=/signalbox/inputs.json"],
      ...["-e", "SIGNALBOX_OUTPUTS_FILE=/signalbox/outputs.json"],
      ...["-e", "SIGNALBOX_DEVICE_INDEXES=0,2"],
      ...user,
      ...["-v", `${folder}:/signalbox`, "-w", "/signalbox/work"],
      ...["--network", "none"],
      ...[image, "sh", "-c", "true", "3", "/signalbox/inputs.json", "/signalbox"],
    ]);
  });

  test("asks for no memory, cores or devices that nobody asked for", async () => {
    const { stream, calls } = await openWithDocker({ ...sh("true"), inputs: "file" });
    stream.assign(assignment("main", { image }));
    await readStory(stream);
    const options = ["--memory", "--cpus", "--gpus", "--interactive"];
    expect(calls()[0]?.filter((argument) => options.includes(argument))).toEqual([]);
  });

  test.each([
    { given: "the config", memoryMb: 100, ramMb: 200n, gives: "100m" },
    { given: "the task", memoryMb: 300, ramMb: 200n, gives: "200m" },
  ])("has no more memory than $given says", async ({ memoryMb, ramMb, gives }) => {
    const { stream, calls } = await openWithDocker({ ...sh("true"), memoryMb });
    stream.assign(assignment("main", { image, resources: create(ResourcesSchema, { ramMb }) }));
    await readStory(stream);
    expect(calls()[0]?.[calls()[0]!.indexOf("--memory") + 1]).toBe(gives);
  });

  test("with one device names it alone", async () => {
    const { stream, calls } = await openWithDocker(sh("true"));
    stream.assign(assignment("main", { image, deviceIndexes: [3] }));
    await readStory(stream);
    expect(calls()[0]?.[calls()[0]!.indexOf("--gpus") + 1]).toBe("device=3");
  });

  test("reads its inputs, reports by lines and puts out a file like a process", async () => {
    const script = `echo '::signalbox {"progress":40}'; cat >"$SIGNALBOX_OUTPUTS_FILE"`;
    const { stream, folders } = await openWithDocker(sh(script));
    stream.assign(assignment("main", { image, inputs: toValues({ a: 1 }) }));
    expect(await readStory(stream)).toMatchObject({ progress: [{ percent: 40 }], outputs: { a: 1 } });
    expect(foldersOf(folders)).toEqual([]);
  });

  test.each([
    { image: "", says: "neither the op nor its task names an image" },
    { image: "miner:1", says: "the image miner:1 is none of those that this worker allows: trainer:*" },
    { image: "--privileged", says: '"--privileged" is no reference to an image' },
  ])("of the image '$image' is not run", async ({ image: refused, says }) => {
    const { stream, calls } = await openWithDocker(sh("true"));
    stream.assign(assignment("main", { image: refused }));
    expect((await readStory(stream)).failed).toMatchObject({ type: "ImageRefused", message: says });
    expect(calls()).toEqual([]);
  });

  test.each([
    { code: 125, type: "EngineFailed" },
    { code: 127, type: "ProgramUnavailable" },
    { code: 137, type: "Signal" },
    { code: 139, type: "Signal" },
    { code: 3, type: "ExitCode" },
  ])("that ends with $code has failed with $type", async ({ code, type }) => {
    const { stream } = await openWithDocker(sh(`echo why >&2; exit ${code}`));
    stream.assign(assignment("main", { image }));
    const { failed } = await readStory(stream);
    expect(failed?.type).toBe(type);
    expect(failed?.message).toMatch(/: why$/);
  });
});

describe("a cancel of a container", () => {
  const running = `echo '::signalbox {"event":{"type":"pid","attributes":{"pid":"'$$'"}}}'; sleep 1000 & wait`;

  async function openRunning(op: Readonly<Record<string, unknown>>, environment?: Record<string, string>) {
    const opened = await openWithDocker(op, environment);
    opened.stream.assign(assignment("main", { image }));
    const pid = Number((await nextEvent(opened.stream)).attributes["pid"]);
    onTestFinished(() => {
      if (isRunning(pid)) process.kill(pid, "SIGKILL");
    });
    const name = opened.calls()[0]?.[opened.calls()[0]!.indexOf("--name") + 1] ?? "";
    return { ...opened, pid, name };
  }

  test("asks the engine to stop it, with the grace in seconds", async () => {
    const { stream, calls, name, pid } = await openRunning({ ...sh(running), graceMs: 3_500 });
    cancel(stream, "main");
    expect((await readStory(stream)).stopped).toContain("was asked to end");
    expect(calls().slice(1)).toEqual([["stop", "-t", "4", name]]);
    expect(isRunning(pid)).toBe(false);
  });

  test("kills it if the engine could not stop it", async () => {
    const stubborn = `trap '' TERM; ${running}`;
    const { stream, calls, name, pid } = await openRunning(sh(stubborn), { STAND_IN_STOP: "fails" });
    cancel(stream, "main");
    expect((await readStory(stream)).stopped).toContain("was ended by SIGKILL");
    expect(calls().slice(1)).toEqual([
      ["stop", "-t", "5", name],
      ["kill", name],
    ]);
    expect(isRunning(pid)).toBe(false);
  });
});

describe("the sentinel of a worker that is gone", () => {
  test.each([
    { keepFolders: false, remains: [] },
    { keepFolders: true, remains: ["root"] },
  ])(
    "kills the containers that folders name; folders kept: $keepFolders",
    async ({ keepFolders, remains }) => {
      const folder = temporaryFolder();
      const root = join(folder, "worker", "root");
      mkdirSync(join(root, "running"), { recursive: true });
      mkdirSync(join(root, "ended"));
      const record = join(folder, "record");
      const dockerPath = join(import.meta.dirname, "docker-stand-in.sh");
      const environment = { PATH: process.env["PATH"], STAND_IN_RECORD: record };
      const sentinel = await Sentinel.start({ root, dockerPath, keepFolders, environment }, () => undefined);
      nameContainer(join(root, "running"), "c1");
      nameContainer(join(root, "ended"), "c2");
      nameNothing(join(root, "ended"));
      await sentinel.close();
      expect(readFileSync(record, "utf8")).toBe("kill\tc1\t\n");
      expect(readdirSync(join(folder, "worker"))).toEqual(remains);
    },
  );

  test("tells if it ends before its worker", async () => {
    const root = join(temporaryFolder(), "root");
    mkdirSync(root);
    const lost = Promise.withResolvers<void>();
    const options = { root, dockerPath: "docker", keepFolders: false, environment: {} };
    const sentinel = await Sentinel.start(options, lost.resolve);
    process.kill(sentinel.pid, "SIGKILL");
    await within(lost.promise, "loss of the sentinel");
    await sentinel.close();
  });
});

test("tasks of Flyte run in their images, which see the server's folder and network where they are", async () => {
  const folder = new FlyteFolder(temporaryFolder());
  const container = {
    ...shell('printf %s "$_U_RUN_BASE" >"$1/base"', "{{.outputPrefix}}"),
    image: "trainer:2",
  };
  const { stream, calls } = await openWithDocker(
    { argv: ["true"] },
    { config: { flyte: { allowImages: ["trainer:*"], dockerArguments: ["--init"] } } },
  );
  const assign = (spec: Reference) =>
    stream.assign(assignment("a0", { op: "flyte", inputs: toValues(folder.inputs(spec), "input") }));
  assign(folder.putTask(container));
  const prefix = join(folder.runBase, "a0", "1");
  expect((await readStory(stream)).outputs).toEqual({ output_uri: prefix });
  const [argv = []] = calls();
  const from = argv.indexOf("-w") + 2;
  expect(argv.slice(from)).toEqual([
    ...["-v", `${folder.runBase}:${folder.runBase}`, "-v", `${folder.path}:${folder.path}`],
    ...["--network", "host", "--entrypoint", "sh", "--init", "trainer:2"],
    ...["-c", 'printf %s "$_U_RUN_BASE" >"$1/base"', "sh", prefix],
  ]);
  expect(argv).toContain("_U_EP_OVERRIDE");
  expect(argv).not.toContain("PATH");
  assign(folder.putTask({ ...container, image: "other:1" }));
  expect((await readStory(stream)).failed).toMatchObject({ type: "ImageRefused" });
});
