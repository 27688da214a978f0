import type { Draft } from "../../draft.ts";
import type { Run } from "../../run.ts";

/** Why a kept signal is of no use to anybody. */
export type DropCause =
  | "SIGNAL_TYPE_MISMATCH"
  | "ANSWER_INVALID"
  | "NOT_ALLOWED"
  | "LIMIT_REACHED"
  | "TOO_EARLY"
  | "ACTION_NOT_CONDITION"
  | "ACTION_ENDED"
  | "RUN_ENDED";

/** Lets go of a signal that is kept for an action, if there is one, and says so in the feed. */
export function dropKeptSignal(
  draft: Draft,
  run: Run,
  { action, cause }: { readonly action: string; readonly cause: DropCause },
): void {
  // Most runs keep none: they are not asked for.
  if (run.keptSignalCount === 0 || draft.keptSignal(run.key, action) === undefined) return;
  releaseKeptSignal(draft, run, action);
  draft.emitNamed(run, action, { kind: "signal_dropped", cause, correlationKey: undefined });
}

/** Lets go of a signal that is kept for an action: it is about to be used. */
export function releaseKeptSignal(draft: Draft, run: Run, action: string): void {
  draft.dropSignal(run.key, action);
  const current = draft.run(run.key) ?? run;
  draft.setRun({ ...current, keptSignalCount: current.keptSignalCount - 1 });
}
