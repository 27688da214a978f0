import type { Counter, Limit } from "../../../core/limits/limit.ts";
import { placeParts, scanPage } from "../../scan.ts";
import type { NameQuery, Page } from "../../store.ts";
import { namesOf } from "../rows/columns.ts";
import {
  type CounterRow,
  counterColumns,
  counterOfRow,
  type LimitRow,
  limitColumns,
  limitOfRow,
} from "../rows/limit-row.ts";
import type { Statements } from "./statements.ts";

const limitNames = namesOf(limitColumns);
const limitSql = `SELECT ${limitNames} FROM limits WHERE namespace = ? AND name = ?`;
const limitsSql = `SELECT ${limitNames} FROM limits WHERE (namespace, name) > (?, ?) ORDER BY namespace, name`;
const limitsOfNamespaceSql = `SELECT ${limitNames} FROM limits WHERE namespace = ? AND name > ? ORDER BY name`;

const counterNames = namesOf(counterColumns);
const counterSql = `SELECT ${counterNames} FROM counters WHERE key = ?`;
const countersSql = `SELECT ${counterNames} FROM counters WHERE namespace = ? AND limit_name = ?
  ORDER BY key LIMIT ?`;

/** Reads limits and their counters. */
export class LimitReader {
  readonly #statements: Statements;

  constructor(statements: Statements) {
    this.#statements = statements;
  }

  get(namespace: string, name: string): Limit | undefined {
    const row = this.#statements.get<LimitRow>(limitSql, namespace, name);
    return row === undefined ? undefined : limitOfRow(row);
  }

  list({ namespace, after, limit }: NameQuery): Page<Limit, string> {
    const place = placeParts(after);
    const rows =
      namespace === undefined
        ? this.#statements.each<LimitRow>(limitsSql, place.namespace, place.name)
        : this.#statements.each<LimitRow>(limitsOfNamespaceSql, namespace, after ?? "");
    const page = scanPage({
      rows,
      limit,
      matches: () => true,
      placeOf: (row) => (namespace === undefined ? `${row.namespace}/${row.name}` : row.name),
    });
    return { items: page.items.map(limitOfRow), next: page.next };
  }

  counter(key: string): Counter | undefined {
    const row = this.#statements.get<CounterRow>(counterSql, key);
    return row === undefined ? undefined : counterOfRow(row);
  }

  /** The first counters of a limit, by key. */
  counters(namespace: string, limit: string, count: number): readonly Counter[] {
    return this.#statements.all<CounterRow>(countersSql, namespace, limit, count).map(counterOfRow);
  }
}
