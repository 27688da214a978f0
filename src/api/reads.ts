import type { Action } from "../core/action.ts";
import { namespaceOf, type RunKey, runIdOf } from "../core/name.ts";
import type { Run } from "../core/run.ts";
import type { Store } from "../store/store.ts";
import { toConnectError } from "./status.ts";

/** The run; ends the call with RUN_NOT_FOUND if there is none. */
export async function findRun(store: Store, key: RunKey): Promise<Run> {
  const run = await store.run(key);
  if (run !== undefined) return run;
  throw toConnectError({ reason: "RUN_NOT_FOUND", namespace: namespaceOf(key), runId: runIdOf(key) });
}

/** The action; ends the call with RUN_NOT_FOUND or ACTION_NOT_FOUND if there is none. */
export async function findAction(store: Store, run: RunKey, name: string): Promise<Action> {
  const action = await store.action(run, name);
  if (action !== undefined) return action;
  await findRun(store, run);
  throw toConnectError({ reason: "ACTION_NOT_FOUND", runId: runIdOf(run), action: name });
}
