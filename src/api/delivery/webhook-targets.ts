import type { NewAction } from "../../core/stated.ts";
import type { Refusal } from "../refusals.ts";
import type { DeliveryTargets } from "../subscription-service.ts";

/** Says which addresses the server may not post to. */
export type WebhookTargets = Pick<DeliveryTargets, "forbidden">;

/** The refusal of new actions of which a condition is to be posted to an address inside. */
export async function forbiddenWebhook(
  targets: WebhookTargets,
  actions: readonly Pick<NewAction, "spec">[],
): Promise<Extract<Refusal, { reason: "ADDRESS_FORBIDDEN" }> | undefined> {
  const urls = actions.flatMap(({ spec }) =>
    spec.kind === "condition" ? (spec.terms?.webhook?.url ?? []) : [],
  );
  for (const url of new Set(urls)) {
    const address = await targets.forbidden(url);
    if (address !== undefined) return { reason: "ADDRESS_FORBIDDEN", address };
  }
  return undefined;
}
