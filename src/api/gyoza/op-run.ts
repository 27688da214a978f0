import { durationMs, timestampDate } from "@bufbuild/protobuf/wkt";
import {
  type Action,
  Action_State,
  type Attempt,
  type TimelineEntry,
  TimelineEntry_Type,
} from "../../../gen/signalbox/v1/action_pb.ts";
import { type Run, Run_State } from "../../../gen/signalbox/v1/run_pb.ts";
import { fromResources, fromRetry } from "./definitions.ts";
import { toPlain } from "./fields.ts";

/** What a run is shown from; a plan has no action `main`. */
export interface RunParts {
  readonly run: Run;
  readonly action?: Action | undefined;
  readonly attempts?: readonly Attempt[];
  /** The timeline of the current attempt. */
  readonly entries?: readonly TimelineEntry[];
}

/** The states of our runs in which a run of theirs may be in a state. */
export const runStates: Readonly<Record<string, readonly (keyof typeof Run_State)[]>> = {
  PENDING: ["QUEUED", "RUNNING"],
  ASSIGNED: ["QUEUED", "RUNNING"],
  RUNNING: ["RUNNING"],
  COMPLETED: ["SUCCEEDED"],
  FAILED: ["FAILED", "TIMED_OUT"],
  CANCELLED: ["CANCELLED"],
};

/** A run as gyoza's clients read it. */
export function toOpRun({ run, action, attempts = [], entries = [] }: RunParts): Record<string, unknown> {
  const current = attempts.at(-1);
  const shown = action?.attempt === current?.number ? current : undefined;
  return {
    id: run.runId,
    state: action === undefined ? stateOfRun(run.state) : stateOf(action.state),
    priority: run.priority,
    image: run.image,
    op_definition: run.opVersion === 0 ? null : run.op,
    inputs: inputsOf(action, shown),
    outputs: toPlain(run.outputs),
    progress: action?.progressPercent ?? 0,
    // Theirs is made with the run, ours when it is assigned.
    current_attempt: Math.max(1, action?.attempt ?? 1),
    constraints: fromResources(action?.resources),
    retry_policy: fromRetry(action?.retry),
    event_delivery: { topic: run.delivery?.topic ?? "", attributes: run.delivery?.attributes ?? {} },
    execution_summary: toSummary(shown),
    events: entries.map(toEvent),
    attempts: attempts.map((attempt) => toAttempt(attempt, run)),
    created_at: toTime(run.createTime),
    updated_at: toTime(run.updateTime),
  };
}

function toAttempt(attempt: Attempt, run: Run): Record<string, unknown> {
  return {
    id: attempt.attemptId,
    op_run_id: run.runId,
    attempt: attempt.number,
    state: stateOf(attempt.state),
    progress: attempt.progressPercent,
    inputs: toPlain(attempt.inputs),
    outputs: toPlain(attempt.outputs),
    constraints: fromResources(attempt.resources),
    execution_summary: toSummary(attempt),
    started_at: toTime(attempt.startTime),
    finished_at: toTime(attempt.endTime),
  };
}

function toSummary(attempt: Attempt | undefined): Record<string, unknown> {
  const { duration, workerId = "", errorMessage = "", deviceIndexes = [] } = attempt?.summary ?? {};
  return {
    duration_ms: duration === undefined ? null : durationMs(duration),
    worker_id: workerId || null,
    error_message: errorMessage || null,
    gpu_id: deviceIndexes[0] ?? null,
  };
}

const typeNames = new Map<number, string>(
  Object.entries(TimelineEntry_Type).map(([name, number]) => [number, name]),
);

function toEvent({
  index,
  type,
  createTime,
  message,
  payload,
  state,
}: TimelineEntry): Record<string, unknown> {
  const name = typeNames.get(type) ?? "INFO";
  return {
    id: index,
    type: name === "RETURNED" ? "INFO" : name,
    t: toTime(createTime),
    msg: message.value ?? "",
    payload: payload ?? {},
    state: stateOf(state),
  };
}

function inputsOf(action: Action | undefined, attempt: Attempt | undefined): unknown {
  if (attempt !== undefined) return toPlain(attempt.inputs);
  const values = Object.entries(action?.inputs ?? {}).flatMap(([name, { source }]) =>
    source.case === "value" ? [[name, source.value] as const] : [],
  );
  return toPlain(Object.fromEntries(values));
}

function stateOf(state: Action_State): string {
  switch (state) {
    case Action_State.ASSIGNED:
      return "ASSIGNED";
    case Action_State.RUNNING:
    case Action_State.PAUSED:
      return "RUNNING";
    case Action_State.SUCCEEDED:
    case Action_State.RECOVERED:
      return "COMPLETED";
    case Action_State.FAILED:
    case Action_State.TIMED_OUT:
      return "FAILED";
    case Action_State.CANCELLED:
    case Action_State.SKIPPED:
      return "CANCELLED";
    default:
      return "PENDING";
  }
}

function stateOfRun(state: Run_State): string {
  switch (state) {
    case Run_State.SUCCEEDED:
      return "COMPLETED";
    case Run_State.FAILED:
    case Run_State.TIMED_OUT:
      return "FAILED";
    case Run_State.CANCELLED:
      return "CANCELLED";
    case Run_State.RUNNING:
      return "RUNNING";
    default:
      return "PENDING";
  }
}

function toTime(time: Parameters<typeof timestampDate>[0] | undefined): string | null {
  return time === undefined ? null : timestampDate(time).toISOString();
}
