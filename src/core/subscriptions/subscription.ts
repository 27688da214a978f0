import type { EventKind } from "../event.ts";
import type { Labels } from "../run.ts";

/** Which events; what is empty does not restrict. */
export interface SubscriptionFilter {
  /** "-" means all. */
  readonly namespace: string;
  readonly runId: string;
  readonly kinds: readonly EventKind[];
  readonly labels: Labels;
  /** "*" means any topic. */
  readonly topics: readonly string[];
  /** What else must be true of an event, as the contract has it; left out for nothing. */
  readonly expression?: string;
}

/** How events get to whoever subscribed. */
export type SubscriptionTarget =
  | { readonly kind: "pull" }
  | { readonly kind: "webhook"; readonly url: string; readonly secret: string; readonly timeoutMs: number }
  | { readonly kind: "nats"; readonly subject: string };

/** What a caller states of a subscription, with the defaults filled in. */
export interface SubscriptionContent {
  readonly filter: SubscriptionFilter;
  readonly target: SubscriptionTarget;
  readonly ackTimeoutMs: number;
  /** 0 means for ever. */
  readonly deliveriesMax: number;
  readonly inFlightMax: number;
  readonly initialBackoffMs: number;
  readonly maxBackoffMs: number;
}

/** Positions from the first to the last, both included. */
export type PositionRange = readonly [first: number, last: number];

/** A subscription and its place in the feed. Positions are whole numbers, safe as JavaScript has them. */
export interface Subscription extends SubscriptionContent {
  readonly namespace: string;
  readonly name: string;
  readonly createTimeMs: number;
  /** Everything up to here is dealt with. */
  readonly through: number;
  /** What is dealt with beyond, in order, apart from each other. */
  readonly ahead: readonly PositionRange[];
  readonly deadLetterCount: number;
  /** How many events of the whole feed were removed before they were dealt with, matching ones among them. */
  readonly missedCount: number;
}

/** An event that could not be delivered and was set aside. */
export interface DeadLetter {
  readonly namespace: string;
  readonly subscription: string;
  readonly position: number;
  readonly deliveryCount: number;
  readonly cause: string;
  readonly timeMs: number;
}
