import type { Counter, Limit, LimitContent } from "../../../core/limits/limit.ts";
import type { Column, Nullable } from "./columns.ts";
import { parsed } from "./columns.ts";

/** A row of `limits`. */
export interface LimitRow {
  readonly namespace: string;
  readonly name: string;
  readonly update_ms: number;
  readonly content: string;
}

/** All of a limit. */
export const limitColumns: readonly Column<Limit>[] = [
  ["namespace", (limit) => limit.namespace],
  ["name", (limit) => limit.name],
  ["update_ms", (limit) => limit.updateTimeMs],
  ["content", contentOf],
];

function contentOf(limit: Limit): LimitContent {
  const { namespace: _namespace, name: _name, updateTimeMs: _updateTimeMs, ...content } = limit;
  return content;
}

/** The limit that a row says. */
export function limitOfRow(row: LimitRow): Limit {
  return {
    ...parsed<LimitContent>(row.content),
    namespace: row.namespace,
    name: row.name,
    updateTimeMs: row.update_ms,
  };
}

/** A row of `counters`. */
export interface CounterRow {
  readonly key: string;
  readonly namespace: string;
  readonly limit_name: string;
  readonly value: string;
  readonly held_count: number;
  readonly full_ms: number;
  readonly due_ms: Nullable<number>;
}

/** All of a counter. */
export const counterColumns: readonly Column<Counter>[] = [
  ["key", (counter) => counter.key],
  ["namespace", (counter) => counter.namespace],
  ["limit_name", (counter) => counter.limit],
  ["value", (counter) => counter.value],
  ["held_count", (counter) => counter.heldCount],
  ["full_ms", (counter) => counter.fullTimeMs],
  ["due_ms", (counter) => counter.dueMs],
];

/** The counter that a row says. */
export function counterOfRow(row: CounterRow): Counter {
  return {
    key: row.key,
    namespace: row.namespace,
    limit: row.limit_name,
    value: row.value,
    heldCount: row.held_count,
    fullTimeMs: row.full_ms,
    dueMs: row.due_ms ?? undefined,
  };
}
