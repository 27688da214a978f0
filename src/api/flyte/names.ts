import { defaultNamespace, parentOf, type RunKey, runKey, wholeName } from "../../core/name.ts";
import { invalid } from "./faults.ts";
import { namespaceLengthMax } from "./flyte-limits.ts";

/** Where a run lives, in Flyte's words. Both are empty for the default namespace. */
export interface Scope {
  readonly project: string;
  readonly domain: string;
}

/** Names a run in Flyte's words; the organisation means nothing here. */
export interface RunName extends Scope {
  readonly name: string;
}

/** The action that every run of Flyte begins with, by Flyte's name and by ours. */
export const rootAction = "a0";

const separator = "--";
const namePattern = /^[a-z0-9](?:[a-z0-9-]*[a-z0-9])?$/;

/**
 * The namespace that a project and a domain mean: `<project>--<domain>`, the project alone without a domain,
 * `default` without both. Ends the call with INVALID_ARGUMENT for names that a namespace cannot have, and for
 * names with `--`, which could not be told apart.
 */
export function toNamespace({ project, domain }: Scope): string {
  if (project === "" && domain === "") return defaultNamespace;
  if (project === "") throw invalid("project must not be empty where there is a domain");
  checkName("project", project);
  if (domain === "") return project;
  checkName("domain", domain);
  const namespace = `${project}${separator}${domain}`;
  if (namespace.length <= namespaceLengthMax) return namespace;
  throw invalid(`project and domain must have at most ${namespaceLengthMax - 2} characters together`);
}

function checkName(field: keyof Scope, name: string): void {
  if (namePattern.test(name) && !name.includes(separator) && name.length <= namespaceLengthMax) return;
  throw invalid(`${field} ${JSON.stringify(name)} must be lower-case letters, digits and single hyphens`);
}

/** The project and the domain of a namespace. One that Flyte did not make is a project without a domain. */
export function toScope(namespace: string): Scope {
  if (namespace === defaultNamespace) return { project: "", domain: "" };
  const place = namespace.indexOf(separator);
  if (place < 0) return { project: namespace, domain: "" };
  return { project: namespace.slice(0, place), domain: namespace.slice(place + separator.length) };
}

/** The key of a run; ends the call as `toNamespace` does, and if the run has no name. */
export function toRunKey(run: RunName): RunKey {
  if (run.name === "") throw invalid("the run must have a name");
  return runKey(toNamespace(run), run.name);
}

/**
 * Flyte's name of an action: the last part of its whole name. An action of a run that was not made through
 * Flyte keeps its whole name: nothing says that the last parts differ.
 */
export function shortName(action: string): string {
  if (action !== rootAction && !action.startsWith(`${rootAction}/`)) return action;
  return action.slice(action.lastIndexOf("/") + 1);
}

/** Flyte's name of an action's parent, "" at the top. */
export function shortParent(action: string): string {
  return shortName(parentOf(action));
}

/**
 * The whole name of a child, by that of its parent and its own in Flyte. Ends the call with INVALID_ARGUMENT
 * for a name of more than one part.
 */
export function childName(parent: string, name: string): string {
  if (name !== "" && !name.includes("/")) return wholeName(parent, name);
  throw invalid(`action ${JSON.stringify(name)} must be one name without a slash`);
}
