import type { HandlerContext } from "@connectrpc/connect";
import type { Answerer } from "../../core/conditions/standing.ts";
import { callerKey } from "../callers/caller.ts";
import { callOriginKey } from "../carrier/call-origin.ts";

/** Who makes a call, as the rules about conditions ask for it. */
export function answererOf(
  { values }: Pick<HandlerContext, "values">,
  said: { readonly signalledBy?: string; readonly comment?: string } = {},
): Answerer {
  const { subject, groups } = values.get(callerKey);
  const { signalledBy = "", comment = "" } = said;
  return { subject, groups, signalledBy, comment, channel: "call", origin: values.get(callOriginKey).peer };
}
