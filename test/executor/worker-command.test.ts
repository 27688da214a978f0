import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { createClient, type SignalboxClient } from "../../src/client/client.ts";
import { runCli } from "../client/cli-run.ts";
import { StartedServer } from "../support/started-server.ts";
import { type StartedWorker, startWorkerOf } from "./started-worker.ts";
import { isRunning, temporaryFolder, until } from "./support.ts";

let server: StartedServer;
let client: SignalboxClient;

beforeAll(async () => {
  server = await StartedServer.start({ flags: ["--lease-ms", "2000", "--pulse-interval-ms", "500"] });
  client = createClient({ address: server.url });
}, 30_000);

afterAll(async () => {
  client.close();
  await server.remove();
});

/** Starts the command for this server. */
function startWorker(args: readonly string[], cwd = temporaryFolder()): Promise<StartedWorker> {
  return startWorkerOf(server.url, args, { cwd });
}

/** Creates a run and waits for its end. */
async function runOp(op: string, input: Record<string, string | number> = {}) {
  const { runId } = await client.runs.create({ op, input });
  return await client.runs.wait(runId);
}

/** The pid that a running program wrote into its folder. */
async function pidOf({ folders }: StartedWorker): Promise<number> {
  const read = () => {
    const [worker] = readdirSync(folders);
    const [attempt] = worker === undefined ? [] : readdirSync(join(folders, worker));
    try {
      return Number(readFileSync(join(folders, worker ?? "", attempt ?? "", "work/pid"), "utf8"));
    } catch {
      return 0;
    }
  };
  await until(() => read() > 0, "a program that says its pid");
  const pid = read();
  onTestFinished(() => {
    if (isRunning(pid)) process.kill(pid, "SIGKILL");
  });
  return pid;
}

const waits = ["sh", "-c", "sleep 1000 & echo $! >pid.new; mv pid.new pid; wait"];

