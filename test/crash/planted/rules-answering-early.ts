import { DatabaseSync } from "node:sqlite";

/**
 * The rules as they are, loaded into a store's thread with a planted bug beside them: a batch is committed
 * only when the next one begins, while its callers are answered at once.
 */
export { decide } from "../../../src/core/decide.ts";

const rightly = DatabaseSync.prototype.exec;
const uncommitted = new WeakSet<DatabaseSync>();

DatabaseSync.prototype.exec = function exec(this: DatabaseSync, sql: string): void {
  if (sql === "COMMIT") {
    uncommitted.add(this);
    return;
  }
  if (uncommitted.delete(this)) rightly.call(this, "COMMIT");
  rightly.call(this, sql);
};
