import type { Action, ActionSpec, ActionState } from "../../core/action.ts";
import type { RunState } from "../../core/run.ts";

/** Where an action of Flyte stands, by Flyte's numbers, as its enum `ActionPhase` has them. */
export const phases = {
  UNSPECIFIED: 0,
  QUEUED: 1,
  WAITING_FOR_RESOURCES: 2,
  INITIALIZING: 3,
  RUNNING: 4,
  SUCCEEDED: 5,
  FAILED: 6,
  ABORTED: 7,
  TIMED_OUT: 8,
  PAUSED: 9,
  RECOVERED: 10,
} as const;

/** How many phases there are: one more than the greatest number. */
export const phaseCount = 11;

/** A phase by its number. */
export type Phase = (typeof phases)[keyof typeof phases];

const byState: Readonly<Record<ActionState, Phase>> = {
  PENDING: phases.QUEUED,
  QUEUED: phases.QUEUED,
  ASSIGNED: phases.INITIALIZING,
  RUNNING: phases.RUNNING,
  PAUSED: phases.PAUSED,
  SUCCEEDED: phases.SUCCEEDED,
  FAILED: phases.FAILED,
  CANCELLED: phases.ABORTED,
  TIMED_OUT: phases.TIMED_OUT,
  SKIPPED: phases.ABORTED,
  // Clients that do not know RECOVERED would wait for ever.
  RECOVERED: phases.SUCCEEDED,
};

/** The phase of an action. Only conditions are ever PAUSED, and nothing is ever RECOVERED. */
export function phaseOf({ state }: Pick<Action, "state">): Phase {
  return byState[state];
}

/** The phase of a run that has no action `a0`. */
export function phaseOfRun(state: RunState): Phase {
  return byState[state];
}

/** True for a phase that an action does not leave by itself. */
export function isTerminal(phase: Phase): boolean {
  return phase >= phases.SUCCEEDED && phase !== phases.PAUSED;
}

/** What an action is, by the numbers of Flyte's enum `ActionType`. */
export const actionTypes: Readonly<Record<ActionSpec["kind"], 1 | 2 | 3>> = {
  task: 1,
  trace: 2,
  condition: 3,
};
