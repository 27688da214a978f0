import type { ConditionWebhook } from "../../core/conditions/terms.ts";
import type { Json } from "../../core/value.ts";
import { jsonDepthMax } from "../../limits.ts";
import { addressFault, secretFault } from "../delivery/webhook-content.ts";
import type { Faults } from "../mapping/faults.ts";

/**
 * Headers that callers cannot set: those of HTTP itself, which say where a message ends and where it goes,
 * and those that say what the post is.
 */
const reserved = [
  "host",
  "connection",
  "content-length",
  "expect",
  "keep-alive",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
];
const reservedPrefixes = ["proxy-", "webhook-", "ce-"];

/** What is wrong with a header of a webhook; undefined if nothing is. */
export function headerFault(name: string): string | undefined {
  const plain = name.toLowerCase();
  const isReserved = reserved.includes(plain) || reservedPrefixes.some((prefix) => plain.startsWith(prefix));
  return isReserved ? "is a header that the server sets itself, or that is HTTP's own" : undefined;
}

/** Says what is wrong with a webhook: what its address leads to is looked at when it is posted to. */
export function webhookFaults({ url, payload, secret, headers }: ConditionWebhook, faults: Faults): void {
  const tell = (field: string, fault: string | undefined): void => {
    if (fault !== undefined) faults.within(field, () => faults.add(fault));
  };
  tell("url", addressFault(url));
  tell("secret", secret === "" ? undefined : secretFault(secret));
  if (payload !== undefined && isDeeper(payload, jsonDepthMax)) {
    tell("payload", `must not be nested deeper than ${jsonDepthMax} levels`);
  }
  faults.within("headers", () => {
    for (const name of Object.keys(headers)) {
      const fault = headerFault(name);
      if (fault !== undefined) faults.within({ key: name }, () => faults.add(fault));
    }
  });
}

/** True for JSON of more levels than these. */
export function isDeeper(json: Json, levels: number): boolean {
  if (levels === 0) return true;
  if (typeof json !== "object" || json === null) return false;
  return Object.values(json).some((item: Json) => isDeeper(item, levels - 1));
}
