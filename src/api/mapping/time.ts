import type { Duration, Timestamp } from "@bufbuild/protobuf/wkt";

/** A time in milliseconds since 1970 as a message; undefined stays undefined. */
export function toTimestamp(timeMs: number | undefined): Timestamp | undefined {
  if (timeMs === undefined) return undefined;
  const seconds = Math.floor(timeMs / 1000);
  const nanos = Math.round((timeMs - seconds * 1000) * 1_000_000);
  return { $typeName: "google.protobuf.Timestamp", seconds: BigInt(seconds), nanos };
}

/** A time of a request in whole milliseconds since 1970, rounded up; undefined stays undefined. */
export function fromTimestamp(time: Timestamp | undefined): number | undefined {
  return time === undefined ? undefined : Number(time.seconds) * 1000 + Math.ceil(time.nanos / 1_000_000);
}

/** A duration in milliseconds as a message; undefined stays undefined. */
export function toDuration(durationMs: number | undefined): Duration | undefined {
  if (durationMs === undefined) return undefined;
  const seconds = Math.floor(durationMs / 1000);
  const nanos = Math.round((durationMs - seconds * 1000) * 1_000_000);
  return { $typeName: "google.protobuf.Duration", seconds: BigInt(seconds), nanos };
}

/**
 * A duration in whole milliseconds, rounded up, so that nothing runs out before its time; undefined stays
 * undefined. The schema bounds every duration of a request, so that the number is exact.
 */
export function fromDuration(duration: Duration): number;
export function fromDuration(duration: Duration | undefined): number | undefined;
export function fromDuration(duration: Duration | undefined): number | undefined {
  if (duration === undefined) return undefined;
  return Number(duration.seconds) * 1000 + Math.ceil(duration.nanos / 1_000_000);
}
