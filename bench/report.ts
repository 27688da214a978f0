import { availableParallelism, cpus } from "node:os";
import type { Followed } from "./feed/feed-scene.ts";
import type { MachineTimes } from "./machine.ts";
import type { BenchOptions, RowName } from "./options.ts";
import type { Assigned } from "./placement/assigning.ts";
import { fleetSize, type Placed } from "./placement/placement.ts";
import { type Cpu, type Latency, sumOf, type Throughput } from "./scene.ts";

/** What a row is held against. */
interface Bar {
  readonly perSecond: number;
  readonly cpuUs: number;
}

/** The speeds to reach: submitted by itself, and in batches. */
const bars = {
  single: { perSecond: 10_000, cpuUs: 170 },
  batch: { perSecond: 30_000, cpuUs: 60 },
} as const satisfies Record<string, Bar>;

/** Rows that must not lose more than a tenth against the same without a full store. */
const bases: Partial<Record<RowName, RowName>> = {
  "queued-single": "single",
  "queued-batch": "batch",
  "history-single": "single",
  "history-batch": "batch",
};

const titles: Readonly<Record<RowName, (options: BenchOptions) => string>> = {
  single: ({ callers }) => `submitted one by one, ${callers} callers, coalesced by the SDK`,
  "single-raw": ({ callers }) => `submitted one by one, ${callers} callers, a message each`,
  batch: ({ batchSize, batchesInFlight }) => `submitted ${batchSize} a message, ${batchesInFlight} in flight`,
  "queued-single": ({ queued }) => `one by one, with ${queued} of another op queued`,
  "queued-batch": ({ queued }) => `in batches, with ${queued} of another op queued`,
  drain: ({ queued }) => `executed from a backlog of ${queued}`,
  "history-single": ({ ended, paused }) => `one by one, with ${ended} ended and ${paused} paused runs`,
  "history-batch": ({ ended, paused }) => `in batches, with ${ended} ended and ${paused} paused runs`,
  latency: ({ samples }) => `submit to start, 10 a second, ${samples} samples`,
  "resume-small": ({ samples }) => `signal to start, 100 others waiting, 10 a second, ${samples} samples`,
  resume: ({ waiting }) => `signal to start, ${waiting} others waiting, 10 a second`,
  "placement-small": () => "",
  placement: () => "",
  feed: () => "",
  "feed-expression": () => "",
  "feed-100": () => "",
};

/** What assigning a task may cost: CPU of the server, its store's thread included. */
const placementBarUs = 100;

/** Events a second to reach, to one subscriber and to many in all. */
const feedBar = { one: 300_000, many: 1_000_000 } as const;

const columns = [
  ["row", 15],
  ["what", 59],
  ["runs", 8],
  ["runs/s", 8],
  ["CPU µs each", 12],
  ["server", 8],
  ["store", 8],
  ["worker", 8],
  ["generator", 10],
  ["ack p50 ms", 11],
  ["p99", 7],
  ["rate:bar", 9],
  ["CPU:bar", 8],
  ["rate:base", 10],
  ["CPU:base", 9],
] as const;

/** Prints what came of each row, as soon as it is there. */
export class Report {
  readonly #options: BenchOptions;
  readonly #results = new Map<RowName, Throughput>();
  #smallAssigned: Assigned | undefined;

  constructor(options: BenchOptions) {
    this.#options = options;
  }

  /** Says where and how it is measured, and names the columns. */
  begin(): void {
    const { seconds, folder, concurrency, serverFlags } = this.#options;
    const model = cpus()[0]?.model ?? "unknown";
    print(`${availableParallelism()} cores (${model}), Node ${process.version}, stores in ${folder}`);
    const flags = serverFlags.length === 0 ? "" : `, server with ${serverFlags.join(" ")}`;
    print(
      `embedded store, synced before each answer; ${seconds} s a row; worker of ${concurrency} at once${flags}`,
    );
    print("");
    printRow(columns.map(([name]) => name));
  }

