import { Code, ConnectError } from "@connectrpc/connect";
import type { Refusal } from "../../core/refusal.ts";
import { toConnectError } from "../status.ts";

/** Codes where Flyte's clients must hear another one than ours do: they try some again that never help. */
const codes: Partial<Readonly<Record<Refusal["reason"], Code>>> = {
  LIMIT_REACHED: Code.InvalidArgument,
  INPUTS_INVALID: Code.InvalidArgument,
  OP_NOT_FOUND: Code.InvalidArgument,
  STALE_EPOCH: Code.FailedPrecondition,
  NOT_ALLOWED: Code.PermissionDenied,
};

/** A refusal of the rules as Flyte's clients know them: a code and a sentence, nothing beside. */
export function refused(refusal: Refusal): ConnectError {
  const { code, rawMessage } = toConnectError(refusal);
  return new ConnectError(rawMessage, codes[refusal.reason] ?? code);
}