describe("signalbox worker", () => {
  test("runs a program where it is, for each task of the op, and ends with 0 when it is asked to", async () => {
    const here = temporaryFolder();
    const script = `echo "rows of $1 by $2"; printf '{{"width":%s}}' "$2" >"$SIGNALBOX_OUTPUTS_FILE"`;
    writeFileSync(join(here, "resize.sh"), script.replaceAll("{{", "{").replaceAll("}}", "}"));
    const args = ["--op", "resize", "--", "sh", "resize.sh", "{input.height}", "{input.width}"];
    const { child, said, folders, exited } = await startWorker(args, here);
    const run = await runOp("resize", { width: 640, height: 480 });
    expect([run.state, run.outputs]).toEqual(["SUCCEEDED", { width: 640 }]);
    expect(said.notes).toContain(`has succeeded attempt="${run.runId}_att_1" op="resize"`);
    child.kill("SIGTERM");
    expect(await exited).toBe(0);
    expect(readdirSync(folders)).toEqual([]);
  });

  test("runs what a config file says, and its options go before the file", async () => {
    const here = temporaryFolder();
    const config = {
      concurrency: 2,
      labels: { from: "file" },
      ops: { "file-a": { argv: ["sh", "-c", "exit 0"] }, "file-b": { argv: ["sh", "-c", "exit 5"] } },
    };
    writeFileSync(join(here, "worker.json"), JSON.stringify(config));
    const { said } = await startWorker(
      ["--config", "worker.json", "--id", "filed", "--label", "from=option"],
      here,
    );
    expect(said.out).toBe(`filed is attached to ${server.url}: file-a, file-b\n`);
    expect([(await runOp("file-a")).state, (await runOp("file-b")).state]).toEqual(["SUCCEEDED", "FAILED"]);
    const worker = await client.workers.get("filed");
    expect([worker.labels, worker.ops]).toEqual([{ from: "option" }, ["file-a", "file-b"]]);
  });

  test("ends with 130 on Ctrl-C, after what runs has ended or was ended", async () => {
    const worker = await startWorker([
      "--op",
      "wait-c",
      "--cwd",
      "fresh",
      "--stop-grace",
      "0s",
      "--",
      ...waits,
    ]);
    await client.runs.create({ op: "wait-c" });
    const pid = await pidOf(worker);
    worker.child.kill("SIGINT");
    expect(await worker.exited).toBe(130);
    expect([isRunning(pid), readdirSync(worker.folders)]).toEqual([false, []]);
  });

  test("that is killed takes with it what it ran, and its folders", async () => {
    const worker = await startWorker(["--op", "wait-k", "--cwd", "fresh", "--", ...waits]);
    await client.runs.create({ op: "wait-k" });
    const pid = await pidOf(worker);
    worker.child.kill("SIGKILL");
    await worker.exited;
    await until(() => !isRunning(pid), "the end of the program");
    await until(() => readdirSync(worker.folders).length === 0, "the end of the worker's folder");
  });

  test("G-159 ends its program when the run is cancelled, which is CANCELLED once it has stopped", async () => {
    const worker = await startWorker(["--op", "wait-x", "--cwd", "fresh", "--", ...waits]);
    const { runId } = await client.runs.create({ op: "wait-x" });
    const pid = await pidOf(worker);
    await client.runs.cancel(runId);
    expect((await client.runs.wait(runId)).state).toBe("CANCELLED");
    await until(() => !isRunning(pid), "the end of the program");
  });

  test("G-155 announces its devices, and a program is told which it was given", async () => {
    const script = `printf '{{"given":"%s %s"}}' "$SIGNALBOX_DEVICE_INDEXES" "$1" >"$SIGNALBOX_OUTPUTS_FILE"`;
    const devices = ["--device", "0:8000", "--device", "1:24000:big", "--ram-mb", "4000", "--cpu", "2"];
    await startWorker(["--op", "placed", ...devices, "--", "sh", "-c", script, "sh", "{device_indexes}"]);
    const { runId } = await client.runs.create({ op: "placed", resources: { vramMb: 12_000, ramMb: 500 } });
    expect((await client.runs.wait(runId)).outputs).toEqual({ given: "1 1" });
  });

  test("of which another process takes the name ends with 3", async () => {
    const first = await startWorker(["--op", "twice", "--id", "twin", "--", "true"]);
    await startWorker(["--op", "twice", "--id", "twin", "--", "true"]);
    expect(await first.exited).toBe(3);
    expect(first.said.notes).toContain("another process attached under the worker's name");
  });

  test("leaves a silent program to its heartbeat timeout, and not one that says something", async () => {
    const here = temporaryFolder();
    const says = "for n in 1 2 3 4 5 6 7 8 9 10 11 12; do echo $n; sleep 0.25; done";
    const ops = { silent: { argv: ["sleep", "1000"] }, talking: { argv: ["sh", "-c", says] } };
    writeFileSync(join(here, "worker.json"), JSON.stringify({ ops }));
    await startWorker(["--config", "worker.json"], here);
    const ends = Object.keys(ops).map(async (op) => {
      const { runId } = await client.runs.create({ op, timeouts: { heartbeatMs: 2_000 } });
      return (await client.runs.wait(runId)).state;
    });
    expect(await Promise.all(ends)).toEqual(["TIMED_OUT", "SUCCEEDED"]);
  });
});

describe("a mistake of the command line ends with 2", () => {
  test.each([
    { args: ["worker"], says: "worker needs --op NAME with a program behind --, or --config FILE.json" },
    { args: ["worker", "--op", "a"], says: "worker.ops.a.argv must name a program" },
    {
      args: ["worker", "--op", "a", "--", "no-such-tool"],
      says: 'the program "no-such-tool", which is not there',
    },
    { args: ["worker", "--op", "a", "--device", "0", "--", "sh"], says: "--device" },
    { args: ["worker", "--op", "a", "--cpu", "many", "--", "sh"], says: "--cpu" },
    { args: ["worker", "--config", "x.json", "--op", "a"], says: "--op stands in x.json already" },
    { args: ["worker", "--config", "x.json", "--", "sh"], says: "a program stands in x.json already" },
    { args: ["worker", "--op", "a", "-n", "-", "--", "sh"], says: "a worker works for one namespace" },
  ])("$args", async ({ args, says }) => {
    const { code, notes } = await runCli(args, { environment: { PATH: process.env["PATH"] ?? "" } });
    expect([code, notes]).toEqual([2, expect.stringContaining(says)]);
  });

  test("and all of them are told at once", async () => {
    const args = ["worker", "--op", "a", "--inputs", "tape", "--cwd", "/no/such", "--", "sh", "{x}", "{y}"];
    const { notes } = await runCli(args, { environment: { PATH: process.env["PATH"] ?? "" } });
    expect(notes.split("\n").filter((line) => line.startsWith("  worker.")).length).toBe(4);
  });
});
