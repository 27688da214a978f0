import { tmpdir } from "node:os";
import { FeedScene } from "./feed/feed-scene.ts";
import { measureMachine } from "./machine.ts";
import { type BenchOptions, help, type RowName, readOptions } from "./options.ts";
import { measureAssigning } from "./placement/assigning.ts";
import { fleetSize, measurePlacement } from "./placement/placement.ts";
import { printProfiles } from "./profile.ts";
import { Report } from "./report.ts";
import { Scene, workedOp } from "./scene.ts";

/**
 * Prints how fast runs are submitted, executed and recorded, and what each costs; see docs/performance.md.
 */
async function main(): Promise<void> {
  const options = readOptions(process.argv.slice(2), tmpdir());
  if (options === undefined) {
    process.stdout.write(help);
    return;
  }
  const report = new Report(options);
  report.begin();
  await measureSubmits(options, report, ["single", "single-raw", "batch"], {});
  const { queued, ended, paused } = options;
  await measureSubmits(options, report, ["queued-single", "queued-batch"], { queued });
  await measureDrain(options, report);
  await measureSubmits(options, report, ["history-single", "history-batch"], { ended, paused });
  await measureLatency(options, report);
  await measurePlacements(options, report);
  await measureFeeds(options, report);
  if (options.profile !== undefined) printProfiles(options.profile);
}

const nothing = { ended: 0, paused: 0, queued: 0, queuedOp: "nobody-works" };

/** The rows that share a store, one after the other on the same server. */
async function measureSubmits(
  options: BenchOptions,
  report: Report,
  rows: readonly RowName[],
  contents: { readonly ended?: number; readonly paused?: number; readonly queued?: number },
): Promise<void> {
  const wanted = rows.filter((row) => options.rows.includes(row));
  if (wanted.length === 0) return;
  const scene = await Scene.open(options, { ...nothing, ...contents });
  await scene.attach();
  for (const row of wanted) {
    const mode = row === "single-raw" ? "raw" : row.endsWith("batch") ? "batch" : "single";
    report.throughput(row, await scene.submit(mode));
  }
  await scene.close();
}

async function measureDrain(options: BenchOptions, report: Report): Promise<void> {
  if (!options.rows.includes("drain")) return;
  const scene = await Scene.open(options, { ...nothing, queued: options.queued, queuedOp: workedOp });
  report.throughput("drain", await scene.drain(Math.floor(options.queued / 2)));
  await scene.close();
}

async function measureLatency(options: BenchOptions, report: Report): Promise<void> {
  const paused = { latency: 0, "resume-small": fewWaiting, resume: options.waiting } as const;
  const rows = (["latency", "resume-small", "resume"] as const).filter((row) => options.rows.includes(row));
  if (rows.length > 0)
    report.machine(await measureMachine(options.folder, Math.min(options.samples, machineSamples)));
  for (const row of rows) {
    const scene = await Scene.open(options, { ...nothing, paused: paused[row] });
    await scene.attach();
    report.latency(row, await scene.pace(row === "latency" ? "pace" : "signal", options.samples));
    await scene.close();
  }
}

/** At most so many of what the machine itself takes: ten seconds of calls, and ten of syncs. */
const machineSamples = 100;

/** With few queued first, so that the other row shows what many more of them cost. */
async function measurePlacements(options: BenchOptions, report: Report): Promise<void> {
  const sizes = { "placement-small": smallQueue, placement: options.queued } as const;
  for (const row of ["placement-small", "placement"] as const) {
    if (!options.rows.includes(row)) continue;
    const what = { queued: sizes[row], count: options.placed, workers: fleetSize };
    const placed = await measurePlacement(options, what);
    report.placement(row, what.queued, { placed, assigned: await measureAssigning(options, what) });
  }
}

async function measureFeeds(options: BenchOptions, report: Report): Promise<void> {
  const rows = ["feed", "feed-expression", "feed-100"] as const;
  for (const row of rows.filter((name) => options.rows.includes(name))) {
    const isMany = row === "feed-100";
    const feedEvents = isMany ? Math.ceil(options.feedEvents / 20) : options.feedEvents;
    const scene = await FeedScene.open({ ...options, feedEvents });
    report.feed(row, await scene.follow(isMany ? 100 : 1, row === "feed-expression" ? feedExpression : ""));
    await scene.close();
  }
}

/** True of every event that the rows of the feed hold, and costs what a usual one does. */
const feedExpression = 'event.kind == "published" && event.published.attributes["shard"] != "none"';

/** How many wait beside the signalled ones in the row of resuming that others are held against. */
const fewWaiting = 100;

/** How many are queued in the row of placement from a small queue. */
const smallQueue = 1_000;

await main();
