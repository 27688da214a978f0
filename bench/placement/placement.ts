import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { join } from "node:path";
import type { FromWorker, ToFleet } from "../messages.ts";
import type { BenchOptions } from "../options.ts";
import { preload } from "../preload.ts";
import { type Conversation, type Part, startFleet, startServer } from "../processes.ts";
import { profileFlags } from "../scene.ts";

/** What placing one task costs. */
export interface Placed {
  /** How many assignments were measured. */
  readonly count: number;
  readonly perSecond: number;
  /** CPU of the server for each: of its main thread and others, and of the thread of its store. */
  readonly serverUs: number;
  readonly storeUs: number;
}

/** How many workers there are, and how many assignments each permits at once. */
export const fleetSize = 100;
const credit = 8;
/** Executed before anything is measured, and at the beginning of each part, when all workers attach. */
const warmUpCount = 20_000;
const beginCount = 200;

/**
 * Executes tasks that ask for resources and labels on a fleet of workers, out of queues with so many each,
 * and measures what the server uses for an assignment, its report and its end. Small queues are executed one
 * after the other, each for an op of its own, so that enough of them can be measured.
 */
export async function measurePlacement(
  options: BenchOptions,
  { queued, count, workers }: { readonly queued: number; readonly count: number; readonly workers: number },
): Promise<Placed> {
  mkdirSync(options.folder, { recursive: true });
  const folder = mkdtempSync(join(options.folder, "signalbox-bench-"));
  // What is left at the end of a part keeps its queue from running dry, when few are enough for the workers.
  const partCount = Math.min(count, Math.floor((queued - beginCount) * 0.7));
  const ops = Array.from({ length: Math.ceil(count / partCount) }, (_, index) => `place-${index}`);
  const placed = [{ op: "warm-up", count: warmUpCount }, ...ops.map((op) => ({ op, count: queued }))];
  await preload(folder, { ended: 0, paused: 0, queued: 0, queuedOp: "", placed });
  const { part: server, address } = await startServer(folder, {
    flags: [...options.serverFlags, ...profileFlags(options, "server")],
  });
  const fleet = await startFleet(address, {
    flags: profileFlags(options, "fleet"),
    workers,
    credit,
  });
  let done = await execute(fleet, { op: "warm-up", from: 0, count: warmUpCount });
  const sum = { count: 0, ms: 0, serverUs: 0, storeUs: 0 };
  for (const op of ops) {
    const begun = await begin(fleet, { op, from: done });
    const before = cpuOf(server);
    const ended = await reach(fleet, begun.count + partCount);
    const after = cpuOf(server);
    sum.count += ended.count - begun.count;
    sum.ms += ended.atMs - begun.atMs;
    sum.serverUs += after.serverUs - before.serverUs;
    sum.storeUs += after.storeUs - before.storeUs;
    done = await leave(fleet);
  }
  await close(fleet, server);
  rmSync(folder, { recursive: true, force: true });
  const { serverUs, storeUs } = sum;
  return {
    count: sum.count,
    perSecond: sum.count / (sum.ms / 1_000),
    serverUs: serverUs / sum.count,
    storeUs: storeUs / sum.count,
  };
}

type Fleet = Conversation<ToFleet, FromWorker>;

function cpuOf(server: Part): { readonly serverUs: number; readonly storeUs: number } {
  const storeUs = server.threadCpuUs("signalbox-store");
  return { serverUs: server.cpuUs() - storeUs, storeUs };
}

/** All workers attach for an op; the answer comes when they have executed a few of its tasks. */
async function begin(fleet: Fleet, { op, from }: { readonly op: string; readonly from: number }) {
  // Asked for first: they do not wait for anybody once they are attached.
  const reached = reach(fleet, from + beginCount);
  fleet.say({ kind: "attach", op });
  await fleet.hear("attached");
  return reached;
}

function reach(fleet: Fleet, count: number) {
  fleet.say({ kind: "report", count });
  return fleet.hear("reached");
}

/** The workers say goodbye; how many tasks they have executed in all. */
async function leave(fleet: Fleet): Promise<number> {
  fleet.say({ kind: "leave" });
  await fleet.hear("left");
  return (await reach(fleet, 0)).count;
}

async function execute(
  fleet: Fleet,
  { op, from, count }: { readonly op: string; readonly from: number; readonly count: number },
): Promise<number> {
  await begin(fleet, { op, from });
  await reach(fleet, from + count);
  return leave(fleet);
}

async function close(fleet: Fleet, server: Part): Promise<void> {
  await fleet.stop();
  await server.end(() => server.child.kill("SIGTERM"));
}
