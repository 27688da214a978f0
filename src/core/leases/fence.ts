import type { Action } from "../action.ts";
import { hasEnded, isHeld } from "../action.ts";
import type { Draft } from "../draft.ts";
import { namespaceOf, runIdOf } from "../name.ts";
import type { Refusal } from "../refusal.ts";
import type { AttemptReference } from "../stated.ts";

/**
 * The fence: the action that a reference names, if the lease it names is the current one; otherwise why not.
 * Nothing that a worker says about an attempt may pass without it.
 */
export function fenced(
  draft: Draft,
  reference: AttemptReference,
): { readonly action: Action } | { readonly refusal: Refusal } {
  const runId = runIdOf(reference.run);
  const action = draft.action(reference.run, reference.action);
  if (action === undefined) {
    if (draft.run(reference.run) === undefined) {
      return { refusal: { reason: "RUN_NOT_FOUND", namespace: namespaceOf(reference.run), runId } };
    }
    return { refusal: { reason: "ACTION_NOT_FOUND", runId, action: reference.action } };
  }
  if (action.epoch === reference.epoch && action.attempt === reference.attempt && isHeld(action))
    return { action };
  if (action.epoch === reference.epoch && hasEnded(action)) {
    return { refusal: { reason: "ACTION_ENDED", runId, action: action.name, state: action.state } };
  }
  const { epoch } = reference;
  return {
    refusal: { reason: "STALE_EPOCH", runId, action: action.name, epoch, currentEpoch: action.epoch },
  };
}

/** The reference to the current attempt of an action. */
export function referenceTo(action: Action): AttemptReference {
  return { run: action.run, action: action.name, attempt: action.attempt, epoch: action.epoch };
}