  /** Prints a row of throughput. */
  throughput(name: RowName, result: Throughput): void {
    this.#results.set(name, result);
    const { count, perSecond, cpuUs, ackMs } = result;
    const bar = bars[name.startsWith("single") || name.endsWith("single") ? "single" : "batch"];
    const base = this.#results.get(bases[name] ?? name);
    const hasBase = base !== undefined && base !== result;
    printRow([
      name,
      titles[name](this.#options),
      String(count),
      String(Math.round(perSecond)),
      ...cpuCells(cpuUs),
      ackMs === undefined ? "" : ackMs.p50.toFixed(1),
      ackMs === undefined ? "" : ackMs.p99.toFixed(1),
      (perSecond / bar.perSecond).toFixed(2),
      (sumOf(cpuUs) / bar.cpuUs).toFixed(2),
      hasBase ? (perSecond / base.perSecond).toFixed(2) : "",
      hasBase ? (sumOf(cpuUs) / sumOf(base.cpuUs)).toFixed(2) : "",
    ]);
  }

  /** Prints a row of placement, and assigning alone against its bar; a later row against the first. */
  placement(
    name: RowName,
    queued: number,
    { placed, assigned }: { readonly placed: Placed; readonly assigned: Assigned },
  ): void {
    const { count, perSecond, serverUs, storeUs } = placed;
    printRow([
      name,
      `placed on ${fleetSize} workers, out of ${queued} queued`,
      String(count),
      String(Math.round(perSecond)),
      ...[serverUs + storeUs, serverUs, storeUs].map((us) => us.toFixed(0)),
    ]);
    const { cpuUs, perQuestion } = assigned;
    const small = this.#smallAssigned;
    this.#smallAssigned ??= assigned;
    const ratio = small === undefined ? "" : `, ${(cpuUs / small.cpuUs).toFixed(2)} of that with few queued`;
    print(
      `  assigning alone: ${cpuUs.toFixed(0)} µs of CPU each (${(cpuUs / placementBarUs).toFixed(2)} of the bar ` +
        `of ${placementBarUs}${ratio}), ${perQuestion.toFixed(0)} at once`,
    );
  }

  /** Prints a row of the feed: events that were sent, to all subscribers together. */
  feed(name: RowName, { subscribers, events, perSecond, cpuUs }: Followed): void {
    const all = cpuUs.server + cpuUs.store + cpuUs.reader;
    const what = subscribers === 1 ? "1 subscriber" : `${subscribers} subscribers`;
    printRow([
      name,
      `events read by ${what}, ${this.#options.perTransaction} a transaction`,
      String(events),
      String(Math.round(perSecond)),
      ...[all, cpuUs.server, cpuUs.store].map((us) => us.toFixed(2)),
      cpuUs.reader.toFixed(2),
      "",
      "",
      "",
      (perSecond / (subscribers === 1 ? feedBar.one : feedBar.many)).toFixed(2),
    ]);
  }

  /** Prints what is below every latency here: bars are of another machine. */
  machine({ callMs, syncMs }: MachineTimes): void {
    const told = (sorted: readonly number[]) =>
      `p50 ${share(sorted, 0.5).toFixed(2)} ms, p99 ${share(sorted, 0.99).toFixed(2)} ms`;
    print(`  this machine, ten a second: a call over HTTP/2 ${told(callMs)}; a sync ${told(syncMs)}`);
  }

  /** Prints the row of the latency, with its own bar beneath. */
  latency(name: RowName, { startMs, ackMs, cpuUs }: Latency): void {
    const [p50, p99] = [share(startMs, 0.5), share(startMs, 0.99)];
    printRow([
      name,
      titles[name](this.#options),
      String(startMs.length),
      "10",
      ...cpuCells(cpuUs),
      share(ackMs, 0.5).toFixed(1),
      share(ackMs, 0.99).toFixed(1),
    ]);
    const most = startMs.at(-1) ?? 0;
    print(
      `  ${name === "latency" ? "submit" : "signal"} to start: p50 ${p50.toFixed(2)} ms (${(p50 / 2).toFixed(2)} of the bar of 2), ` +
        `p99 ${p99.toFixed(2)} ms (${(p99 / 6).toFixed(2)} of the bar of 6), longest ${most.toFixed(2)} ms`,
    );
  }
}

function cpuCells(cpuUs: Cpu): readonly string[] {
  return [sumOf(cpuUs), cpuUs.server, cpuUs.store, cpuUs.worker, cpuUs.generator].map((us) => us.toFixed(0));
}

function share(sorted: readonly number[], part: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? Number.NaN;
}

function printRow(cells: readonly string[]): void {
  const padded = columns.map(([, width], index) => {
    const cell = cells[index] ?? "";
    return index < 2 ? cell.padEnd(width) : cell.padStart(width);
  });
  print(padded.join(" ").trimEnd());
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}
