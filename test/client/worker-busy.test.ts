import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { assignment, startWorkerScript, within } from "./worker-script.ts";

test("a task that keeps the event loop busy for three leases does not stop its worker's pulses", async () => {
  const folder = await mkdtemp(join(tmpdir(), "signalbox-"));
  const signal = join(folder, "go-on");
  const server = await startWorkerScript();
  const program = new URL("./worker-busy-process.ts", import.meta.url).pathname;
  const worker: ChildProcess = spawn(process.execPath, [program, server.address, signal], {
    stdio: "inherit",
  });
  onTestFinished(async () => {
    worker.kill("SIGKILL");
    await server.stop();
    await rm(folder, { recursive: true });
  });
  const stream = await server.stream();
  // Three pulses of silence end a stream: long enough for a machine that is busy with other tests.
  stream.attached({ pulseMs: 150 });
  stream.assign(assignment("a"));
  await stream.next("accept");
  // A lease is three pulses here.
  await stream.pulses(10);
  expect(stream.count("report")).toBe(0);
  await writeFile(signal, "");
  const report = await stream.report();
  expect(report.content.case).toBe("succeeded");
  stream.record(report);
  stream.send({ case: "drain", value: {} });
  await stream.next("leave");
  expect(await within(once(worker, "exit"), "end of the process")).toEqual([0, null]);
});
