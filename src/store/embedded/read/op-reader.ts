import type { Op } from "../../../core/ops/op.ts";
import { scanPage } from "../../scan.ts";
import type { OpPlace, OpQuery, Page } from "../../store.ts";
import { type OpRow, opOfRow, opRowNames } from "../rows/op-row.ts";
import type { Statements } from "./statements.ts";

const ofOp = `SELECT ${opRowNames} FROM ops WHERE namespace = ? AND name = ?`;
const opSql = `${ofOp} AND version = ?`;
const latestOpSql = `${ofOp} ORDER BY version DESC LIMIT 1`;
const namedOpSql = `${ofOp} AND version_name = ? AND version_name <> '' ORDER BY version DESC LIMIT 1`;
const versionsSql = `${ofOp} AND version < ? ORDER BY version DESC`;
const nameFromSql = "SELECT name FROM ops WHERE namespace = ? AND name >= ? ORDER BY name LIMIT 1";
const nameAfterSql = "SELECT name FROM ops WHERE namespace = ? AND name > ? ORDER BY name LIMIT 1";

/** Reads ops: one, or a page of a list. */
export class OpReader {
  readonly #statements: Statements;

  constructor(statements: Statements) {
    this.#statements = statements;
  }

  /** A version of an op, or the latest for 0. */
  get(namespace: string, name: string, version: number): Op | undefined {
    const row =
      version === 0
        ? this.#statements.get<OpRow>(latestOpSql, namespace, name)
        : this.#statements.get<OpRow>(opSql, namespace, name, version);
    return row === undefined ? undefined : opOfRow(row);
  }

  /** The latest version that has this name of its own. */
  named(namespace: string, name: string, versionName: string): Op | undefined {
    const row = this.#statements.get<OpRow>(namedOpSql, namespace, name, versionName);
    return row === undefined ? undefined : opOfRow(row);
  }

  list(query: OpQuery): Page<Op, OpPlace> {
    return scanPage({
      rows: query.allVersions ? this.#versions(query) : this.#latest(query),
      limit: query.limit,
      matches: () => true,
      placeOf: ({ name, version }): OpPlace => ({ name, version }),
    });
  }

  *#latest(query: OpQuery): Iterable<Op> {
    const { namespace, after } = query;
    const first = after === undefined ? this.#first(query) : this.#next(query, after.name);
    for (let name = first; name !== undefined; name = this.#next(query, name)) {
      const op = this.get(namespace, name, 0);
      if (op !== undefined) yield op;
    }
  }

  *#versions(query: OpQuery): Iterable<Op> {
    const { namespace, after } = query;
    let below = after?.version ?? Number.MAX_SAFE_INTEGER;
    for (let name = after?.name ?? this.#first(query); name !== undefined; name = this.#next(query, name)) {
      for (const row of this.#statements.each<OpRow>(versionsSql, namespace, name, below)) yield opOfRow(row);
      below = Number.MAX_SAFE_INTEGER;
    }
  }

  #first({ namespace, namePrefix }: OpQuery): string | undefined {
    const name = this.#statements.get<{ name: string }>(nameFromSql, namespace, namePrefix)?.name;
    return name?.startsWith(namePrefix) === true ? name : undefined;
  }

  #next({ namespace, namePrefix }: OpQuery, after: string): string | undefined {
    const name = this.#statements.get<{ name: string }>(nameAfterSql, namespace, after)?.name;
    return name?.startsWith(namePrefix) === true ? name : undefined;
  }
}
