import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { createClient, type SignalboxClient } from "../../src/client/client.ts";
import { runCli } from "../client/cli-run.ts";
import { StartedServer } from "../support/started-server.ts";
import { FlyteFolder, shell } from "./flyte-support.ts";
import { type StartedWorker, startWorkerOf } from "./started-worker.ts";
import { isRunning, temporaryFolder, until } from "./support.ts";

let server: StartedServer;
let client: SignalboxClient;

beforeAll(async () => {
  server = await StartedServer.start({ flags: ["--lease-ms", "2000", "--pulse-interval-ms", "500"] });
  client = createClient({ address: server.url, namespace: "p--d" });
}, 30_000);

afterAll(async () => {
  client.close();
  await server.remove();
});

function startWorker(...args: string[]): Promise<StartedWorker> {
  return startWorkerOf(server.url, ["--flyte", ...args]);
}

interface FlyteRun {
  readonly runId: string;
  readonly folder: FlyteFolder;
  readonly container: ReturnType<typeof shell>;
  readonly envs?: Readonly<Record<string, string>>;
  readonly attempts?: number;
  readonly namespace?: string;
}

/** Creates a run as the server's Flyte services do: a plan of one task, `a0`. */
async function createRun({
  runId,
  folder,
  container,
  envs = {},
  attempts = 1,
  namespace = "p--d",
}: FlyteRun) {
  const input = folder.inputs(folder.putTask(container), folder.putRun(envs));
  const retry = { maxAttempts: attempts, initialBackoffMs: 10 };
  return await client.runs.create(
    { runId, plan: [{ name: "a0", task: { op: "flyte", input, retry } }] },
    { namespace },
  );
}

