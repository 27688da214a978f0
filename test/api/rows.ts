import type { Action, ActionSpec } from "../../src/core/action.ts";
import { runKey } from "../../src/core/name.ts";
import type { Run } from "../../src/core/run.ts";

/** 2025-01-01, in milliseconds. */
export const newYearMs = 1_735_689_600_000;

/** A task that was stated with nothing but its op. */
export const plainTask: Extract<ActionSpec, { kind: "task" }> = {
  kind: "task",
  op: "count",
  opVersion: 0,
  inputs: {},
  retry: {
    maxAttempts: 1,
    initialBackoffMs: 1_000,
    multiplier: 2,
    maxBackoffMs: 300_000,
    jitter: 0,
    nonRetryableErrorTypes: [],
    manual: false,
  },
  timeouts: { queueToStartMs: undefined, startToEndMs: undefined, heartbeatMs: undefined },
  cancelGraceMs: 10_000,
  demand: undefined,
  image: undefined,
  handler: undefined,
  inputSpecs: undefined,
  outputSpecs: undefined,
  dependencies: [],
  labels: {},
};

/** A condition that asks for a bool, without a deadline. */
export const plainCondition: Extract<ActionSpec, { kind: "condition" }> = {
  kind: "condition",
  type: "bool",
  prompt: "publish?",
  description: "",
  timeoutMs: undefined,
  defaultValue: undefined,
  terms: undefined,
  dependencies: [],
  labels: {},
};

/** A queued task at the top of run `r1`, with whatever a test says about it. */
export function anAction(said: Partial<Action> = {}): Action {
  return {
    run: runKey("default", "r1"),
    name: "main",
    parent: "",
    spec: plainTask,
    state: "QUEUED",
    priority: 0,
    ageMs: newYearMs,
    attempt: 0,
    attemptBase: 0,
    epoch: 0,
    sessionId: undefined,
    deviceIndexes: [],
    holds: [],
    parkedOn: undefined,
    attemptInputs: undefined,
    workerId: undefined,
    reportSequence: 0,
    childCount: 0,
    waitingCount: 0,
    createTimeMs: newYearMs,
    queueTimeMs: undefined,
    assignTimeMs: undefined,
    startTimeMs: undefined,
    endTimeMs: undefined,
    retryTimeMs: undefined,
    beatTimeMs: undefined,
    cancelTimeMs: undefined,
    cancelCause: "",
    dueMs: undefined,
    outputs: undefined,
    error: undefined,
    progressPercent: 0,
    progressMessage: "",
    outcome: undefined,
    signalledBy: "",
    standing: undefined,
    recoveredFrom: undefined,
    isStale: false,
    parentAttempt: 0,
    ...said,
  };
}

/** Run `r1`, just created, with whatever a test says about it. */
export function aRun(said: Partial<Run> = {}): Run {
  return {
    key: runKey("default", "r1"),
    labels: {},
    priority: 0,
    state: "QUEUED",
    createTimeMs: newYearMs,
    startTimeMs: undefined,
    endTimeMs: undefined,
    deadlineMs: undefined,
    dueMs: undefined,
    isSingle: true,
    timeoutMs: undefined,
    pausedConditionCount: 0,
    actionCount: 1,
    endedActionCount: 0,
    worst: undefined,
    error: undefined,
    outputs: undefined,
    cancelRequested: false,
    cancelCause: "",
    timedOut: false,
    retryCount: 0,
    keptSignalCount: 0,
    op: "count",
    opVersion: 0,
    image: "",
    delivery: undefined,
    updateTimeMs: newYearMs,
    createdBy: "rita",
    rerunOf: "",
    ...said,
  };
}
