import { create } from "@bufbuild/protobuf";
import { type LogContext, LogContextSchema } from "../../../../gen/flyteidl2/core/execution_pb.ts";
import {
  type ActionAttempt,
  ActionAttemptSchema,
  type ErrorInfo,
  ErrorInfo_Kind,
  ErrorInfoSchema,
} from "../../../../gen/flyteidl2/workflow/run_definition_pb.ts";
import { type Action, type ActionError, type Attempt, attemptOf } from "../../../core/action.ts";
import { namespaceOf } from "../../../core/name.ts";
import type { Values } from "../../../core/value.ts";
import { toTimestamp } from "../../mapping/time.ts";
import { type Phase, phaseOf, phases } from "../phase.ts";
import { outputUriName } from "../stated.ts";

/** The attempts of an action, the first one first. A condition has one, which begins when it is open. */
export function attemptsOf(action: Action, ended: readonly Attempt[]): readonly Attempt[] {
  if (action.spec.kind !== "task") return [openingOf(action)];
  const isOpen = action.attempt > (ended.at(-1)?.number ?? 0) && action.assignTimeMs !== undefined;
  if (!isOpen) return ended;
  const { state, endTimeMs, outputs, error } = action;
  return [...ended, attemptOf(action, { state, endTimeMs, outputs, error })];
}

function openingOf(action: Action): Attempt {
  const { state, queueTimeMs, startTimeMs, createTimeMs, endTimeMs, outputs, error } = action;
  const begun = startTimeMs ?? queueTimeMs ?? createTimeMs;
  return {
    ...attemptOf(action, { state, endTimeMs, outputs, error }),
    number: 1,
    assignTimeMs: undefined,
    startTimeMs: begun,
  };
}

/** Attempts as messages; what each of them waited before it was begun counts from the end of the last. */
export function toAttempts(action: Action, attempts: readonly Attempt[]): ActionAttempt[] {
  return attempts.map((attempt, index) => {
    const waitedFromMs = attempts[index - 1]?.endTimeMs ?? action.queueTimeMs ?? action.createTimeMs;
    return create(ActionAttemptSchema, {
      phase: phaseOf(attempt),
      startTime: toTimestamp(attempt.startTimeMs ?? attempt.assignTimeMs ?? waitedFromMs),
      endTime: toTimestamp(attempt.endTimeMs),
      errorInfo: toErrorInfo(attempt.error),
      attempt: attempt.number,
      outputs: { outputUri: outputsFile(attempt.outputs), reportUri: "" },
      logsAvailable: action.spec.kind === "task" && attempt.startTimeMs !== undefined,
      phaseTransitions: transitionsOf(action, attempt, waitedFromMs),
      logContext: action.spec.kind === "task" ? toLogContext(attempt) : undefined,
    });
  });
}

/** The phases that an attempt went through, from what is known of its times. */
function transitionsOf(action: Action, attempt: Attempt, waitedFromMs: number) {
  const { assignTimeMs, startTimeMs, endTimeMs } = attempt;
  const begun: readonly (readonly [Phase, number | undefined])[] =
    action.spec.kind === "task"
      ? [
          [phases.QUEUED, waitedFromMs],
          [phases.INITIALIZING, assignTimeMs],
          [phases.RUNNING, startTimeMs],
        ]
      : [[action.spec.kind === "condition" ? phases.PAUSED : phases.RUNNING, startTimeMs]];
  const steps = [...begun, [phaseOf(attempt), endTimeMs] as const].flatMap(([phase, atMs]) =>
    atMs === undefined ? [] : [{ phase: phase, atMs }],
  );
  return steps.map(({ phase, atMs }, index) => ({
    phase,
    startTime: toTimestamp(atMs),
    endTime: toTimestamp(steps[index + 1]?.atMs ?? endTimeMs),
  }));
}

/** The file of an attempt's outputs, "" while there is none. */
export function outputsFile(outputs: Values | undefined): string {
  const value = outputs?.[outputUriName];
  const uri = value?.kind === "string" ? value.value : value?.kind === "reference" ? value.uri : "";
  if (uri === "" || uri.endsWith("outputs.pb")) return uri;
  return uri.endsWith("/") ? `${uri}outputs.pb` : `${uri}/outputs.pb`;
}

/** Errors whose cause is not the task: the server or its workers gave them. */
const systemTypes: ReadonlySet<string> = new Set(["WorkerLost", "Evicted", "Declined", "System"]);

/** Why something failed; undefined if it did not. */
export function toErrorInfo(error: ActionError | undefined): ErrorInfo | undefined {
  if (error === undefined) return undefined;
  const { type, message, stack } = error;
  return create(ErrorInfoSchema, {
    message: stack === "" ? message : `${message}\n${stack}`,
    kind: systemTypes.has(type) ? ErrorInfo_Kind.SYSTEM : ErrorInfo_Kind.USER,
    code: type,
  });
}

/** Who writes the log of an attempt: its worker, in the place of a pod. */
export function toLogContext(attempt: Attempt): LogContext | undefined {
  const { workerId: podName, startTimeMs, endTimeMs, run } = attempt;
  if (podName === undefined) return undefined;
  const containerName = "main";
  return create(LogContextSchema, {
    primaryPodName: podName,
    pods: [
      {
        namespace: namespaceOf(run),
        podName,
        primaryContainerName: containerName,
        containers: [
          {
            containerName,
            process: {
              containerStartTime: toTimestamp(startTimeMs),
              containerEndTime: toTimestamp(endTimeMs),
            },
          },
        ],
      },
    ],
  });
}
