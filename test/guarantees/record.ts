/** An event as anybody may have recorded it, on the wire or in the rules: just what the promises are about. */
export interface RecordedEvent {
  /** Unique in the feed; sorts in its order. */
  readonly eventId: string;
  readonly namespace: string;
  readonly runId: string;
  /** Empty for an event of a whole run. */
  readonly action: string;
  readonly attempt: number;
  /** As the contract has it, such as `ACTION_ENDED`. */
  readonly kind: string;
  /** Of a lease, or of the report that ended an action; 0 for none. */
  readonly epoch?: number | undefined;
  readonly state?: string | undefined;
  /** The answer of a condition. */
  readonly value?: unknown;
}

/** A frame as a subscriber recorded it; without events it is a bookmark. */
export interface RecordedFrame {
  readonly events: readonly RecordedEvent[];
  readonly cursor: string;
  readonly atHead: boolean;
}

/** That a promise was broken, and by what. */
export interface Violation {
  readonly promise: string;
  readonly sentence: string;
}

/** A broken promise with its name. */
export function broke(promise: string, sentence: string): Violation {
  return { promise, sentence };
}
