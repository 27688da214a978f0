import type { Op, OpContent } from "../../../core/ops/op.ts";
import type { Column } from "./columns.ts";
import { namesOf, parsed } from "./columns.ts";

/** A row of `ops`. */
export interface OpRow {
  readonly namespace: string;
  readonly name: string;
  readonly version: number;
  readonly create_ms: number;
  readonly update_ms: number;
  readonly content: string;
}

/** All of an op, and its own name of the version for the index. */
export const opColumns: readonly Column<Op>[] = [
  ["namespace", (op) => op.namespace],
  ["name", (op) => op.name],
  ["version", (op) => op.version],
  ["create_ms", (op) => op.createTimeMs],
  ["update_ms", (op) => op.updateTimeMs],
  ["version_name", (op) => op.versionName],
  ["content", contentOf],
];

/** What to select for an `OpRow`. */
export const opRowNames = namesOf(opColumns);

function contentOf(op: Op): OpContent {
  const { namespace: _namespace, name: _name, version: _version, ...rest } = op;
  const { createTimeMs: _createTimeMs, updateTimeMs: _updateTimeMs, ...content } = rest;
  return content;
}

/** The op that a row says. */
export function opOfRow(row: OpRow): Op {
  return {
    ...parsed<OpContent>(row.content),
    namespace: row.namespace,
    name: row.name,
    version: row.version,
    createTimeMs: row.create_ms,
    updateTimeMs: row.update_ms,
  };
}
