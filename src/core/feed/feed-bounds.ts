/** How much of the feed is kept; each bound is 0 for none. */
export interface FeedBounds {
  /** Older events go, up to the place of the subscription that is furthest behind. */
  readonly retentionMs: number;
  /** Older ones go whatever is behind. */
  readonly subscribedRetentionMs: number;
  /** When more are kept, the oldest go, up to that place too. */
  readonly eventsMax: number;
}
