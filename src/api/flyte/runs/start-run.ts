import type { HandlerContext } from "@connectrpc/connect";
import { namespaceOf, type RunKey, runIdOf } from "../../../core/name.ts";
import type { Labels, Run } from "../../../core/run.ts";
import type { NewAction, Request } from "../../../core/stated.ts";
import { makerOfCall } from "../caller-identity.ts";
import { alreadyExists } from "../faults.ts";
import type { FlyteParts } from "../flyte-parts.ts";
import { refused } from "../refused.ts";

/** A run of Flyte that is to begin. */
export interface NewFlyteRun {
  readonly key: RunKey;
  readonly request: Request;
  readonly labels: Labels;
  /** Its first action, under which all others stand. */
  readonly root: NewAction;
}

/** Starts a run, or finds that of the same request. A name that is taken ends the call: ALREADY_EXISTS. */
export async function startRun(
  { engine }: Pick<FlyteParts, "engine">,
  { key, request, labels, root }: NewFlyteRun,
  context: HandlerContext,
): Promise<Run> {
  const outcome = await engine.execute({
    kind: "createRun",
    request,
    namespace: namespaceOf(key),
    runId: runIdOf(key),
    newRunId: engine.newRunId(),
    labels,
    priority: 0,
    timeoutMs: undefined,
    delivery: undefined,
    createdBy: makerOfCall(context),
    work: { plan: [root] },
  });
  if (outcome.ok) return outcome.answer.run;
  throw outcome.refusal.reason === "RUN_EXISTS"
    ? alreadyExists(`run ${key} is there already`)
    : refused(outcome.refusal);
}
