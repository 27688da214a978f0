import { hasEnded } from "../../../core/action.ts";
import { findAction, type NamedAction } from "../find-action.ts";
import type { FlyteParts } from "../flyte-parts.ts";
import type { NamedRun } from "../mapping/identifiers.ts";
import { rootAction } from "../names.ts";
import { refused } from "../refused.ts";
import { causeLengthMax } from "./action-limits.ts";

const noRequest = { requestId: "", digest: "" } as const;

/** Calls a run off. One that has ended stays as it ended. Ends the call with NOT_FOUND if there is none. */
export async function abortRun({ engine }: FlyteParts, { key }: NamedRun, reason: string): Promise<void> {
  const cause = reason.slice(0, causeLengthMax);
  const outcome = await engine.execute({ kind: "cancelRun", request: noRequest, run: key, cause });
  if (!outcome.ok && outcome.refusal.reason !== "RUN_ENDED") throw refused(outcome.refusal);
}

/**
 * Calls an action off, with all below it; the first one stands for its run. One that has ended stays as it
 * ended. Ends the call with NOT_FOUND if there is none.
 */
export async function abortAction(parts: FlyteParts, named: NamedAction, reason: string): Promise<void> {
  if (named.name === rootAction) return abortRun(parts, named, reason);
  const action = await findAction(parts, named);
  if (hasEnded(action)) return;
  const outcome = await parts.engine.execute({
    kind: "endAction",
    request: noRequest,
    run: action.run,
    action: action.name,
    end: { state: "CANCELLED" },
    cause: reason.slice(0, causeLengthMax),
  });
  if (!outcome.ok && outcome.refusal.reason !== "ACTION_ENDED") throw refused(outcome.refusal);
}
