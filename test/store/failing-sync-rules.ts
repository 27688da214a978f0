import { DatabaseSync } from "node:sqlite";
import type { CommandKind, CommandOf, Stamp } from "../../src/core/command.ts";
import type { Loaded } from "../../src/core/loaded.ts";
import { decide as decideScript } from "../support/scripted-rules.ts";

/**
 * Scripted rules, in whose thread the disk fails: a commit after a command that says "break the disk" ends as
 * SQLite ends one whose sync failed.
 */
let isBroken = false;
const { exec } = DatabaseSync.prototype;
DatabaseSync.prototype.exec = function (this: DatabaseSync, sql: string): void {
  if (sql === "COMMIT" && isBroken) {
    throw Object.assign(new Error("disk I/O error"), { code: "ERR_SQLITE_ERROR", errcode: 1034 });
  }
  exec.call(this, sql);
};

/** As the scripted rules. */
export function decide<K extends CommandKind>(command: CommandOf<K>, loaded: Loaded, stamp: Stamp) {
  isBroken ||= JSON.stringify(command).includes("break the disk");
  return decideScript(command, loaded, stamp);
}
