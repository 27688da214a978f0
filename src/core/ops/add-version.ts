import type { Draft } from "../draft.ts";
import { canonical } from "../value.ts";
import type { Op, OpContent } from "./op.ts";

/** The latest version of an op with this content: the one that is there if it has it, else the next one. */
export function addVersion(
  draft: Draft,
  { namespace, name }: Pick<Op, "namespace" | "name">,
  content: OpContent,
): Op {
  const latest = draft.op(namespace, name, 0);
  if (latest !== undefined && hasContent(latest, content)) return latest;
  const version = draft.lastOpVersion(namespace, name) + 1;
  const createTimeMs = latest?.createTimeMs ?? draft.nowMs;
  const op: Op = { ...content, namespace, name, version, createTimeMs, updateTimeMs: draft.nowMs };
  draft.addOp(op);
  draft.emitFor(namespace, { kind: "op_registered", op: name, version });
  return op;
}

function hasContent(op: Op, content: OpContent): boolean {
  return canonical(contentOf(op)) === canonical(content);
}

/** What a caller stated to register an op. */
export function contentOf(op: Op): OpContent {
  const { namespace: _, name: __, version: ___, createTimeMs: ____, updateTimeMs: _____, ...content } = op;
  return content;
}
