import { create, type JsonObject } from "@bufbuild/protobuf";
import { type TaskSpec, TaskSpecSchema } from "../../../../gen/flyteidl2/task/task_definition_pb.ts";
import {
  type ActionDetails,
  ActionDetailsSchema,
  ConditionActionSchema,
  ConditionPromptType,
  ErrorInfo_Kind,
} from "../../../../gen/flyteidl2/workflow/run_definition_pb.ts";
import type { Action, Attempt, ConditionSpec } from "../../../core/action.ts";
import { anonymousSubject, decidingAnswerOf, termsOf } from "../../../core/conditions/standing.ts";
import { namespaceOf, runKey } from "../../../core/name.ts";
import type { Run } from "../../../core/run.ts";
import { toDuration } from "../../mapping/time.ts";
import { phases } from "../phase.ts";
import { labelNames } from "../stated.ts";
import { rowOf, type ViewRow } from "../view/view-row.ts";
import { type NamedRun, toActionId, toIdentity } from "./identifiers.ts";
import { toLiteral, toLiteralType } from "./literal.ts";
import { rootRowOf, toMetadata, toStatus } from "./to-action.ts";
import { attemptsOf, toAttempts, toErrorInfo } from "./to-attempts.ts";

/** What the details of an action are made of. */
export interface DetailParts {
  readonly run: Run;
  readonly action: Action;
  /** Those that have ended. */
  readonly attempts: readonly Attempt[];
  /** Undefined if it is no task, or its spec is not there. */
  readonly taskSpec: TaskSpec | undefined;
}

type Result = ActionDetails["result"];
type Spec = ActionDetails["spec"];

/** All about an action. */
export function toActionDetails(named: NamedRun, parts: DetailParts): ActionDetails {
  const { run, action, attempts, taskSpec } = parts;
  const row = rowOf(action);
  const metadata = toMetadata(row, run);
  if (action.recoveredFrom !== undefined) {
    const key = runKey(namespaceOf(named.key), action.recoveredFrom);
    metadata.recoveredFrom = toActionId({ org: named.org, key }, action.name);
  }
  return create(ActionDetailsSchema, {
    id: toActionId(named, action.name),
    metadata,
    status: toStatus(row),
    result: resultOf(action, row),
    spec: specOf(action, taskSpec),
    attempts: toAttempts(action, attemptsOf(action, attempts)),
  });
}

/** All there is to say of the first action of a run that was not made through Flyte. */
export function toRunAsAction(named: NamedRun, run: Run): ActionDetails {
  const row = rootRowOf(run, undefined);
  return create(ActionDetailsSchema, {
    id: toActionId(named, row.name),
    metadata: toMetadata(row, run),
    status: toStatus(row),
    result: endOf(row, run),
  });
}

function resultOf(action: Action, row: ViewRow): Result {
  if (action.spec.kind === "condition") {
    if (row.phase === phases.SUCCEEDED) return signalOf(action);
    if (row.phase === phases.TIMED_OUT) return { case: "errorInfo", value: timedOut() };
  }
  return endOf(row, action);
}

function timedOut() {
  const error = {
    type: "ConditionTimedOut",
    message: "no answer came in time",
    stack: "",
    nonRetryable: true,
  };
  const info = toErrorInfo(error);
  if (info === undefined) throw new Error("an error has its information");
  info.kind = ErrorInfo_Kind.USER;
  return info;
}

function endOf(
  { phase }: ViewRow,
  { error, cancelCause }: Pick<Action, "error" | "cancelCause"> | Pick<Run, "error" | "cancelCause">,
): Result {
  if (phase === phases.ABORTED) {
    const reason = cancelCause === "" ? (error?.message ?? "") : cancelCause;
    return { case: "abortInfo", value: { $typeName: "flyteidl2.workflow.AbortInfo", reason } };
  }
  const info = phase === phases.FAILED || phase === phases.TIMED_OUT ? toErrorInfo(error) : undefined;
  return info === undefined ? { case: undefined } : { case: "errorInfo", value: info };
}

function signalOf(action: Action): Result {
  const value = action.outputs?.["value"];
  const answer = decidingAnswerOf(action);
  const subject = answer?.subject === anonymousSubject ? "" : (answer?.subject ?? "");
  const by = action.signalledBy === "" ? subject : action.signalledBy;
  return {
    case: "signalInfo",
    value: {
      $typeName: "flyteidl2.workflow.SignalInfo",
      ...given("signalledBy", toIdentity(by)),
      ...given("output", value === undefined ? undefined : toLiteral(value)),
    },
  };
}

function given<N extends string, T>(name: N, value: T | undefined): { readonly [name in N]?: T } {
  return value === undefined ? {} : ({ [name]: value } as { readonly [name in N]?: T });
}

function specOf(action: Action, taskSpec: TaskSpec | undefined): Spec {
  const { spec } = action;
  switch (spec.kind) {
    case "condition":
      return { case: "condition", value: toConditionAction(action, spec) };
    case "trace":
      return { case: "trace", value: { $typeName: "flyteidl2.task.TraceSpec" } };
    case "task":
      return { case: "task", value: taskSpec ?? create(TaskSpecSchema) };
  }
}

const promptTypes: Readonly<Record<string, ConditionPromptType>> = {
  TEXT: ConditionPromptType.TEXT,
  MARKDOWN: ConditionPromptType.MARKDOWN,
};

function toConditionAction(action: Action, spec: ConditionSpec) {
  const { webhook } = termsOf(action);
  const { payload } = webhook ?? {};
  const isObject = typeof payload === "object" && payload !== null && !Array.isArray(payload);
  return create(ConditionActionSchema, {
    name: rowOf(action).condition?.displayName ?? "",
    type: toLiteralType(spec.type),
    prompt: spec.prompt,
    description: spec.description,
    promptType: promptTypes[spec.labels[labelNames.promptType] ?? ""] ?? ConditionPromptType.UNSPECIFIED,
    ...given("timeout", toDuration(spec.timeoutMs)),
    ...given(
      "webhook",
      webhook === undefined
        ? undefined
        : {
            url: webhook.url,
            ...given("payload", isObject ? (payload as JsonObject) : undefined),
          },
    ),
  });
}
