import type { Action, Attempt, ConditionSpec, TaskSpec } from "../../src/core/action.ts";
import { postKey, type WebhookPost } from "../../src/core/conditions/outbox.ts";
import {
  anonymousSubject,
  type ConditionStanding,
  type GivenAnswer,
} from "../../src/core/conditions/standing.ts";
import type { ConditionTerms } from "../../src/core/conditions/terms.ts";
import type { Event } from "../../src/core/event.ts";
import { type Counter, counterKey, type Limit } from "../../src/core/limits/limit.ts";
import type { KeptSignal, KeyedSignal } from "../../src/core/loaded.ts";
import { parentOf, type RunKey, runIdOf } from "../../src/core/name.ts";
import type { Op } from "../../src/core/ops/op.ts";
import { noCapacity, nothingReserved } from "../../src/core/placement/demand.ts";
import type { Run } from "../../src/core/run.ts";
import type { Session } from "../../src/core/session.ts";
import type { DeadLetter, Subscription } from "../../src/core/subscriptions/subscription.ts";
import { bool, by, terms } from "./builders.ts";

/** The key of a run of the namespace `default`, or of the one that stands before its id. */
export function keyOf(name: string): RunKey {
  return (name.includes("/") ? name : `default/${name}`) as RunKey;
}

/** A run as a store keeps it. */
export function runRow(name: string, parts: Partial<Run> = {}): Run {
  return {
    key: keyOf(name),
    labels: {},
    priority: 0,
    state: "QUEUED",
    createTimeMs: 1_000,
    startTimeMs: undefined,
    endTimeMs: undefined,
    deadlineMs: undefined,
    isSingle: false,
    timeoutMs: undefined,
    dueMs: undefined,
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
    op: "",
    opVersion: 0,
    image: "",
    delivery: undefined,
    updateTimeMs: parts.endTimeMs ?? parts.startTimeMs ?? parts.createTimeMs ?? 1_000,
    createdBy: anonymousSubject,
    rerunOf: "",
    ...parts,
  };
}

/** What a task of the op `work` is told. */
export function taskSpec(parts: Partial<TaskSpec> = {}): TaskSpec {
  return {
    kind: "task",
    op: "work",
    opVersion: 0,
    inputs: {},
    retry: {
      maxAttempts: 1,
      initialBackoffMs: 1,
      multiplier: 2,
      maxBackoffMs: 10,
      jitter: 0,
      nonRetryableErrorTypes: [],
      manual: false,
    },
    timeouts: { queueToStartMs: undefined, startToEndMs: undefined, heartbeatMs: undefined },
    cancelGraceMs: 10,
    demand: undefined,
    image: undefined,
    handler: undefined,
    inputSpecs: undefined,
    outputSpecs: undefined,
    dependencies: [],
    labels: {},
    ...parts,
  };
}

/** What a condition of type bool is told. */
export const conditionSpec: ConditionSpec = {
  kind: "condition",
  type: "bool",
  prompt: "?",
  description: "",
  timeoutMs: undefined,
  defaultValue: undefined,
  terms: undefined,
  dependencies: [],
  labels: {},
};

/** An action as a store keeps it: a task that waits, unless said. */
export function actionRow(run: string, name: string, parts: Partial<Action> = {}): Action {
  return {
    run: keyOf(run),
    name,
    parent: parentOf(name),
    spec: taskSpec(),
    state: "PENDING",
    priority: 0,
    ageMs: 1_000,
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
    waitingCount: 0,
    createTimeMs: 1_000,
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
    childCount: 0,
    isStale: false,
    parentAttempt: 0,
    ...parts,
  };
}

/** A condition as a store keeps it: an open one, unless said. */
export function conditionRow(run: string, name: string, parts: Partial<Action> = {}): Action {
  return actionRow(run, name, { spec: conditionSpec, state: "PAUSED", ...parts });
}

/** What a condition of type bool is told that has only these terms, and times out after `timeoutMs`. */
export function conditionWith(parts: Partial<ConditionTerms>, timeoutMs?: number): ConditionSpec {
  return { ...conditionSpec, timeoutMs, terms: terms(parts) };
}

/** Where a condition stands that somebody has to do with, but for what is said. */
export function standingRow(parts: Partial<ConditionStanding> = {}): ConditionStanding {
  return {
    instance: 1,
    answers: [],
    earlier: [],
    assignee: "",
    delegations: [],
    snoozeEndMs: undefined,
    deadlineMs: undefined,
    escalationCount: 0,
    linkRefusalCount: 0,
    mustEqual: undefined,
    ...parts,
  };
}

/** A yes that a subject gave. */
export function givenAnswer(subject: string, parts: Partial<GivenAnswer> = {}): GivenAnswer {
  return {
    value: bool(true),
    subject,
    signalledBy: "",
    comment: "",
    channel: "call",
    origin: "",
    timeMs: 1_000,
    instance: 1,
    runId: "",
    ...parts,
  };
}

/** A yes that came before its condition. */
export function keptSignalRow(run: string, action: string, parts: Partial<KeptSignal> = {}): KeptSignal {
  return { run: keyOf(run), action, value: bool(true), by: by("ana"), timeMs: 1_000, ...parts };
}

