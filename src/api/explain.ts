import type { ExplainActionResponse } from "../../gen/signalbox/v1/explanation_pb.ts";
import { ExplainActionResponse_Cause as Cause } from "../../gen/signalbox/v1/explanation_pb.ts";
import { type Action, hasEnded } from "../core/action.ts";
import { requirementsOf } from "../core/actions/dependency.ts";
import { wholeName } from "../core/name.ts";
import type { Engine } from "../engine/engine.ts";
import { pageStepRows, waitsForMax } from "../limits.ts";
import type { Store } from "../store/store.ts";
import { explainQueued } from "./explain/explain-queued.ts";
import { explained } from "./explain/explained.ts";
import { toTimestamp } from "./mapping/time.ts";

/** Says why an action does not run, as it stands at the moment. */
export async function explainAction(engine: Engine, action: Action): Promise<ExplainActionResponse> {
  const { state, spec } = action;
  if (hasEnded(action)) return explained(Cause.ENDED, `it has ended as ${state}`);
  switch (state) {
    case "PENDING":
      return explainPending(engine.store, action);
    case "PAUSED":
      return explained(Cause.WAITS_FOR_SIGNAL, "it waits for a signal; send one with SignalCondition");
    case "ASSIGNED": {
      const told = `it is assigned to worker ${action.workerId ?? ""}, which has not accepted yet`;
      return explained(Cause.WAITS_FOR_ACCEPT, told);
    }
    case "QUEUED":
      if (spec.kind === "task") return explainQueued(engine, action, spec);
      return explained(Cause.IN_QUEUE, "it is queued");
    default: {
      const where =
        spec.kind === "trace" ? "its parent executes it" : `worker ${action.workerId ?? ""} executes it`;
      return explained(Cause.RUNNING, where);
    }
  }
}

async function explainPending(store: Store, action: Action): Promise<ExplainActionResponse> {
  if (action.waitingCount === 0 && action.retryTimeMs !== undefined) {
    const at = new Date(action.retryTimeMs).toISOString();
    const retryTime = toTimestamp(action.retryTimeMs);
    const told = `its next attempt is due at ${at}`;
    return explained(Cause.WAITS_FOR_RETRY, told, retryTime === undefined ? {} : { retryTime });
  }
  const waitsFor = await openDependencies(store, action);
  const [first = "others"] = waitsFor;
  const rest = waitsFor.length > 1 ? ` and ${waitsFor.length - 1} more` : "";
  return explained(Cause.WAITS_FOR_ACTIONS, `it waits for ${first}${rest}; see what those wait for`, {
    waitsFor,
  });
}

/** The whole names of what an action waits for and that has not ended, the first of them. */
async function openDependencies(store: Store, { run, parent, spec }: Action): Promise<string[]> {
  const names = [...new Set(requirementsOf(spec).map((dependency) => wholeName(parent, dependency.action)))];
  const open: string[] = [];
  for (let index = 0; index < names.length && open.length < waitsForMax; index += pageStepRows) {
    const step = names.slice(index, index + pageStepRows);
    const waited = await Promise.all(step.map((name) => store.action(run, name)));
    open.push(...step.filter((_, at) => !isOver(waited[at])));
  }
  return open.slice(0, waitsForMax);
}

function isOver(action: Action | undefined): boolean {
  return action !== undefined && hasEnded(action);
}
