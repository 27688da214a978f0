import type { Action } from "../action.ts";
import { assert } from "../assert.ts";
import type { Draft } from "../draft.ts";
import { fitted, type Value } from "../value.ts";
import { endAction } from "./end-action.ts";

/** Ends a paused condition with an answer, which must fit its type. */
export function takeAnswer(
  draft: Draft,
  paused: Action,
  given: { readonly value: Value; readonly signalledBy: string; readonly defaulted?: boolean },
): void {
  const value = paused.spec.kind === "condition" ? fitted(given.value, paused.spec.type) : undefined;
  assert(value !== undefined, "an answer has its condition's type", { run: paused.run, action: paused.name });
  const defaulted = given.defaulted ?? false;
  const { signalledBy } = given;
  draft.emit(draft.runOf(paused), paused, { kind: "condition_answered", value, signalledBy, defaulted });
  endAction(draft, paused, {
    state: "SUCCEEDED",
    outputs: { value },
    outcome: defaulted ? "DEFAULTED" : "ANSWERED",
    signalledBy,
  });
}
