import type { Action } from "../../core/action.ts";
import type { Run } from "../../core/run.ts";
import { notFound } from "./faults.ts";
import type { FlyteParts } from "./flyte-parts.ts";
import type { NamedRun } from "./mapping/identifiers.ts";
import { childName, rootAction } from "./names.ts";

/** An action by Flyte's name, of the run that a request names. */
export type NamedAction = NamedRun & { readonly name: string };

type Parts = Pick<FlyteParts, "engine" | "views">;

/** The run that a request names, as it stands. Ends the call with NOT_FOUND if there is none. */
export async function findRun({ engine }: Parts, { key }: NamedRun): Promise<Run> {
  const run = await engine.store.run(key);
  if (run === undefined) throw notFound(`run ${key} not found`);
  return run;
}

/**
 * The action that a request names, as it stands. A parent is a hint: what is not found below it is looked for
 * in all of the run. Ends the call with NOT_FOUND if there is none.
 */
export async function findAction(parts: Parts, named: NamedAction, parent = ""): Promise<Action> {
  const { store } = parts.engine;
  const likely = likelyName(named.name, parent);
  const found = likely === undefined ? undefined : await store.action(named.key, likely);
  if (found !== undefined) return found;
  const name = await wholeNameOf(parts, named);
  const action = name === undefined ? undefined : await store.action(named.key, name);
  if (action === undefined) throw notFound(`action ${named.name} of run ${named.key} not found`);
  return action;
}

function likelyName(name: string, parent: string): string | undefined {
  if (name === rootAction) return rootAction;
  return parent === rootAction && !name.includes("/") ? childName(rootAction, name) : undefined;
}

/** The whole name of an action, by Flyte's: that is unique in its run, but does not say where it stands. */
async function wholeNameOf({ views }: Parts, { key, name }: NamedAction): Promise<string | undefined> {
  const known = views.existing(key)?.tree.named(name);
  if (known !== undefined) return known.name;
  using used = await views.use(key);
  const { view } = used;
  const found = view.tree.named(name);
  if (found !== undefined) return found.name;
  await view.catchUp();
  return view.tree.named(name)?.name;
}
