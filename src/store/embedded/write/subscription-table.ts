import type { DatabaseSync, StatementSync } from "node:sqlite";
import type { DeadLetter, Subscription } from "../../../core/subscriptions/subscription.ts";
import { namesOf, upsertSql, valuesOf } from "../rows/columns.ts";
import {
  type DeadLetterRow,
  deadLetterColumns,
  deadLetterOfRow,
  type SubscriptionRow,
  subscriptionColumns,
  subscriptionOfRow,
} from "../rows/subscription-row.ts";
import { ResidentTable } from "./cache/resident-table.ts";

/**
 * The subscriptions and what they set aside, as the one who writes sees them. Subscriptions are kept in
 * memory, since each acknowledgement moves one; dead letters are written at once.
 */
export class SubscriptionTable {
  readonly #rows: ResidentTable<Subscription>;
  readonly #sql: ReturnType<typeof prepare>;

  constructor(database: DatabaseSync) {
    this.#rows = new ResidentTable<Subscription>(database, {
      table: "subscriptions",
      columns: subscriptionColumns,
      keys: ["namespace", "name"],
      keyOf: ({ namespace, name }) => `${namespace}/${name}`,
      ofRow: (row) => subscriptionOfRow(row as SubscriptionRow),
    });
    this.#sql = prepare(database);
  }

  get count(): number {
    return this.#rows.size;
  }

  get(namespace: string, name: string): Subscription | undefined {
    return this.#rows.get(`${namespace}/${name}`);
  }

  /** All of them, by namespace and name. */
  all(): readonly Subscription[] {
    return [...this.#rows.all()].sort(byName);
  }

  put(subscription: Subscription): void {
    this.#rows.put(subscription);
  }

  /** Removes a subscription with its dead letters. */
  remove({ namespace, name }: Pick<Subscription, "namespace" | "name">): void {
    this.#rows.remove(`${namespace}/${name}`);
    this.#sql.deleteLetters.run(namespace, name);
  }

  /** What a subscription set aside, the oldest event first. */
  letters(namespace: string, subscription: string, limit: number): readonly DeadLetter[] {
    return this.#sql.letters
      .all(namespace, subscription, limit)
      .map((row) => deadLetterOfRow(row as unknown as DeadLetterRow));
  }

  letter(namespace: string, subscription: string, position: number): DeadLetter | undefined {
    const row = this.#sql.letter.get(namespace, subscription, position);
    return row === undefined ? undefined : deadLetterOfRow(row as unknown as DeadLetterRow);
  }

  putLetter(letter: DeadLetter): void {
    this.#sql.putLetter.run(...valuesOf(deadLetterColumns, letter));
  }

  removeLetter(letter: Pick<DeadLetter, "namespace" | "subscription" | "position">): void {
    this.#sql.deleteLetter.run(letter.namespace, letter.subscription, letter.position);
  }

  flush(): void {
    this.#rows.flush();
  }

  /** Goes back to what the database says. */
  clear(): void {
    this.#rows.clear();
  }
}

function byName(one: Subscription, other: Subscription): number {
  if (one.namespace !== other.namespace) return one.namespace < other.namespace ? -1 : 1;
  return one.name < other.name ? -1 : 1;
}

function prepare(database: DatabaseSync) {
  const names = namesOf(deadLetterColumns);
  const ofSubscription = "namespace = ? AND subscription = ?";
  const sql = (text: string): StatementSync => database.prepare(text);
  return {
    letters: sql(`SELECT ${names} FROM dead_letters WHERE ${ofSubscription} ORDER BY position LIMIT ?`),
    letter: sql(`SELECT ${names} FROM dead_letters WHERE ${ofSubscription} AND position = ?`),
    putLetter: sql(upsertSql("dead_letters", deadLetterColumns, ["namespace", "subscription", "position"])),
    deleteLetter: sql(`DELETE FROM dead_letters WHERE ${ofSubscription} AND position = ?`),
    deleteLetters: sql(`DELETE FROM dead_letters WHERE ${ofSubscription}`),
  };
}
