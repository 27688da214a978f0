import type { MessageInitShape } from "@bufbuild/protobuf";
import type {
  RetryPolicy,
  RetryPolicySchema,
  Timeouts,
  TimeoutsSchema,
} from "../../../gen/signalbox/v1/op_pb.ts";
import { withoutUndefined } from "../without-undefined.ts";
import { fromDuration, toDuration } from "./duration.ts";

/** What happens after a failed attempt. What is not said is the op's, else Signalbox's default. */
export interface NewRetry {
  /** How many attempts there may be in all, 1 to 100. */
  readonly maxAttempts?: number;
  readonly initialBackoffMs?: number;
  /** What the wait grows by each time. */
  readonly multiplier?: number;
  readonly backoffMsMax?: number;
  /** The share of the wait that chance moves it by, 0 to 1. */
  readonly jitter?: number;
  /** Error types after which no further attempt is made. */
  readonly nonRetryableErrorTypes?: readonly string[];
  /** No further attempt by itself; `retry` of the run may use those that are left. */
  readonly manual?: boolean;
}

/** How long the parts of a task's life may take. What is not said is the op's, else without limit. */
export interface NewTimeouts {
  readonly queueToStartMs?: number;
  readonly startToEndMs?: number;
  /** The longest silence of a running attempt. */
  readonly heartbeatMs?: number;
}

/** The message for a retry policy. */
export function toRetry(retry: NewRetry): MessageInitShape<typeof RetryPolicySchema> {
  return withoutUndefined({
    maxAttempts: retry.maxAttempts ?? 0,
    initialBackoff: toDuration(retry.initialBackoffMs),
    multiplier: retry.multiplier ?? 0,
    maxBackoff: toDuration(retry.backoffMsMax),
    jitter: retry.jitter ?? 0,
    nonRetryableErrorTypes: [...(retry.nonRetryableErrorTypes ?? [])],
    manual: retry.manual ?? false,
  });
}

/** A retry policy as plain values: what it says, and nothing else. */
export function fromRetry(retry: RetryPolicy): NewRetry {
  const { maxAttempts, initialBackoff, multiplier, maxBackoff, jitter, nonRetryableErrorTypes } = retry;
  return withoutUndefined({
    maxAttempts: maxAttempts || undefined,
    initialBackoffMs: fromDuration(initialBackoff),
    multiplier: multiplier || undefined,
    backoffMsMax: fromDuration(maxBackoff),
    jitter: jitter || undefined,
    nonRetryableErrorTypes: nonRetryableErrorTypes.length === 0 ? undefined : nonRetryableErrorTypes,
    manual: retry.manual || undefined,
  });
}

/** The message for timeouts. */
export function toTimeouts(timeouts: NewTimeouts): MessageInitShape<typeof TimeoutsSchema> {
  return withoutUndefined({
    queueToStart: toDuration(timeouts.queueToStartMs),
    startToEnd: toDuration(timeouts.startToEndMs),
    heartbeat: toDuration(timeouts.heartbeatMs),
  });
}

/** Timeouts as plain values: what they say, and nothing else. */
export function fromTimeouts({ queueToStart, startToEnd, heartbeat }: Timeouts): NewTimeouts {
  return withoutUndefined({
    queueToStartMs: fromDuration(queueToStart),
    startToEndMs: fromDuration(startToEnd),
    heartbeatMs: fromDuration(heartbeat),
  });
}
