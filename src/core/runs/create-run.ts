import { createAction, startAction } from "../actions/create-action.ts";
import { settle } from "../actions/settle.ts";
import type { Decision } from "../change.ts";
import type { CommandOf } from "../command.ts";
import type { Draft } from "../draft.ts";
import { mainAction, runKey } from "../name.ts";
import { type Refusal, refuse } from "../refusal.ts";
import type { Run } from "../run.ts";
import type { NewAction } from "../stated.ts";
import { beginRun } from "./begin-run.ts";
import { labelBytesRefusal } from "./label-bytes.ts";
import { opRefusal } from "./op-refusal.ts";
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
  const ofTask = ofOnlyTask(draft, command);
  const refusal = checkActions(draft, command, { actions, delivery: ofTask.delivery });
  if (refusal !== undefined) return refuse(refusal);
  const { labels, priority, timeoutMs, createdBy } = command;
  const run = beginRun(draft, {
    key,
    labels,
    priority,
    isSingle,
    timeoutMs,
    actionCount: actions.length,
    ...ofTask,
    createdBy,
    rerunOf: "",
  });
  const created = actions.map((action) => createAction(draft, { run, parent: "", parentAttempt: 0, action }));
  for (const action of created) startAction(draft, action);
  settle(draft);
  return answer(draft, scope, { run: draft.run(key) ?? run });
}

/** What a run takes over from its only task and the op of that. */
function ofOnlyTask(
  draft: Draft,
  { namespace, work, delivery }: CommandOf<"createRun">,
): Pick<Run, "op" | "opVersion" | "image" | "delivery"> {
  const task = "task" in work ? work.task : undefined;
  const op = task === undefined ? undefined : draft.op(namespace, task.op, task.opVersion);
  const wanted = delivery ?? op?.delivery;
  return {
    op: task?.op ?? "",
    opVersion: op?.version ?? 0,
    image: task?.image || op?.image || "",
    delivery: wanted?.topic === "" ? undefined : wanted,
  };
}

function checkActions(
  draft: Draft,
  command: CommandOf<"createRun">,
  { actions, delivery }: { readonly actions: readonly NewAction[]; readonly delivery: Run["delivery"] },
): Refusal | undefined {
  const violations = "task" in command.work ? taskViolations(actions) : planViolations(actions, planScope);
  if (violations.length > 0) return { reason: "INVALID_REQUEST", violations };
  const placed = actions.map((action, index) => {
    return { action, field: "task" in command.work ? "run" : `${planScope.field}[${index}]` };
  });
  return (
    labelBytesRefusal({ labels: command.labels, delivery, actionCount: actions.length }) ??
    opRefusal(draft, command.namespace, placed)
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
