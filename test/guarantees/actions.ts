import { broke, type RecordedEvent, type Violation } from "./record.ts";

/** A report that a worker made, and what the server said to it. */
export interface RecordedReport {
  readonly runId: string;
  readonly action: string;
  readonly epoch: number;
  /** The epoch that the action is known to have had before the report was made. */
  readonly currentEpoch: number;
  readonly wasTaken: boolean;
}

/** EndsOnce: from creation, and from each reopening, an action and a run reach one end, and all do if said. */
export function endsOnce(
  events: readonly RecordedEvent[],
  { isComplete }: { readonly isComplete: boolean },
): readonly Violation[] {
  const isOpen = new Map<string, boolean>();
  const violations: Violation[] = [];
  for (const event of events) {
    const key = keyOf(event);
    const opens = event.kind === "RUN_CREATED" || event.kind === "ACTION_CREATED";
    const reopens = event.kind === "RUN_RETRIED" || event.kind === "ACTION_REOPENED";
    const ends = event.kind === "RUN_ENDED" || event.kind === "ACTION_ENDED";
    if (opens && isOpen.has(key)) violations.push(broke("EndsOnce", `${key} was created twice`));
    if (reopens && isOpen.get(key) !== false)
      violations.push(broke("EndsOnce", `${key} was opened before its end`));
    if (ends && isOpen.get(key) !== true)
      violations.push(broke("EndsOnce", `${key} ended without being open`));
    if (opens || reopens) isOpen.set(key, true);
    if (ends) isOpen.set(key, false);
  }
  if (!isComplete) return violations;
  const left = [...isOpen].filter(([, open]) => open).map(([key]) => broke("EndsOnce", `${key} never ended`));
  return [...violations, ...left];
}

/** OneAnswer: from creation, and from each reopening, a condition takes at most one answer. */
export function oneAnswer(events: readonly RecordedEvent[]): readonly Violation[] {
  const answered = new Set<string>();
  return events.flatMap((event) => {
    const key = keyOf(event);
    if (event.kind === "ACTION_REOPENED") answered.delete(key);
    if (event.kind !== "CONDITION_ANSWERED") return [];
    if (answered.has(key)) return [broke("OneAnswer", `${key} was answered twice`)];
    answered.add(key);
    return [];
  });
}

/**
 * Fenced: each lease of an action has a higher epoch than the one before, what happens under a lease names the
 * current one, and no report under an older one is taken.
 */
export function fenced(
  events: readonly RecordedEvent[],
  reports: readonly RecordedReport[],
): readonly Violation[] {
  const epochs = new Map<string, number>();
  const violations: Violation[] = [];
  for (const event of events) {
    const key = keyOf(event);
    const { epoch = 0 } = event;
    const current = epochs.get(key);
    if (event.kind === "ACTION_ASSIGNED") {
      if (current !== undefined && epoch <= current) {
        violations.push(broke("Fenced", `${key} was leased under epoch ${epoch} after ${current}`));
      }
      epochs.set(key, epoch);
    } else if (current !== undefined && epoch !== 0 && epoch !== current) {
      violations.push(
        broke("Fenced", `${event.kind} of ${key} under epoch ${epoch}, and ${current} is current`),
      );
    }
  }
  for (const { runId, action, epoch, currentEpoch, wasTaken } of reports) {
    if (!wasTaken || epoch >= currentEpoch) continue;
    violations.push(
      broke("Fenced", `a report on ${runId}/${action} under ${epoch} was taken under ${currentEpoch}`),
    );
  }
  return violations;
}

/** Durable: what was acknowledged is in the feed: each run, and each answer as it was given. */
export function durable(
  events: readonly RecordedEvent[],
  acknowledged: { readonly runIds: readonly string[]; readonly answerByRun: ReadonlyMap<string, unknown> },
): readonly Violation[] {
  const created = new Set(events.filter(({ kind }) => kind === "RUN_CREATED").map(({ runId }) => runId));
  const answers = new Map(
    events.filter(({ kind }) => kind === "CONDITION_ANSWERED").map(({ runId, value }) => [runId, value]),
  );
  return [
    ...acknowledged.runIds
      .filter((runId) => !created.has(runId))
      .map((runId) => broke("Durable", `run ${runId} was acknowledged and is gone`)),
    ...[...acknowledged.answerByRun]
      .filter(([runId, value]) => answers.get(runId) !== value)
      .map(([runId, value]) =>
        broke("Durable", `answer ${String(value)} to ${runId} was acknowledged and is gone`),
      ),
  ];
}

function keyOf({ namespace, runId, action }: RecordedEvent): string {
  return action === "" ? `${namespace}/${runId}` : `${namespace}/${runId}/${action}`;
}
