import type { Decision } from "../change.ts";
import type { CommandOf } from "../command.ts";
import type { Draft } from "../draft.ts";
import { runIdOf } from "../name.ts";
import { refuse } from "../refusal.ts";
import { answer, repeated } from "../runs/requests.ts";
import { addVersion, contentOf } from "./add-version.ts";
import { opViolations } from "./check-op.ts";
import type { OpContent } from "./op.ts";

/** Makes the next version of an op from the latest one and what changes; none if nothing does. */
export function updateOp(draft: Draft, command: CommandOf<"updateOp">): Decision<"updateOp"> {
  const scope = { namespace: command.namespace, kind: command.kind, request: command.request };
  const before = repeated(draft, scope);
  if (before !== undefined) return before;
  const latest = draft.op(command.namespace, command.name, 0);
  if (latest === undefined) return refuse({ reason: "OP_NOT_FOUND", op: command.name, version: 0 });
  const { inputs, ...set } = command.set;
  const cleared = Object.fromEntries(command.cleared.map((field) => [field, undefined]));
  const content: OpContent = {
    ...contentOf(latest),
    ...set,
    inputs: { ...latest.inputs, ...inputs },
    ...cleared,
  };
  const violations = opViolations(content);
  if (violations.length > 0) return refuse({ reason: "INVALID_REQUEST", violations });
  return answer(draft, scope, { op: addVersion(draft, command, content) });
}

/** Deletes an op with all its versions, or one of them; refused while tasks of it live, unless forced. */
export function deleteOp(draft: Draft, command: CommandOf<"deleteOp">): Decision<"deleteOp"> {
  const { namespace, name: op, version, force } = command;
  const scope = { namespace, kind: command.kind, request: command.request };
  const before = repeated(draft, scope);
  if (before !== undefined) return before;
  const versions = draft.opVersions(namespace, op).filter((one) => version === 0 || one.version === version);
  if (versions.length === 0) return refuse({ reason: "OP_NOT_FOUND", op, version });
  const live = force ? undefined : draft.before.liveTaskOf(namespace, op, version);
  if (live !== undefined) {
    const { run, name: action } = live;
    return refuse({ reason: "OP_IN_USE", op, version, runId: runIdOf(run), action });
  }
  for (const one of versions) draft.removeOp(one);
  draft.emitFor(namespace, { kind: "op_deleted", op, version });
  return answer(draft, scope, { versionCount: versions.length });
}
