import type { DeadLetter, Subscription } from "../../../core/subscriptions/subscription.ts";
import { placeParts, scanPage } from "../../scan.ts";
import type { NameQuery, Page, Store } from "../../store.ts";
import { namesOf } from "../rows/columns.ts";
import {
  type DeadLetterRow,
  deadLetterColumns,
  deadLetterOfRow,
  type SubscriptionRow,
  subscriptionColumns,
  subscriptionOfRow,
} from "../rows/subscription-row.ts";
import type { Statements } from "./statements.ts";

const names = namesOf(subscriptionColumns);
const oneSql = `SELECT ${names} FROM subscriptions WHERE namespace = ? AND name = ?`;
const allSql = `SELECT ${names} FROM subscriptions WHERE (namespace, name) > (?, ?) ORDER BY namespace, name`;
const ofNamespaceSql = `SELECT ${names} FROM subscriptions WHERE namespace = ? AND name > ? ORDER BY name`;
const lettersSql = `SELECT ${namesOf(deadLetterColumns)} FROM dead_letters
  WHERE namespace = ? AND subscription = ? AND position > ? ORDER BY position`;

/** Reads subscriptions and what they set aside. */
export class SubscriptionReader {
  readonly #statements: Statements;

  constructor(statements: Statements) {
    this.#statements = statements;
  }

  get(namespace: string, name: string): Subscription | undefined {
    const row = this.#statements.get<SubscriptionRow>(oneSql, namespace, name);
    return row === undefined ? undefined : subscriptionOfRow(row);
  }

  list({ namespace, after, limit }: NameQuery): Page<Subscription, string> {
    const place = placeParts(after);
    const rows =
      namespace === undefined
        ? this.#statements.each<SubscriptionRow>(allSql, place.namespace, place.name)
        : this.#statements.each<SubscriptionRow>(ofNamespaceSql, namespace, after ?? "");
    const page = scanPage({
      rows,
      limit,
      matches: () => true,
      placeOf: (row) => (namespace === undefined ? `${row.namespace}/${row.name}` : row.name),
    });
    return { items: page.items.map(subscriptionOfRow), next: page.next };
  }

  deadLetters(query: Parameters<Store["listDeadLetters"]>[0]): Page<DeadLetter, number> {
    const { namespace, name, after, limit } = query;
    const page = scanPage({
      rows: this.#statements.each<DeadLetterRow>(lettersSql, namespace, name, after ?? -1),
      limit,
      matches: () => true,
      placeOf: ({ position }) => position,
    });
    return { items: page.items.map(deadLetterOfRow), next: page.next };
  }
}
