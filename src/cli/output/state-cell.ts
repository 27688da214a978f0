import type { Emphasis } from "./screen.ts";
import type { Cell } from "./table.ts";

const emphasisByState: Readonly<Record<string, Emphasis>> = {
  SUCCEEDED: "good",
  RECOVERED: "good",
  ATTACHED: "good",
  FAILED: "bad",
  TIMED_OUT: "bad",
  RUNNING: "busy",
  ASSIGNED: "busy",
  PAUSED: "waiting",
  DRAINING: "waiting",
  CANCELLED: "quiet",
  SKIPPED: "quiet",
  PENDING: "quiet",
  DETACHED: "quiet",
};

/** The emphasis of a state of a run, an action, an attempt or a worker. */
export function emphasisOf(state: string): Emphasis | undefined {
  return emphasisByState[state];
}

/** A state as a cell of a table. */
export function stateCell(state: string): Cell {
  return { text: state, emphasis: emphasisOf(state) };
}
