import type { Decision } from "../change.ts";
import type { CommandOf } from "../command.ts";
import type { Draft } from "../draft.ts";
import { refuse } from "../refusal.ts";
import { answer, repeated } from "../runs/requests.ts";
import { addVersion } from "./add-version.ts";
import { opViolations } from "./check-op.ts";

/** Registers an op: equal content makes nothing, other content the next version. */
export function registerOp(draft: Draft, command: CommandOf<"registerOp">): Decision<"registerOp"> {
  const scope = { namespace: command.namespace, kind: command.kind, request: command.request };
  const before = repeated(draft, scope);
  if (before !== undefined) return before;
  const violations = opViolations(command.content);
  if (violations.length > 0) return refuse({ reason: "INVALID_REQUEST", violations });
  return answer(draft, scope, { op: addVersion(draft, command, command.content) });
}
