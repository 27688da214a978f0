import type { RetryPolicy, Timeouts } from "./action.ts";
import type { Labels } from "./run.ts";

/** What a caller states to register an op. `undefined` leaves Signalbox's own default. */
export interface OpContent {
  readonly description: string;
  readonly labels: Labels;
  readonly retry: Partial<RetryPolicy> | undefined;
  readonly timeouts: Timeouts | undefined;
}

/** One version of an op. */
export interface Op extends OpContent {
  readonly namespace: string;
  readonly name: string;
  readonly version: number;
  readonly createTimeMs: number;
}
