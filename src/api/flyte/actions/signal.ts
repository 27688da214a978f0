import { Code, ConnectError } from "@connectrpc/connect";
import { type Action, hasEnded } from "../../../core/action.ts";
import type { Answerer } from "../../../core/conditions/standing.ts";
import type { Refusal } from "../../../core/refusal.ts";
import { areEqual, type Value } from "../../../core/value.ts";
import { failedPrecondition, invalid } from "../faults.ts";
import { findAction, type NamedAction } from "../find-action.ts";
import type { FlyteParts } from "../flyte-parts.ts";
import { refused } from "../refused.ts";

/** An answer to a condition. */
export interface Signal {
  readonly named: NamedAction;
  /** The action it belongs to, "" if it is not known. */
  readonly parent: string;
  /** Undefined for what is no plain value. */
  readonly value: Value | undefined;
  readonly by: Answerer;
}

/**
 * Answers a condition; who lists it afterwards finds it answered. What is asked first: whether there is a
 * value, the action, that it is a condition, whether it was answered or ended, and only then the type, which
 * must be that of the condition: an int is no float. An equal answer again changes nothing and is no fault.
 */
export async function signal(parts: FlyteParts, { named, parent, value, by }: Signal): Promise<void> {
  if (value === undefined) throw invalid("signal value must be a concrete bool/int/float/str literal");
  const action = await findAction(parts, named, parent);
  const { spec } = action;
  if (spec.kind !== "condition") throw failedPrecondition(`action ${named.name} is not a condition`);
  if (hasEnded(action) && !action.isStale) {
    if (isAnswer(action, value)) return;
    throw endedFault(action);
  }
  if (value.kind !== spec.type) {
    throw invalid(`signal value type ${value.kind} does not match declared condition type ${spec.type}`);
  }
  const outcome = await parts.engine.execute({
    kind: "signalCondition",
    request: { requestId: "", digest: "" },
    run: action.run,
    action: action.name,
    value,
    by,
    instance: 0,
  });
  if (!outcome.ok) throw toFault(outcome.refusal, named.name);
}

function isAnswer({ outputs }: Action, value: Value): boolean {
  const answer = outputs?.["value"];
  return answer !== undefined && areEqual(answer, value);
}

function endedFault({ outputs, name }: Action): Error {
  return outputs?.["value"] === undefined ? completed(name) : differs(name);
}

function completed(name: string): Error {
  return failedPrecondition(`condition ${name} already completed`);
}

function differs(name: string): Error {
  return failedPrecondition(`condition ${name} already signalled with a different value`);
}

function toFault(refusal: Refusal, name: string): Error {
  switch (refusal.reason) {
    case "ALREADY_ANSWERED":
      return differs(name);
    case "ACTION_ENDED":
    case "RUN_ENDED":
      return completed(name);
    case "INSTANCE_CHANGED":
      return new ConnectError(`condition ${name} was just opened again`, Code.Aborted);
    default:
      return refused(refusal);
  }
}
