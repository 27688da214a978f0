import type { Action } from "../action.ts";

/** The earliest of some times; undefined ones do not count. */
export function earliest(times: readonly (number | undefined)[]): number | undefined {
  let first: number | undefined;
  for (const time of times) if (time !== undefined && (first === undefined || time < first)) first = time;
  return first;
}

/** When a running task is to be looked at again: the end of its time, of its silence, or of its grace. */
export function runningDueMs(action: Action): number | undefined {
  return earliest([attemptEndMs(action), silenceEndMs(action), graceEndMs(action)]);
}

/** When the time of its running attempt is over. */
export function attemptEndMs(action: Action): number | undefined {
  const limit = action.spec.kind === "task" ? action.spec.timeouts.startToEndMs : undefined;
  return limit === undefined || action.startTimeMs === undefined ? undefined : action.startTimeMs + limit;
}

/** When its running attempt has been silent for too long. */
export function silenceEndMs(action: Action): number | undefined {
  const limit = action.spec.kind === "task" ? action.spec.timeouts.heartbeatMs : undefined;
  return limit === undefined || action.beatTimeMs === undefined ? undefined : action.beatTimeMs + limit;
}

/** When its worker has had all the time to stop that a cancel gives it. */
export function graceEndMs(action: Action): number | undefined {
  if (action.spec.kind !== "task" || action.cancelTimeMs === undefined) return undefined;
  return action.cancelTimeMs + action.spec.cancelGraceMs;
}