/** A yes that is kept for a correlation key. */
export function keyedSignalRow(correlationKey: string, parts: Partial<KeyedSignal> = {}): KeyedSignal {
  return {
    namespace: "default",
    correlationKey,
    value: bool(true),
    by: by("ana"),
    timeMs: 1_000,
    expireMs: 9_000,
    ...parts,
  };
}

/** A post that tells of a condition that is open. */
export function postRow(run: string, action: string, parts: Partial<WebhookPost> = {}): WebhookPost {
  const about = {
    run: keyOf(run),
    action,
    instance: 1,
    about: "condition_paused",
    step: 0,
    ...parts,
  } as const;
  return {
    ...about,
    key: postKey(about),
    createTimeMs: 1_000,
    dueMs: 1_000,
    deliveryCount: 0,
    cause: "",
    ...parts,
  };
}

/** An attempt that succeeded. */
export function attemptRow(
  run: string,
  action: string,
  number: number,
  parts: Partial<Attempt> = {},
): Attempt {
  return {
    run: keyOf(run),
    action,
    number,
    state: "SUCCEEDED",
    epoch: number,
    workerId: "w",
    inputs: undefined,
    deviceIndexes: [],
    assignTimeMs: 1_000,
    startTimeMs: 1_001,
    endTimeMs: 1_002,
    outputs: undefined,
    error: undefined,
    progressPercent: 0,
    progressMessage: "",
    ...parts,
  };
}

/** A session of the worker `w`, unless said. */
export function sessionRow(id: string, parts: Partial<Session> = {}): Session {
  return {
    id,
    namespace: "default",
    workerId: "w",
    incarnation: "1",
    ops: ["work"],
    labels: {},
    capacity: noCapacity,
    taints: [],
    sharedNamespaces: [],
    reserved: nothingReserved,
    state: "ATTACHED",
    isDraining: false,
    attachTimeMs: 1_000,
    leaseEndMs: 5_000,
    ...parts,
  };
}

/** A version of an op. */
export function opRow(name: string, version: number, parts: Partial<Op> = {}): Op {
  return {
    namespace: "default",
    name,
    version,
    createTimeMs: 1_000,
    updateTimeMs: 1_000,
    description: "",
    labels: {},
    retry: undefined,
    timeouts: undefined,
    versionName: "",
    inputs: { specs: {}, allowExtra: false },
    outputs: {},
    resources: undefined,
    placement: undefined,
    delivery: undefined,
    image: "",
    handler: "",
    ...parts,
  };
}

/** A task's spec with a demand of this shape. */
export function shapedSpec(shape: string, parts: Partial<TaskSpec> = {}): TaskSpec {
  const resources = {
    cpuMilli: 500,
    ramMb: undefined,
    vramMb: undefined,
    deviceCount: undefined,
    deviceIndex: undefined,
  };
  return taskSpec({
    demand: { resources, placement: { workerLabels: {}, tolerations: [] }, shape },
    ...parts,
  });
}

/** A limit of a namespace as a whole, unless said. */
export function limitRow(name: string, parts: Partial<Limit> = {}): Limit {
  return {
    namespace: "default",
    name,
    updateTimeMs: 1_000,
    scope: { kind: "namespace" },
    concurrentMax: 1,
    rate: undefined,
    shareWeight: 1,
    ...parts,
  };
}

/** The counter of a limit, for a value of its label or "". */
export function counterRow(limit: string, value: string, parts: Partial<Counter> = {}): Counter {
  const namespace = parts.namespace ?? "default";
  return {
    key: counterKey(namespace, limit, value),
    namespace,
    limit,
    value,
    heldCount: 0,
    fullTimeMs: 0,
    dueMs: undefined,
    ...parts,
  };
}

/** A subscription that is pulled from, to everything. */
export function subscriptionRow(name: string, parts: Partial<Subscription> = {}): Subscription {
  return {
    namespace: "default",
    name,
    createTimeMs: 1_000,
    filter: { namespace: "-", runId: "", kinds: [], labels: {}, topics: [] },
    target: { kind: "pull" },
    ackTimeoutMs: 1_000,
    deliveriesMax: 3,
    inFlightMax: 10,
    initialBackoffMs: 10,
    maxBackoffMs: 100,
    through: 0,
    ahead: [],
    deadLetterCount: 0,
    missedCount: 0,
    ...parts,
  };
}

/** An event that a subscription set aside. */
export function deadLetterRow(
  subscription: string,
  position: number,
  parts: Partial<DeadLetter> = {},
): DeadLetter {
  return {
    namespace: "default",
    subscription,
    position,
    deliveryCount: 3,
    cause: "refused",
    timeMs: 1_000,
    ...parts,
  };
}

/** An event of a run, or of none for "". */
export function eventRow(run: string, message = "", parts: Partial<Event> = {}): Event {
  return {
    timeMs: 1_000,
    namespace: run.includes("/") ? run.slice(0, run.indexOf("/")) : "default",
    runId: run === "" ? "" : runIdOf(keyOf(run)),
    action: "",
    attempt: 0,
    runLabels: {},
    delivery: undefined,
    detail: { kind: "action_logged", level: "info", message },
    ...parts,
  };
}
