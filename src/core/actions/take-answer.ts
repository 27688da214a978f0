import type { Action } from "../action.ts";
import type { Draft } from "../draft.ts";
import { fitted, type Value } from "../value.ts";
import { endAction } from "./end-action.ts";

/** Ends a paused condition with an answer. False, and nothing done, if the answer has not its type. */
export function takeAnswer(
  draft: Draft,
  paused: Action,
  given: { readonly value: Value; readonly signalledBy: string; readonly defaulted?: boolean },
): boolean {
  if (paused.spec.kind !== "condition") return false;
  const value = fitted(given.value, paused.spec.type);
  if (value === undefined) return false;
  const defaulted = given.defaulted ?? false;
  const { signalledBy } = given;
  draft.emit(draft.runOf(paused), paused, { kind: "condition_answered", value, signalledBy, defaulted });
  endAction(draft, paused, {
    state: "SUCCEEDED",
    outputs: { value },
    outcome: defaulted ? "DEFAULTED" : "ANSWERED",
    signalledBy,
  });
  return true;
}
