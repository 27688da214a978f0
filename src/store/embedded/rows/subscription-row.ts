import type {
  DeadLetter,
  PositionRange,
  Subscription,
  SubscriptionContent,
} from "../../../core/subscriptions/subscription.ts";
import type { Column, Nullable } from "./columns.ts";
import { listOrNothing, parsed, parsedOrNone } from "./columns.ts";

/** A row of `subscriptions`. */
export interface SubscriptionRow {
  readonly namespace: string;
  readonly name: string;
  readonly create_ms: number;
  readonly through: number;
  readonly dead_letter_count: number;
  readonly missed_count: number;
  readonly ahead: Nullable<string>;
  readonly content: string;
}

/** All of a subscription. */
export const subscriptionColumns: readonly Column<Subscription>[] = [
  ["namespace", (subscription) => subscription.namespace],
  ["name", (subscription) => subscription.name],
  ["create_ms", (subscription) => subscription.createTimeMs],
  ["through", (subscription) => subscription.through],
  ["dead_letter_count", (subscription) => subscription.deadLetterCount],
  ["missed_count", (subscription) => subscription.missedCount],
  ["ahead", (subscription) => listOrNothing(subscription.ahead)],
  ["content", contentOf],
];

function contentOf(subscription: Subscription): SubscriptionContent {
  const { namespace: _namespace, name: _name, createTimeMs: _createTimeMs, ...rest } = subscription;
  const { through: _through, ahead: _ahead, ...counted } = rest;
  const { deadLetterCount: _deadLetterCount, missedCount: _missedCount, ...content } = counted;
  return content;
}

/** The subscription that a row says. */
export function subscriptionOfRow(row: SubscriptionRow): Subscription {
  return {
    ...parsed<SubscriptionContent>(row.content),
    namespace: row.namespace,
    name: row.name,
    createTimeMs: row.create_ms,
    through: row.through,
    ahead: parsedOrNone<PositionRange>(row.ahead),
    deadLetterCount: row.dead_letter_count,
    missedCount: row.missed_count,
  };
}

/** A row of `dead_letters`. */
export interface DeadLetterRow {
  readonly namespace: string;
  readonly subscription: string;
  readonly position: number;
  readonly delivery_count: number;
  readonly time_ms: number;
  readonly cause: string;
}

/** All of a dead letter. */
export const deadLetterColumns: readonly Column<DeadLetter>[] = [
  ["namespace", (letter) => letter.namespace],
  ["subscription", (letter) => letter.subscription],
  ["position", (letter) => letter.position],
  ["delivery_count", (letter) => letter.deliveryCount],
  ["time_ms", (letter) => letter.timeMs],
  ["cause", (letter) => letter.cause],
];

/** The dead letter that a row says. */
export function deadLetterOfRow(row: DeadLetterRow): DeadLetter {
  return {
    namespace: row.namespace,
    subscription: row.subscription,
    position: row.position,
    deliveryCount: row.delivery_count,
    cause: row.cause,
    timeMs: row.time_ms,
  };
}
