import { depthMax } from "../limits.ts";
import { assert } from "./assert.ts";

/** Names a run among all namespaces: its namespace, a slash, its id. Neither part can hold a slash. */
export type RunKey = string & { readonly brand: "RunKey" };

/** The namespace of a request that names none. */
export const defaultNamespace = "default";

/** The action that a run of one task consists of. */
export const mainAction = "main";

/** The key of a run. */
export function runKey(namespace: string, runId: string): RunKey {
  return `${namespace}/${runId}` as RunKey;
}

/** The namespace that a run lives in. */
export function namespaceOf(run: RunKey): string {
  return run.slice(0, run.indexOf("/"));
}

/** The id of a run in its namespace. */
export function runIdOf(run: RunKey): string {
  const slash = run.indexOf("/");
  assert(slash > 0, "a run key has a namespace", { run });
  return run.slice(slash + 1);
}

/** The whole name of an action: its parent's whole name, a slash, its own. At the top the parent is "". */
export function wholeName(parent: string, name: string): string {
  return parent === "" ? name : `${parent}/${name}`;
}

/** The whole name of the parent, "" for an action at the top of its run. */
export function parentOf(action: string): string {
  const slash = action.lastIndexOf("/");
  return slash < 0 ? "" : action.slice(0, slash);
}

/** True if a whole name has no more levels than a run may have. */
export function fitsDepth(action: string): boolean {
  return action.split("/").length <= depthMax;
}

/** The id of an attempt: `<run>_att_<n>` for the only task of a run, else with the action's name between. */
export function attemptId(run: RunKey, action: string, attempt: number): string {
  const of = action === mainAction ? runIdOf(run) : `${runIdOf(run)}/${action}`;
  return `${of}_att_${attempt}`;
}
