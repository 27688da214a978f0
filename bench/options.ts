import { parseArgs } from "node:util";

/** What there is to measure, in the order in which it is printed. */
export const rowNames = [
  "single",
  "single-raw",
  "batch",
  "queued-single",
  "queued-batch",
  "drain",
  "history-single",
  "history-batch",
  "latency",
  "resume-small",
  "resume",
  "placement-small",
  "placement",
  "feed",
  "feed-expression",
  "feed-100",
] as const;

/** The name of something to measure. */
export type RowName = (typeof rowNames)[number];

/** What a benchmark is asked to do. */
export interface BenchOptions {
  readonly rows: readonly RowName[];
  /** How long each throughput row submits; it is measured until the last of what was submitted has ended. */
  readonly seconds: number;
  /** How many calls are in flight at once. */
  readonly callers: number;
  /** How many runs are in one batch, and how many batches are in flight. */
  readonly batchSize: number;
  readonly batchesInFlight: number;
  /** How many attempts the worker runs at once. */
  readonly concurrency: number;
  /** How much the store holds in the rows that say so. */
  readonly queued: number;
  readonly ended: number;
  readonly paused: number;
  /** How many assignments the rows of placement measure. */
  readonly placed: number;
  /** How many runs wait for their signals in the row of resuming. */
  readonly waiting: number;
  /** How many samples of the latency are taken, ten a second. */
  readonly samples: number;
  /** How many events the feed holds in its rows, and how many of them one transaction has. */
  readonly feedEvents: number;
  readonly perTransaction: number;
  /** The folder in which each row's store gets a folder of its own. */
  readonly folder: string;
  /** Where profiles go; none are made unless said. */
  readonly profile: string | undefined;
  /** Flags of Node for the server's process. */
  readonly serverFlags: readonly string[];
}

/** What `--help` prints. */
export const help = `npm run bench -- [options]

  --rows NAMES          which rows, with commas between: ${rowNames.join(", ")}
  --seconds N           how long each row submits (8)
  --quick               short rows and small stores: for a look, not for figures
  --callers N           calls in flight of the single rows (256)
  --batch N             runs in one message of the batch rows (500)
  --batches N           messages in flight of the batch rows (4)
  --concurrency N       attempts that the worker runs at once (500)
  --queued N            runs queued in the rows that have a backlog (100000)
  --ended N, --paused N runs in the store of the rows that have a history (50000 and 5000)
  --placed N            assignments measured in the rows of placement (20000)
  --events N            events in the feed of its rows (200000); a twentieth for each of 100 subscribers
  --per-transaction N   events that one transaction of them has (10)
  --samples N           samples of the latency and of resuming, ten a second (200)
  --waiting N           runs that wait for signals in the row of resuming (100000)
  --folder PATH         where the stores are kept while they are measured (the folder for temporary files)
  --profile PATH        profile all processes, keep the profiles there, and print where the time goes
  --server-flags FLAGS  flags of Node for the server, with spaces between
`;

/** Reads the command line; throws with what is wrong with it. */
export function readOptions(args: readonly string[], temporaryFolder: string): BenchOptions | undefined {
  const text = { type: "string" } as const;
  const flag = { type: "boolean" } as const;
  const { values } = parseArgs({
    args: [...args],
    options: {
      help: flag,
      quick: flag,
      rows: text,
      seconds: text,
      callers: text,
      batch: text,
      batches: text,
      concurrency: text,
      queued: text,
      ended: text,
      paused: text,
      placed: text,
      samples: text,
      waiting: text,
      events: text,
      "per-transaction": text,
      folder: text,
      profile: text,
      "server-flags": text,
    },
  });
  if (values.help === true) return undefined;
  const isQuick = values.quick === true;
  const count = (value: string | undefined, usual: number, quick = usual): number =>
    value === undefined ? (isQuick ? quick : usual) : readCount(value);
  return {
    rows: readRows(values.rows),
    seconds: count(values.seconds, 8, 2),
    callers: count(values.callers, 256),
    batchSize: count(values.batch, 500),
    batchesInFlight: count(values.batches, 4),
    concurrency: count(values.concurrency, 500),
    queued: count(values.queued, 100_000, 20_000),
    ended: count(values.ended, 50_000, 5_000),
    paused: count(values.paused, 5_000, 500),
    placed: count(values.placed, 20_000, 5_000),
    feedEvents: count(values.events, 200_000, 20_000),
    perTransaction: Math.max(1, count(values["per-transaction"], 10)),
    samples: count(values.samples, 200, 30),
    waiting: count(values.waiting, 100_000, 10_000),
    folder: values.folder ?? temporaryFolder,
    profile: values.profile,
    serverFlags: (values["server-flags"] ?? "").split(" ").filter((one) => one !== ""),
  };
}

function readCount(value: string): number {
  const count = Number(value);
  if (!Number.isFinite(count) || count < 0) throw new Error(`${JSON.stringify(value)} is no number`);
  return count;
}

function readRows(value: string | undefined): readonly RowName[] {
  if (value === undefined) return rowNames;
  const wanted = value.split(",");
  const unknown = wanted.filter((name) => !(rowNames as readonly string[]).includes(name));
  if (unknown.length > 0)
    throw new Error(`there is no row ${unknown.join(", ")}; rows: ${rowNames.join(", ")}`);
  return rowNames.filter((name) => wanted.includes(name));
}
