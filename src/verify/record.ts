/**
 * An event as anybody can record it: from the rules, from a store, or from the wire in any language. What is
 * not said by an event of its kind is left out.
 */
export interface RecordedEvent {
  /** The same however often it is read; sorts in feed order. */
  readonly eventId: string;
  readonly namespace: string;
  readonly runId: string;
  /** The whole name, "" for none. */
  readonly action: string;
  /** 0 for none. */
  readonly attempt: number;
  /** As the field of `detail` on the wire: `action_ended`. */
  readonly kind: string;
  /** Of `action_assigned`, `action_started` and `action_ended`. */
  readonly epoch?: number;
  /** Of `action_ended` and `run_ended`. */
  readonly state?: string;
  /**
   * The answer of `condition_answered`, and the output `value` of `action_ended`: equal texts for equal
   * values.
   */
  readonly value?: string;
}

/** One frame of a stream of events; without events it is a bookmark. */
export interface RecordedFrame {
  readonly events: readonly RecordedEvent[];
  readonly cursor: string;
  readonly atHead: boolean;
}

/** One stream that a subscriber had. */
export interface RecordedStream {
  /**
   * Where it was to begin: behind this cursor of an earlier frame, with the oldest event, or with the next.
   */
  readonly start: { readonly cursor: string } | "beginning" | "now";
  readonly frames: readonly RecordedFrame[];
  /** True if the subscriber waited, at the end, until it was told that nothing more was there. */
  readonly isQuiet?: boolean;
}

/**
 * The feed as it truly is: the events of each transaction that match the subscriber's filter, in commit
 * order.
 */
export type Reference = readonly (readonly RecordedEvent[])[];

/** A promise checked: everything that breaks it, as sentences; empty if it holds. */
export type Violations = readonly string[];
