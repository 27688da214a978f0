import type { DatabaseSync, StatementSync } from "node:sqlite";
import type { Op } from "../../../core/ops/op.ts";
import { cachedRowsMax } from "../../../limits.ts";
import { insertSql, valuesOf } from "../rows/columns.ts";
import { type OpRow, opColumns, opOfRow, opRowNames } from "../rows/op-row.ts";
import { GenerationCache } from "./cache/generation-cache.ts";

/** The versions of ops, as the one who writes sees them: written at once, those used last kept in memory. */
export class OpTable {
  /** Without an op: there is none. */
  readonly #cache = new GenerationCache<{ readonly op: Op | undefined }>(cachedRowsMax);
  readonly #sql: ReturnType<typeof prepare>;

  constructor(database: DatabaseSync) {
    this.#sql = prepare(database);
  }

  /** A version of an op, or the latest for 0. */
  get(namespace: string, name: string, version: number): Op | undefined {
    const key = keyOf(namespace, name, version);
    const known = this.#cache.get(key);
    if (known !== undefined) return known.op;
    const { latest, one } = this.#sql;
    const row = version === 0 ? latest.get(namespace, name) : one.get(namespace, name, version);
    const op = row === undefined ? undefined : opOfRow(row as unknown as OpRow);
    this.#cache.set(key, { op });
    return op;
  }

  /** All versions of an op, the first one first. */
  versions(namespace: string, name: string): readonly Op[] {
    return this.#sql.versions.all(namespace, name).map((row) => opOfRow(row as unknown as OpRow));
  }

  /** The highest version that an op has ever had; 0 for none. */
  lastVersion(namespace: string, name: string): number {
    return Number(this.#sql.lastVersion.get(namespace, name)?.["last_version"] ?? 0);
  }

  add(op: Op): void {
    this.#sql.insert.run(...valuesOf(opColumns, op));
    this.#sql.noteVersion.run(op.namespace, op.name, op.version);
    this.#forget(op);
  }

  remove(op: Pick<Op, "namespace" | "name" | "version">): void {
    this.#sql.delete.run(op.namespace, op.name, op.version);
    this.#forget(op);
  }

  settle(): void {
    this.#cache.age();
  }

  /** Goes back to what the database says. */
  clear(): void {
    this.#cache.clear();
  }

  #forget({ namespace, name, version }: Pick<Op, "namespace" | "name" | "version">): void {
    this.#cache.delete(keyOf(namespace, name, version));
    this.#cache.delete(keyOf(namespace, name, 0));
  }
}

function keyOf(namespace: string, name: string, version: number): string {
  return `${namespace}/${name}@${version}`;
}

function prepare(database: DatabaseSync) {
  const select = `SELECT ${opRowNames} FROM ops WHERE namespace = ? AND name = ?`;
  const sql = (text: string): StatementSync => database.prepare(text);
  return {
    one: sql(`${select} AND version = ?`),
    latest: sql(`${select} ORDER BY version DESC LIMIT 1`),
    versions: sql(`${select} ORDER BY version`),
    lastVersion: sql("SELECT last_version FROM op_names WHERE namespace = ? AND name = ?"),
    insert: sql(insertSql("ops", opColumns)),
    noteVersion: sql(`INSERT INTO op_names (namespace, name, last_version) VALUES (?, ?, ?)
      ON CONFLICT (namespace, name) DO UPDATE SET last_version = max(last_version, excluded.last_version)`),
    delete: sql("DELETE FROM ops WHERE namespace = ? AND name = ? AND version = ?"),
  };
}
