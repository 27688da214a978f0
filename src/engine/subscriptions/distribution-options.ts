import type { SubscriptionContent } from "../../core/subscriptions/subscription.ts";
import type { Clock } from "../clock.ts";
import type { HeldEvent } from "./lane.ts";

/** What a distribution is made of. */
export interface DistributionOptions {
  readonly content: Omit<SubscriptionContent, "filter" | "target" | "ackTimeoutMs">;
  /** How long a consumer has; undefined for one that always says what became of an event. */
  readonly ackTimeoutMs: number | undefined;
  readonly clock: Clock;
  /** Events were dealt with; settles when that is durable. */
  readonly dealt: (positions: readonly number[]) => Promise<void>;
  /** An event cannot be delivered. False: it cannot be set aside either, and is tried on. */
  readonly setAside: (event: HeldEvent, cause: string) => boolean;
  /** Something is held no longer, or there is a further consumer: there may be room for more. */
  readonly onRoom: () => void;
}
