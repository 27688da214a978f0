import { readdirSync, readFileSync } from "node:fs";
import type { DatabaseSync } from "node:sqlite";

const folder = new URL("./schema/", import.meta.url);

/**
 * Brings a database to the newest schema: applies, in order, the files of `schema/` whose numbers it has not
 * recorded yet, each as one transaction together with its number. Throws if the database was written by a
 * newer Signalbox, which knows files that this one does not.
 */
export function applySchema(database: DatabaseSync): void {
  database.exec(`CREATE TABLE IF NOT EXISTS schema_files (
    number INTEGER PRIMARY KEY,
    name TEXT NOT NULL
  ) STRICT`);
  const files = schemaFiles();
  const newest = database.prepare("SELECT max(number) AS number FROM schema_files").get()?.["number"];
  const applied = typeof newest === "number" ? newest : 0;
  const known = files.at(-1)?.number ?? 0;
  if (applied > known) {
    throw new Error(`the database has schema ${applied}, this version of Signalbox knows ${known} at most`);
  }
  const record = database.prepare("INSERT INTO schema_files (number, name) VALUES (?, ?)");
  for (const { number, name } of files.filter((file) => file.number > applied)) {
    database.exec("BEGIN IMMEDIATE");
    database.exec(readFileSync(new URL(name, folder), "utf8"));
    record.run(number, name);
    database.exec("COMMIT");
  }
}

/** The schema files by number: `0001-runs.sql` has number 1. */
function schemaFiles(): readonly { readonly number: number; readonly name: string }[] {
  return readdirSync(folder)
    .filter((name) => /^\d{4}-.*\.sql$/.test(name))
    .sort()
    .map((name) => ({ number: Number(name.slice(0, 4)), name }));
}
