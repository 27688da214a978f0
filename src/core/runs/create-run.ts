import { createAction, startAction } from "../actions/create-action.ts";
import { settle } from "../actions/settle.ts";
import type { Decision } from "../change.ts";
import type { CommandOf, NewAction } from "../command.ts";
import type { Draft } from "../draft.ts";
import { mainAction, runKey } from "../name.ts";
import { type Refusal, refuse } from "../refusal.ts";
import type { Run } from "../run.ts";
import { labelBytesRefusal } from "./label-bytes.ts";
import { planViolations } from "./plan.ts";
import { answer, repeated } from "./requests.ts";

/** Creates a run with all its actions, and queues or pauses what waits for nothing. */
export function createRun(draft: Draft, command: CommandOf<"createRun">): Decision<"createRun"> {
  const scope = { namespace: command.namespace, kind: command.kind, request: command.request };
  const before = repeated(draft, scope);
  if (before !== undefined) return before;
  const runId = command.runId === "" ? command.newRunId : command.runId;
  const key = runKey(command.namespace, runId);
  if (draft.run(key) !== undefined) return refuse({ reason: "RUN_EXISTS", runId });
  const isSingle = "task" in command.work;
  const actions: readonly NewAction[] =
    "task" in command.work
      ? [{ name: mainAction, spec: command.work.task, dependencies: [], labels: {} }]
      : command.work.plan;
  const refusal = checkActions(draft, command, actions);
  if (refusal !== undefined) return refuse(refusal);
  const deadlineMs = command.timeoutMs === undefined ? undefined : draft.nowMs + command.timeoutMs;
  const run: Run = {
    key,
    labels: command.labels,
    priority: command.priority,
    state: "QUEUED",
    createTimeMs: draft.nowMs,
    startTimeMs: undefined,
    endTimeMs: undefined,
    deadlineMs,
    dueMs: deadlineMs,
    isSingle,
    timeoutMs: command.timeoutMs,
    pausedConditionCount: 0,
    actionCount: actions.length,
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
    delivery: command.delivery,
    updateTimeMs: draft.nowMs,
  };
  draft.setRun(run);
  draft.emit(run, undefined, { kind: "run_created", priority: run.priority, actionCount: actions.length });
  if (deadlineMs !== undefined) draft.affect({ kind: "due", atMs: deadlineMs });
  const created = actions.map((action) => createAction(draft, { run, parent: "", parentAttempt: 0, action }));
  for (const action of created) startAction(draft, action);
  settle(draft);
  return answer(draft, scope, { run: draft.run(key) ?? run });
}

function checkActions(
  draft: Draft,
  command: CommandOf<"createRun">,
  actions: readonly NewAction[],
): Refusal | undefined {
  const violations = "task" in command.work ? taskViolations(actions) : planViolations(actions, planScope);
  if (violations.length > 0) return { reason: "INVALID_REQUEST", violations };
  return (
    labelBytesRefusal({ labels: command.labels, actionCount: actions.length }) ??
    missingOp(draft, command.namespace, actions)
  );
}

const planScope = { field: "run.plan.actions", has: () => false, allowsTraces: false };

function taskViolations(actions: readonly NewAction[]) {
  return actions.flatMap(({ spec }) =>
    spec.kind !== "task"
      ? []
      : Object.entries(spec.inputs).flatMap(([name, input]) =>
          "value" in input
            ? []
            : [
                {
                  field: `run.task.inputs[${JSON.stringify(name)}].reference`,
                  description: "a run of one task has no other action to refer to",
                },
              ],
        ),
  );
}

/** The first task that asks for a version of an op which is not registered. */
export function missingOp(
  draft: Draft,
  namespace: string,
  actions: readonly NewAction[],
): Refusal | undefined {
  for (const { spec } of actions) {
    if (spec.kind !== "task" || spec.opVersion === 0) continue;
    if (draft.op(namespace, spec.op, spec.opVersion) === undefined) {
      return { reason: "OP_NOT_FOUND", op: spec.op, version: spec.opVersion };
    }
  }
  return undefined;
}
