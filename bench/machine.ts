import { once } from "node:events";
import { closeSync, fdatasyncSync, mkdirSync, mkdtempSync, openSync, rmSync, writeSync } from "node:fs";
import { connect, createServer } from "node:http2";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { isMainThread, parentPort, Worker } from "node:worker_threads";

/** What a machine takes by itself, without a service: milliseconds, in order of size. */
export interface MachineTimes {
  /** An empty call over HTTP/2 to another thread of the same process. */
  readonly callMs: readonly number[];
  /** A sync of 12 KiB that were appended to a file. */
  readonly syncMs: readonly number[];
}

/** As far apart as the samples of the latency: who has slept wakes slowly. */
const intervalMs = 100;
/** What a small commit writes to the log of the store. */
const appendedBytes = 12 * 1024;

/** Measures what is below every latency on this machine, with as many samples as said. */
export async function measureMachine(parent: string, samples: number): Promise<MachineTimes> {
  return { syncMs: await measureSync(parent, samples), callMs: await measureCall(samples) };
}

async function measureSync(parent: string, samples: number): Promise<readonly number[]> {
  mkdirSync(parent, { recursive: true });
  const folder = mkdtempSync(join(parent, "signalbox-bench-"));
  const file = openSync(join(folder, "file"), "w");
  const bytes = Buffer.alloc(appendedBytes, 1);
  try {
    return await sampled(samples, () => {
      writeSync(file, bytes);
      fdatasyncSync(file);
    });
  } finally {
    closeSync(file);
    rmSync(folder, { recursive: true });
  }
}

async function measureCall(samples: number): Promise<readonly number[]> {
  const answering = new Worker(import.meta.filename);
  const [port] = (await once(answering, "message")) as [number];
  const session = connect(`http://127.0.0.1:${port}`);
  try {
    return await sampled(samples, async () => {
      const call = session.request({ ":method": "POST", ":path": "/" });
      call.end("call");
      call.resume();
      await once(call, "end");
    });
  } finally {
    session.destroy();
    await answering.terminate();
  }
}

async function sampled(samples: number, act: () => void | Promise<void>): Promise<readonly number[]> {
  const tookMs: number[] = [];
  for (let count = 0; count < samples; count += 1) {
    await delay(intervalMs);
    const startedAtMs = performance.now();
    await act();
    tookMs.push(performance.now() - startedAtMs);
  }
  return tookMs.toSorted((one, other) => one - other);
}

/** The other end of the calls. */
function answerCalls(): void {
  const server = createServer((request, response) => {
    request.resume();
    request.once("end", () => response.end("answer"));
  });
  server.listen(0, "127.0.0.1", () => parentPort?.postMessage((server.address() as AddressInfo).port));
}

if (!isMainThread) answerCalls();
