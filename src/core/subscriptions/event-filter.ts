import type { Event, EventKind } from "../event.ts";
import type { SubscriptionFilter } from "./subscription.ts";

/** What is told of subscriptions themselves: delivering it would make more of it. */
const kindsAboutSubscriptions: ReadonlySet<EventKind> = new Set<EventKind>([
  "subscription_created",
  "subscription_deleted",
  "event_dead_lettered",
]);

/** True if an event is delivered to one of the topics; none of them means no wish, `*` any topic. */
export function goesTo({ delivery }: Pick<Event, "delivery">, topics: readonly string[]): boolean {
  if (topics.length === 0) return true;
  const topic = delivery?.topic ?? "";
  return topic !== "" && (topics.includes(topic) || topics.includes("*"));
}

/** Tells the events that a subscription wants from others. Those about subscriptions are never among them. */
export function subscriptionMatcher(filter: SubscriptionFilter): (event: Event) => boolean {
  const { namespace, runId, topics } = filter;
  const kinds = new Set<EventKind>(filter.kinds);
  const labels = Object.entries(filter.labels);
  return (event) =>
    (namespace === "-" || event.namespace === namespace) &&
    (runId === "" || event.runId === runId) &&
    (kinds.size === 0 || kinds.has(event.detail.kind)) &&
    !kindsAboutSubscriptions.has(event.detail.kind) &&
    goesTo(event, topics) &&
    labels.every(([name, value]) => event.runLabels[name] === value);
}
