import type { AddActions } from "../../../gen/signalbox/v1/worker_service_pb.ts";
import type { Action } from "../../core/action.ts";
import type { Session } from "../../core/session.ts";
import type { Engine } from "../../engine/engine.ts";
import { forbiddenWebhook, type WebhookTargets } from "../delivery/webhook-targets.ts";
import { Faults } from "../mapping/faults.ts";
import { fromRequiredReference } from "../mapping/from-proto-report.ts";
import { fromNewAction } from "../mapping/from-proto-run.ts";
import type { Refusal } from "../refusals.ts";

/** What it takes to add the children that running tasks ask for. */
export interface AddingParts {
  readonly engine: Engine;
  readonly targets: WebhookTargets;
  readonly session: Session;
}

/**
 * Adds the children that a call asks for, or says why not. Names in the addresses of webhooks are looked up
 * first; without webhooks the command is on its way when this returns.
 */
export async function addActions(
  { engine, targets, session: { id: sessionId, namespace } }: AddingParts,
  call: AddActions,
): Promise<readonly Action[] | Refusal> {
  const faults = new Faults();
  const [attempt, actions] = faults.within(
    "add_actions",
    () =>
      [
        fromRequiredReference(call.attempt, namespace, faults),
        faults.each("actions", call.actions, (action) => fromNewAction(action, faults)),
      ] as const,
  );
  const { violations } = faults;
  if (violations.length > 0) return { reason: "INVALID_REQUEST", violations };
  if (actions.some(({ spec }) => spec.kind === "condition" && spec.terms?.webhook !== undefined)) {
    const forbidden = await forbiddenWebhook(targets, actions);
    if (forbidden !== undefined) return forbidden;
  }
  const outcome = await engine.execute({ kind: "addActions", sessionId, attempt, actions });
  return outcome.ok ? outcome.answer.actions : outcome.refusal;
}
