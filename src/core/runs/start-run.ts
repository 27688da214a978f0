import type { Draft } from "../draft.ts";
import type { Run } from "../run.ts";

/** Notes that something of a run has begun; says so in the feed the first time, and again after a retry. */
export function startRun(draft: Draft, run: Run): Run {
  if (run.state !== "QUEUED") return run;
  const started: Run = {
    ...run,
    state: "RUNNING",
    startTimeMs: run.startTimeMs ?? draft.nowMs,
    updateTimeMs: draft.nowMs,
  };
  draft.setRun(started);
  draft.emit(started, undefined, { kind: "run_started" });
  return started;
}
