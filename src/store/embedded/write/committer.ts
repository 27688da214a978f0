import type { DatabaseSync } from "node:sqlite";
import type { Decision } from "../../../core/change.ts";
import type { Command, Stamp } from "../../../core/command.ts";
import type { Loaded } from "../../../core/loaded.ts";
import type { BugReport, Reply } from "../messages.ts";
import { Workspace } from "./workspace.ts";

/** The rules, as a module exports them. */
export type Decide = (command: Command, loaded: Loaded, stamp: Stamp) => Decision;

/** A command as it crosses the border of the thread: JSON of this. */
export interface Submission {
  readonly command: Command;
  readonly stamp: Stamp;
}

/**
 * 256 commits, at the latest, until it is noticed that the log cannot be moved into the database any more:
 * what SQLite does of that by itself fails without a word.
 */
const commitsPerCheckpoint = 256;

/** Commits batches of commands: all of a batch in one transaction, with one sync of the disk. */
export class Committer {
  readonly #database: DatabaseSync;
  readonly #workspace: Workspace;
  readonly #decide: Decide;
  #commitCount = 0;

  constructor(database: DatabaseSync, decide: Decide) {
    this.#database = database;
    this.#workspace = new Workspace(database);
    this.#decide = decide;
  }

  /** The position of the last event that is committed. */
  get head(): number {
    return this.#workspace.head;
  }

  /**
   * Judges each command on what those before it left, and commits what they changed. When it returns, that is
   * durable. When it throws, the disk failed: nothing may be acknowledged, and the database is not to be used
   * any more.
   */
  commit(batch: readonly string[]): readonly Reply[] {
    const submissions = batch.map((text) => JSON.parse(text) as Submission);
    try {
      return this.#commitTogether(submissions);
    } catch (error) {
      this.#rollBack();
      if (isOfDisk(error)) throw error;
      // What one of the commands wrote does not fit the tables. Each by itself, only that one is rejected.
      return submissions.map((submission) => this.#commitAlone(submission));
    }
  }

  #commitTogether(submissions: readonly Submission[]): readonly Reply[] {
    this.#database.exec("BEGIN IMMEDIATE");
    const replies = submissions.map((submission) => this.#judge(submission));
    this.#workspace.flush();
    this.#database.exec("COMMIT");
    this.#workspace.settle();
    this.#commitCount += 1;
    if (this.#commitCount % commitsPerCheckpoint === 0) this.#database.exec("PRAGMA wal_checkpoint(PASSIVE)");
    return replies;
  }

  #commitAlone(submission: Submission): Reply {
    try {
      const [reply] = this.#commitTogether([submission]);
      return reply as Reply;
    } catch (error) {
      this.#rollBack();
      if (isOfDisk(error)) throw error;
      return { bug: bugReport(error) };
    }
  }

  #judge({ command, stamp }: Submission): Reply {
    let decision: Decision;
    try {
      decision = this.#decide(command, this.#workspace, stamp);
    } catch (error) {
      if (isOfDisk(error)) throw error;
      return { bug: bugReport(error) };
    }
    if (!decision.ok) return { refusal: decision.refusal };
    const position = this.#workspace.apply(decision.change);
    return { answer: decision.answer, effects: decision.effects, position };
  }

  #rollBack(): void {
    // SQLite has rolled back by itself after some failures.
    if (this.#database.isTransaction) this.#database.exec("ROLLBACK");
    this.#workspace.clear();
  }
}

/** True if SQLite failed, but for a row that does not fit its table. */
function isOfDisk(error: unknown): boolean {
  if (!(error instanceof Error) || !("errcode" in error) || typeof error.errcode !== "number") return false;
  return (error.errcode & 0xff) !== constraintCode;
}

/** SQLITE_CONSTRAINT; the higher bits of a code say which. */
const constraintCode = 19;

function bugReport(error: unknown): BugReport {
  if (!(error instanceof Error)) return { name: "Error", message: String(error), stack: "", facts: {} };
  const facts: Record<string, string> = {};
  if ("facts" in error && typeof error.facts === "object" && error.facts !== null) {
    for (const [name, fact] of Object.entries(error.facts)) facts[name] = String(fact);
  }
  return { name: error.name, message: error.message, stack: error.stack ?? "", facts };
}
