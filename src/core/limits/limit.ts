/** Which tasks fall under a limit. A label without a value makes a limit of its own for each value. */
export type LimitScope =
  | { readonly kind: "op"; readonly op: string }
  | { readonly kind: "label"; readonly name: string; readonly value: string | undefined }
  | { readonly kind: "namespace" };

/** So many starts in a period, evenly refilled. */
export interface Rate {
  readonly count: number;
  readonly periodMs: number;
}

/** What a caller states of a limit. */
export interface LimitContent {
  readonly scope: LimitScope;
  /** How many may be held at once; 0 means any number. */
  readonly concurrentMax: number;
  readonly rate: Rate | undefined;
  /** For a whole namespace: its weight among those that share a worker. At least 1. */
  readonly shareWeight: number;
}

/** How many tasks of some scope may be held at once, and how often one may start. */
export interface Limit extends LimitContent {
  readonly namespace: string;
  readonly name: string;
  readonly updateTimeMs: number;
}

/**
 * How much of a limit is in use: one row for each limit, or for each value of its label. `Action.holds` names
 * the counters that an action takes a place in, by their keys.
 */
export interface Counter {
  /** See `counterKey`. */
  readonly key: string;
  readonly namespace: string;
  readonly limit: string;
  readonly value: string;
  /** How many actions hold a place: as many as have its key in `holds`. */
  readonly heldCount: number;
  /** When the bucket of the rate is full again: the state of the rate as one number. */
  readonly fullTimeMs: number;
  /** When parked actions are to be looked at again, without an end that frees a place. */
  readonly dueMs: number | undefined;
}

/** The key of a counter. */
export function counterKey(namespace: string, limit: string, value: string): string {
  return `${namespace}/${limit}/${value}`;
}

/** The key of the counter of what a namespace holds of shared workers; no limit has an empty name. */
export function shareKey(namespace: string): string {
  return counterKey(namespace, "", "");
}

/** A counter in which nobody has a place yet, from its key. */
export function newCounter(key: string): Counter {
  const first = key.indexOf("/");
  const second = key.indexOf("/", first + 1);
  return {
    key,
    namespace: key.slice(0, first),
    limit: key.slice(first + 1, second),
    value: key.slice(second + 1),
    heldCount: 0,
    fullTimeMs: 0,
    dueMs: undefined,
  };
}

/** True for the counter of what a namespace holds of shared workers. */
export function isShare(counter: Pick<Counter, "limit">): boolean {
  return counter.limit === "";
}
