import { create } from "@bufbuild/protobuf";
import {
  type Duration,
  DurationSchema,
  durationMs,
  type Timestamp,
  timestampFromDate,
} from "@bufbuild/protobuf/wkt";

/**
 * A duration in milliseconds as the message for it; undefined stays what it is. Throws a RangeError for what
 * is no number.
 */
export function toDuration(ms: number | undefined): Duration | undefined {
  if (ms === undefined) {
    return undefined;
  }
  if (!Number.isFinite(ms)) {
    throw new RangeError(`a duration is a number of milliseconds and not ${ms}`);
  }
  const seconds = Math.trunc(ms / 1_000);
  return create(DurationSchema, {
    seconds: BigInt(seconds),
    nanos: Math.round((ms - seconds * 1_000) * 1_000_000),
  });
}

/** The message for a time; undefined stays what it is. */
export function toTimestamp(time: Date | undefined): Timestamp | undefined {
  return time === undefined ? undefined : timestampFromDate(time);
}

/** A duration in milliseconds; undefined stays what it is. */
export function fromDuration(duration: Duration | undefined): number | undefined {
  return duration === undefined ? undefined : durationMs(duration);
}
