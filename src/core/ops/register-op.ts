import type { Decision } from "../change.ts";
import type { CommandOf } from "../command.ts";
import type { Draft } from "../draft.ts";
import type { Op } from "./op.ts";
import { canonical } from "../value.ts";
import { answer, repeated } from "../runs/requests.ts";

/** Registers an op: equal content makes nothing, other content the next version. */
export function registerOp(draft: Draft, command: CommandOf<"registerOp">): Decision<"registerOp"> {
  const { namespace, name, content } = command;
  const scope = { namespace, kind: command.kind, request: command.request };
  const before = repeated(draft, scope);
  if (before !== undefined) return before;
  const latest = draft.op(namespace, name, 0);
  if (latest !== undefined && hasContent(latest, content)) return answer(draft, scope, { op: latest });
  const version = draft.lastOpVersion(namespace, name) + 1;
  const createTimeMs = latest?.createTimeMs ?? draft.nowMs;
  const op: Op = { ...content, namespace, name, version, createTimeMs, updateTimeMs: draft.nowMs };
  draft.addOp(op);
  draft.emitFor(namespace, { kind: "op_registered", op: name, version });
  return answer(draft, scope, { op });
}

function hasContent(op: Op, content: CommandOf<"registerOp">["content"]): boolean {
  const { namespace: _, name: __, version: ___, createTimeMs: ____, updateTimeMs: _____, ...known } = op;
  return canonical(known) === canonical(content);
}
