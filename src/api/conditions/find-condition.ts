import type { Condition } from "../../../gen/signalbox/v1/condition_pb.ts";
import type { Action } from "../../core/action.ts";
import { type RunKey, runIdOf } from "../../core/name.ts";
import type { ConditionRow, Store } from "../../store/store.ts";
import { toCondition } from "../mapping/conditions/to-condition.ts";
import { findAction } from "../reads.ts";
import { toConnectError } from "../status.ts";

/** The condition; ends the call with RUN_NOT_FOUND, ACTION_NOT_FOUND or ACTION_NOT_CONDITION. */
export async function findCondition(store: Store, run: RunKey, name: string): Promise<Action> {
  const action = await findAction(store, run, name);
  if (action.spec.kind === "condition") return action;
  const { kind } = action.spec;
  throw toConnectError({ reason: "ACTION_NOT_CONDITION", runId: runIdOf(run), action: name, kind });
}

/** A condition with what is told of its run and of the task that asks. */
export async function withSurroundings(store: Store, action: Action): Promise<ConditionRow> {
  const [run, parent] = await Promise.all([
    store.run(action.run),
    action.parent === "" ? undefined : store.action(action.run, action.parent),
  ]);
  return {
    action,
    runLabels: run?.labels ?? {},
    requester: run?.createdBy ?? "",
    op: parent?.spec.kind === "task" ? parent.spec.op : "",
  };
}

/** A condition as a message, as it stands. */
export async function readCondition(store: Store, action: Action): Promise<Condition | undefined> {
  return toConditions(await withSurroundings(store, action))[0];
}

/** The message of a listed condition; nothing for any other kind of action. */
export function toConditions(row: ConditionRow): readonly Condition[] {
  const condition = toCondition(row.action, row);
  return condition === undefined ? [] : [condition];
}
