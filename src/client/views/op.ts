import { durationMs } from "@bufbuild/protobuf/wkt";
import type { Op as OpMessage, RetryPolicy, Timeouts } from "../../../gen/signalbox/v1/op_pb.ts";
import type { NewRetry, NewTimeouts } from "../plan.ts";
import { toDate } from "./name.ts";

/** A registered, versioned operation. */
export interface Op {
  readonly namespace: string;
  readonly name: string;
  /** Grows by one with each registration that changes the content. */
  readonly version: number;
  readonly description: string;
  readonly labels: Readonly<Record<string, string>>;
  /** What a task of it does after a failed attempt, unless it says its own. */
  readonly retry: NewRetry | undefined;
  /** How long a task of it may take, unless it says its own. */
  readonly timeouts: NewTimeouts | undefined;
  /** When this version was registered. */
  readonly createTime: Date | undefined;
}

/** An op as plain values. */
export function toOp(op: OpMessage): Op {
  return {
    namespace: op.namespace,
    name: op.name,
    version: op.version,
    description: op.description,
    labels: op.labels,
    retry: op.retry === undefined ? undefined : fromRetry(op.retry),
    timeouts: op.timeouts === undefined ? undefined : fromTimeouts(op.timeouts),
    createTime: toDate(op.createTime),
  };
}

function fromRetry(retry: RetryPolicy): NewRetry {
  const { maxAttempts, initialBackoff, multiplier, maxBackoff, jitter, nonRetryableErrorTypes } = retry;
  return {
    ...(maxAttempts === 0 ? {} : { maxAttempts }),
    ...(initialBackoff === undefined ? {} : { initialBackoffMs: durationMs(initialBackoff) }),
    ...(multiplier === 0 ? {} : { multiplier }),
    ...(maxBackoff === undefined ? {} : { backoffMsMax: durationMs(maxBackoff) }),
    ...(jitter === 0 ? {} : { jitter }),
    ...(nonRetryableErrorTypes.length === 0 ? {} : { nonRetryableErrorTypes }),
  };
}

function fromTimeouts({ queueToStart, startToEnd, heartbeat }: Timeouts): NewTimeouts {
  return {
    ...(queueToStart === undefined ? {} : { queueToStartMs: durationMs(queueToStart) }),
    ...(startToEnd === undefined ? {} : { startToEndMs: durationMs(startToEnd) }),
    ...(heartbeat === undefined ? {} : { heartbeatMs: durationMs(heartbeat) }),
  };
}