describe("signalbox worker --flyte", () => {
  test("runs the tasks of the projects and domains that it is told", async () => {
    const projects = ["--flyte-project", "p", "--flyte-project", "q", "--flyte-domain", "d"];
    const { said } = await startWorker(...projects, "--id", "of-projects");
    expect(said.out).toBe(`of-projects is attached to ${server.url}: flyte\n`);
    const container = shell(
      `printf %s "$FLYTE_INTERNAL_EXECUTION_PROJECT $WHO" >"$1/who"`,
      "{{.outputPrefix}}",
    );
    for (const project of ["p", "q"]) {
      const folder = new FlyteFolder(temporaryFolder(), "one");
      const namespace = `${project}--d`;
      await createRun({ runId: "one", folder, container, envs: { WHO: "run" }, namespace });
      const run = await client.runs.wait("one", { namespace });
      expect([run.state, folder.read("a0", 1, "who")]).toEqual(["SUCCEEDED", `${project} run`]);
      const { outputs } = await client.runs.action("one", "a0", { namespace });
      expect(outputs).toEqual({ output_uri: join(folder.runBase, "a0", "1") });
    }
  });

  test("asks the server for what the assignment of a child does not say of its run", async () => {
    await startWorker("--namespace", "p--d");
    const folder = new FlyteFolder(temporaryFolder(), "asked");
    const script = `printf '%s %s' "$WHO" "$2" >"$1/new"; mv "$1/new" "$1/facts"`;
    const container = shell(script, "{{.outputPrefix}}", "{{.runStartTime}}");
    const parent = folder.inputs(folder.putTask(container), folder.putRun({ WHO: "run" }));
    const { run_spec: _, ...child } = parent;
    const plan = [
      { name: "a0", task: { op: "of-nobody", input: parent } },
      { name: "x", task: { op: "flyte", input: child } },
    ];
    await client.runs.create({ runId: "asked", plan });
    await until(() => existsSync(join(folder.runBase, "x", "1", "facts")), "a task that runs");
    expect(folder.read("x", 1, "facts")).toBe("run 2026-01-02T00:00:00.000Z");
  });

  test("tells a task when its run was created, if the run does not say when it begins", async () => {
    await startWorker("--namespace", "p--d");
    const folder = new FlyteFolder(temporaryFolder(), "created");
    const spec = folder.putTask(
      shell(`printf %s "$2" >"$1/start"`, "{{.outputPrefix}}", "{{.runStartTime}}"),
    );
    const { run_spec: _, ...input } = folder.inputs(spec);
    const plan = [{ name: "a0", task: { op: "flyte", input } }];
    const run = await client.runs.create({ runId: "created", plan });
    await client.runs.wait("created");
    expect(folder.read("a0", 1, "start")).toBe(run.createTime?.toISOString());
  });

  test("tries a task again in a folder of its own, as often as it may", async () => {
    await startWorker("--namespace", "p--d");
    const folder = new FlyteFolder(temporaryFolder(), "again");
    const script = `echo "$FLYTE_ATTEMPT_NUMBER" >"$1/number"; [ "$FLYTE_ATTEMPT_NUMBER" = 1 ]`;
    await createRun({ runId: "again", folder, container: shell(script, "{{.outputPrefix}}"), attempts: 3 });
    expect((await client.runs.wait("again")).state).toBe("SUCCEEDED");
    expect(readdirSync(join(folder.runBase, "a0")).sort()).toEqual(["1", "2"]);
  });

  test("that is killed takes its tasks with it, and another one does them again", async () => {
    const first = await startWorker("--namespace", "p--d");
    const folder = new FlyteFolder(temporaryFolder(), "killed");
    const script = `[ "$FLYTE_ATTEMPT_NUMBER" = 0 ] || exit 0
      sleep 1000 & echo $! >"$1/pid.new"; mv "$1/pid.new" "$1/pid"; wait`;
    await createRun({ runId: "killed", folder, container: shell(script, "{{.outputPrefix}}"), attempts: 2 });
    const file = join(folder.runBase, "a0", "1", "pid");
    await until(() => existsSync(file), "a program that says its pid");
    const pid = Number(readFileSync(file, "utf8"));
    onTestFinished(() => {
      if (isRunning(pid)) process.kill(pid, "SIGKILL");
    });
    // Before its start is recorded, a lost attempt is no attempt.
    for await (const { run } of client.runs.watch("killed")) if (run?.state === "RUNNING") break;
    first.child.kill("SIGKILL");
    await first.exited;
    await until(() => !isRunning(pid), "the end of the program");
    await until(() => readdirSync(first.folders).length === 0, "the end of the worker's folder");
    await startWorker("--namespace", "p--d");
    expect((await client.runs.wait("killed")).state).toBe("SUCCEEDED");
  });

  test("ends a task when its run is cancelled", async () => {
    await startWorker("--namespace", "p--d", "--grace", "1s");
    const folder = new FlyteFolder(temporaryFolder(), "cancelled");
    const container = shell(`touch "$1/up"; while :; do sleep 0.05; done`, "{{.outputPrefix}}");
    await createRun({ runId: "cancelled", folder, container });
    await until(() => existsSync(join(folder.runBase, "a0", "1", "up")), "a task that runs");
    await client.runs.cancel("cancelled");
    expect((await client.runs.wait("cancelled")).state).toBe("CANCELLED");
  });

  test("stands in a config file beside other ops", async () => {
    const here = temporaryFolder();
    const config = { flyte: { graceMs: 1_000 }, ops: { resize: { argv: ["true"] } } };
    writeFileSync(join(here, "worker.json"), JSON.stringify(config));
    const args = ["--config", "worker.json", "--id", "both"];
    const { said } = await startWorkerOf(server.url, args, { cwd: here });
    expect(said.out).toBe(`both is attached to ${server.url}: resize, flyte\n`);
  });
});

test.each([
  { args: ["--flyte", "--op", "a"], says: "--op does not go with --flyte" },
  { args: ["--flyte", "--", "true"], says: "a program does not go with --flyte" },
  { args: ["--flyte-venv", "."], says: "--flyte-venv goes with --flyte" },
  { args: ["--flyte", "--flyte-venv", "/no/such"], says: "worker.flyte.venv is /no/such" },
  { args: ["--flyte", "--flyte-domain", "d"], says: "--flyte-domain goes with --flyte-project" },
  { args: ["--flyte", "--flyte-project", "a--b"], says: '"a--b" is no project or domain' },
  { args: ["--flyte", "--flyte-project", "p", "-n", "q"], says: "--namespace and --flyte-project both say" },
  { args: ["--flyte", "--docker-argument=--init"], says: "allowImages names none" },
  { args: ["--config", "x.json", "--flyte"], says: "--flyte stands in x.json already" },
])("$args is a mistake that ends with 2", async ({ args, says }) => {
  const { code, notes } = await runCli(["worker", ...args], {
    environment: { PATH: process.env["PATH"] ?? "" },
  });
  expect([code, notes]).toEqual([2, expect.stringContaining(says)]);
});
