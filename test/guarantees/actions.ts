import type { RecordedEvent, Violations } from "./record.ts";

/** What an action does only while it is open. */
const liveKinds: ReadonlySet<string> = new Set([
  "action_queued",
  "action_assigned",
  "action_started",
  "action_progressed",
  "action_logged",
  "attempt_failed",
  "action_returned",
  "action_cancel_requested",
  "action_ended",
  "condition_paused",
  "condition_answered",
]);

/** States that an action which is created may be in already. */
const endStates: ReadonlySet<string> = new Set([
  "SUCCEEDED",
  "FAILED",
  "CANCELLED",
  "TIMED_OUT",
  "SKIPPED",
  "RECOVERED",
]);

/**
 * EndsOnce: an accepted action, and an accepted run, reaches exactly one end, and nothing happens to it
 * behind that until it is opened again. `acknowledged` names runs (`namespace/run`) that must have ended by
 * now. Events that are older than the record are not missed.
 */
export function endsOnce(events: readonly RecordedEvent[], acknowledged: readonly string[] = []): Violations {
  const violations: string[] = [];
  const openRuns = new Set<string>();
  const openByRun = new Map<string, Set<string>>();
  const endedActions = new Set<string>();
  const createdEnded = new Set<string>();
  const endedRuns = new Set<string>();
  for (const event of events) {
    if (event.runId === "") continue;
    const run = runOf(event);
    const action = actionOf(event);
    const open = openByRun.get(run) ?? new Set<string>();
    openByRun.set(run, open);
    const say = (what: string) => violations.push(`${event.eventId}: ${action} ${what}`);
    if (event.kind === "run_retried" && openRuns.has(run)) say("was opened again before its end");
    if (event.kind === "run_created" || event.kind === "run_retried") {
      openRuns.add(run);
      endedRuns.delete(run);
    }
    if (event.kind === "run_ended") {
      openRuns.delete(run);
      if (endedRuns.has(run)) say("ended twice");
      for (const name of open) say(`ended before ${name}`);
      endedRuns.add(run);
    }
    if (event.kind === "action_created") {
      if (open.has(action) || endedActions.has(action) || createdEnded.has(action)) say("was created twice");
      // What an earlier run has done already is created at its end, of which nothing more is said.
      if (endStates.has(event.state ?? "")) createdEnded.add(action);
      else open.add(action);
    }
    if (event.kind === "action_reopened") {
      if (open.has(action)) say("was opened again before its end");
      endedActions.delete(action);
      createdEnded.delete(action);
      open.add(action);
    }
    if (liveKinds.has(event.kind)) {
      if (endedActions.has(action))
        say(event.kind === "action_ended" ? "ended twice" : `has ${event.kind} behind its end`);
      if (endedRuns.has(run)) say(`has ${event.kind} behind the end of its run`);
    }
    if (event.kind === "action_ended") {
      open.delete(action);
      endedActions.add(action);
    }
  }
  for (const run of acknowledged)
    if (!endedRuns.has(run)) violations.push(`${run} was accepted and has not ended`);
  return violations;
}

/** A signal that was accepted, and not merely kept. */
export interface AcceptedSignal {
  readonly namespace: string;
  readonly runId: string;
  readonly action: string;
  readonly value: string;
}

/**
 * OneAnswer: each time it is open, a condition takes at most one answer, and ends with that. Every signal in
 * `accepted` carried the answer of its condition.
 */
export function oneAnswer(
  events: readonly RecordedEvent[],
  accepted: readonly AcceptedSignal[] = [],
): Violations {
  const violations: string[] = [];
  const answerByCondition = new Map<string, string | undefined>();
  const answersByCondition = new Map<string, Set<string>>();
  for (const event of events) {
    const condition = actionOf(event);
    const say = (what: string) => violations.push(`${event.eventId}: ${condition} ${what}`);
    if (event.kind === "action_reopened") answerByCondition.delete(condition);
    if (event.kind === "action_ended" && answerByCondition.has(condition)) {
      const answer = answerByCondition.get(condition);
      if (event.value !== answer) say(`ended with ${event.value}, not with its answer ${answer}`);
    }
    if (event.kind !== "condition_answered") continue;
    if (answerByCondition.has(condition))
      say(`took ${event.value} after ${answerByCondition.get(condition)}`);
    answerByCondition.set(condition, event.value);
    const answers = answersByCondition.get(condition) ?? new Set();
    answersByCondition.set(condition, answers.add(event.value ?? ""));
  }
  for (const signal of accepted) {
    const condition = actionOf(signal);
    if (answersByCondition.get(condition)?.has(signal.value) === true) continue;
    violations.push(`${condition} accepted ${signal.value} and did not take it`);
  }
  return violations;
}

/** The lease that an action has or had last. */
interface Lease {
  readonly epoch: number;
  readonly attempt: number;
  readonly isOver: boolean;
}

/**
 * Fenced: epochs grow with each lease, and what is reported counts only under the lease that is current: an
 * attempt begins, says something and ends under the epoch that it was assigned with, and never after that
 * lease is over.
 */
export function fenced(events: readonly RecordedEvent[]): Violations {
  const violations: string[] = [];
  const leases = new Map<string, Lease>();
  for (const event of events) {
    const action = actionOf(event);
    const known = leases.get(action);
    const say = (what: string) => violations.push(`${event.eventId}: ${action} ${what}`);
    if (event.kind === "action_assigned") {
      const epoch = event.epoch ?? 0;
      if (known !== undefined && epoch <= known.epoch) say(`was leased as ${epoch} after ${known.epoch}`);
      if (known?.isOver === false) say(`was leased as ${epoch} while ${known.epoch} was current`);
      leases.set(action, { epoch, attempt: event.attempt, isOver: false });
      continue;
    }
    const isReported = reportedKinds.has(event.kind) || (event.kind === "action_ended" && event.epoch !== 0);
    // A step is reported under the lease of the task that executes it.
    const lease = known ?? leases.get(action.slice(0, action.lastIndexOf("/")));
    if (isReported && lease !== undefined) {
      if (lease.isOver) say(`has ${event.kind} after its lease ${lease.epoch} was over`);
      else if (event.epoch !== undefined && event.epoch !== lease.epoch) {
        say(`has ${event.kind} under ${event.epoch} while ${lease.epoch} was current`);
      }
      const isOwn = known !== undefined && event.attempt !== 0;
      if (isOwn && event.attempt !== lease.attempt) say(`has ${event.kind} of attempt ${event.attempt}`);
    }
    if (known !== undefined && closingKinds.has(event.kind)) leases.set(action, { ...known, isOver: true });
  }
  return violations;
}

const reportedKinds: ReadonlySet<string> = new Set(["action_started", "action_progressed", "action_logged"]);
const closingKinds: ReadonlySet<string> = new Set(["attempt_failed", "action_returned", "action_ended"]);

function runOf(event: Pick<RecordedEvent, "namespace" | "runId">): string {
  return `${event.namespace}/${event.runId}`;
}

/** Names an action among all; of an event of a whole run it is the run. */
function actionOf(event: Pick<RecordedEvent, "namespace" | "runId" | "action">): string {
  return event.action === "" ? runOf(event) : `${runOf(event)}/${event.action}`;
}
