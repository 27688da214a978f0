import type { Violation } from "../refusal.ts";
import type { Values } from "../value.ts";
import type { InputSpecs } from "./op.ts";

export function checkInputs(_specs: InputSpecs, _inputs: Values): readonly Violation[] {
  return [];
}

export function prepareInputs(
  _specs: InputSpecs,
  inputs: Values,
): { readonly inputs: Values; readonly violations: readonly Violation[] } {
  return { inputs, violations: [] };
}
