import type { RecordedEvent, RecordedFrame, RecordedStream } from "../../guarantees/record.ts";

/** What a client asks of one run. */
export type Request =
  | { readonly f: "create" | "cancel" | "retry" | "read-run" | "read-condition" }
  | { readonly f: "signal"; readonly value: number };

/** What a client was told: the answer, or why not. */
export interface Response {
  readonly refused?: string;
  /** Of a run, of a condition, or of an ended run that refuses. */
  readonly state?: string;
  readonly retryCount?: number;
  readonly cancelRequested?: boolean;
  readonly answer?: number;
  readonly kept?: boolean;
  readonly repeated?: boolean;
}

/** What a run of the load is: it says which model explains it. */
export type RunKind = "condition" | "task" | "plan";

/** Which events a subscriber asks for. */
export type FilterName = "all" | "ends";

/**
 * A line of a history: JSON, in the order in which things happened to the one who wrote it. Times are
 * microseconds of one monotonic clock. An operation has two lines, its call (`invoke`) and its end: `ok`,
 * `fail` (refused, so it did nothing) or `unknown` (it may take effect at any time later, or never).
 */
export type Line =
  | { readonly type: "history"; readonly name: string; readonly seed: number; readonly at: number }
  | {
      readonly type: "invoke";
      readonly id: number;
      readonly process: string;
      readonly at: number;
      readonly kind: RunKind;
      readonly key: string;
      readonly request: Request;
    }
  | {
      readonly type: "ok" | "fail" | "unknown";
      readonly id: number;
      readonly process: string;
      readonly at: number;
      readonly response?: Response;
      readonly error?: string;
    }
  /** Something that no fault explains, such as a call that failed by a mistake of the server. */
  | { readonly type: "bug"; readonly at: number; readonly process: string; readonly error: string }
  | { readonly type: "fault"; readonly at: number; readonly kind: string; readonly of: string }
  | {
      readonly type: "stream";
      readonly subscriber: string;
      readonly filter: FilterName;
      readonly start: RecordedStream["start"];
    }
  | { readonly type: "frame"; readonly subscriber: string; readonly frame: RecordedFrame }
  /** The subscriber's last stream went on until it was told that nothing more was there. */
  | { readonly type: "quiet"; readonly subscriber: string }
  /** The feed as it is read afresh, when all is over. */
  | {
      readonly type: "reference";
      readonly filter: FilterName;
      readonly transactions: readonly (readonly RecordedEvent[])[];
      /** True if each of them is told as the feed has it, and not as what is known from elsewhere. */
      readonly isTold?: boolean;
    }
  /** Every run that was acknowledged and ends by itself must have ended by here. */
  | { readonly type: "over"; readonly at: number };
