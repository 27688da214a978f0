/**
 * How runs are submitted: one call each, one call each without the SDK's coalescing, or many in one message.
 */
export type SubmitMode = "single" | "raw" | "batch";

/** What the load generator is asked for. */
export type ToGenerator =
  | {
      readonly kind: "submit";
      readonly mode: SubmitMode;
      readonly op: string;
      /** Submits for so long, or so many if `countMax` is reached before. */
      readonly seconds: number;
      readonly countMax: number;
      /** How many calls, or batches, are in flight. */
      readonly inFlight: number;
      readonly batchSize: number;
    }
  | {
      readonly kind: "pace";
      readonly op: string;
      readonly samples: number;
      readonly intervalMs: number;
    }
  /** Create runs that wait for a signal before their task, then signal one after the other. */
  | {
      readonly kind: "signal";
      readonly op: string;
      readonly samples: number;
      readonly intervalMs: number;
    }
  | { readonly kind: "stop" };

/** What the load generator says. Times are milliseconds since 1970, with fractions. */
export type FromGenerator =
  | { readonly kind: "ready" }
  | {
      readonly kind: "submitted";
      readonly count: number;
      readonly firstMs: number;
      readonly lastMs: number;
      /** How long calls took, in order of size. */
      readonly ackMs: { readonly p50: number; readonly p99: number };
    }
  | { readonly kind: "paced"; readonly submitMs: readonly number[]; readonly ackMs: readonly number[] };

/** What the worker is asked for. */
export type ToWorker =
  | { readonly kind: "attach" }
  /** Say `reached` when so many tasks have been run in all. */
  | { readonly kind: "report"; readonly count: number }
  /** Say when each task with a number from here on was started. */
  | { readonly kind: "trace"; readonly samples: number }
  | { readonly kind: "stop" };

/** What many workers in one process are asked for. */
export type ToFleet =
  /** All of them, for this op. */
  | { readonly kind: "attach"; readonly op: string }
  /** Say `reached` when so many tasks have been executed in all. */
  | { readonly kind: "report"; readonly count: number }
  | { readonly kind: "leave" }
  | { readonly kind: "stop" };

/** What the worker says. */
export type FromWorker =
  | { readonly kind: "ready" }
  | { readonly kind: "attached"; readonly workerId: string }
  | { readonly kind: "reached"; readonly count: number; readonly atMs: number }
  | { readonly kind: "traced"; readonly startMs: readonly number[] }
  | { readonly kind: "left" };

/** What the process that follows the feed is asked for. */
export type ToReader =
  /** Have so many streams read the feed from its beginning to its head; the expression may be empty. */
  | { readonly kind: "read"; readonly streams: number; readonly expression: string }
  | { readonly kind: "stop" };

/** What it says. */
export type FromReader =
  | { readonly kind: "ready" }
  | {
      readonly kind: "read";
      readonly events: number;
      readonly frames: number;
      readonly bytes: number;
      readonly firstMs: number;
      readonly lastMs: number;
    };

/** Now, in milliseconds since 1970, finer than a millisecond and the same in every process of the machine. */
export function nowMs(): number {
  return performance.timeOrigin + performance.now();
}
