import type { Action, Attempt } from "../../core/action.ts";
import type { KeptSignal } from "../../core/loaded.ts";

/** Everything of one run, by the names of its actions. */
export interface RunShelf {
  readonly actions: Map<string, Action>;
  readonly childNames: Map<string, string[]>;
  readonly dependents: Map<string, string[]>;
  readonly attempts: Map<string, Attempt[]>;
  readonly keptSignals: Map<string, KeptSignal>;
}

/** The shelf of a run of which nothing is known yet. */
export function emptyShelf(): RunShelf {
  return {
    actions: new Map(),
    childNames: new Map(),
    dependents: new Map(),
    attempts: new Map(),
    keptSignals: new Map(),
  };
}
