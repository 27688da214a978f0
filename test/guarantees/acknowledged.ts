import type { RecordedEvent, Violations } from "./record.ts";

/** A report that a worker made, and what the server said to it. */
export interface RecordedReport {
  readonly runId: string;
  readonly action: string;
  readonly epoch: number;
  /** The epoch that the action is known to have had before the report was made. */
  readonly currentEpoch: number;
  readonly wasTaken: boolean;
}

/**
 * Durable: a run that was acknowledged (`namespace/run`) is in the feed of a server that was killed since.
 */
export function durable(events: readonly RecordedEvent[], acknowledged: readonly string[]): Violations {
  const created = new Set(
    events
      .filter(({ kind }) => kind === "run_created")
      .map(({ namespace, runId }) => `${namespace}/${runId}`),
  );
  return acknowledged.filter((run) => !created.has(run)).map((run) => `${run} was acknowledged and is gone`);
}

/** Fenced, as a worker sees it: no report under an old epoch is taken. */
export function fencedReports(reports: readonly RecordedReport[]): Violations {
  return reports
    .filter(({ epoch, currentEpoch, wasTaken }) => wasTaken && epoch < currentEpoch)
    .map(
      ({ runId, action, epoch, currentEpoch }) =>
        `a report on ${runId}/${action} under ${epoch} was taken while ${currentEpoch} was current`,
    );
}
