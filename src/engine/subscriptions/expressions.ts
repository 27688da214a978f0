import type { Event } from "../../core/event.ts";
import { subscriptionMatcher } from "../../core/subscriptions/event-filter.ts";
import type { SubscriptionFilter } from "../../core/subscriptions/subscription.ts";
import type { PlacedEvent } from "../feed-pages.ts";

/** Tells wanted events from others. */
export type EventMatcher = (event: Event, placed: PlacedEvent) => boolean;

/** What understands the expressions of filters; the rules know them as texts only. */
export interface Expressions {
  /** What an expression is true of; it never throws. Undefined for one that cannot be used. */
  compile(expression: string): ((placed: PlacedEvent) => boolean) | undefined;
}

/** Understands none. */
export const noExpressions: Expressions = { compile: () => undefined };

/** What a subscription wants; undefined if its expression cannot be used here. */
export function wantedBy(filter: SubscriptionFilter, expressions: Expressions): EventMatcher | undefined {
  const matches = subscriptionMatcher(filter);
  if (filter.expression === undefined) return matches;
  const isTrue = expressions.compile(filter.expression);
  return isTrue && ((event, placed) => matches(event) && isTrue(placed));
}
