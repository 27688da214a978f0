import type { Capacity, Reserved, Taint } from "./placement/demand.ts";
import type { Labels } from "./run.ts";

/**
 * Where a session stands.
 *
 * ATTACHED: its stream is open. DRAINING: open, and nothing more is assigned. DETACHED: the stream is gone
 * and the lease runs on; an attach of the same incarnation goes on from here, and drains on if it did. A
 * session whose lease ran out, which said Leave, or whose place was taken, is GONE and removed.
 */
export type SessionState = "ATTACHED" | "DRAINING" | "DETACHED";

/** One stream of a worker, and the lease on all that it holds. */
export interface Session {
  readonly id: string;
  readonly namespace: string;
  readonly workerId: string;
  readonly incarnation: string;
  readonly ops: readonly string[];
  readonly labels: Labels;
  readonly capacity: Capacity;
  readonly taints: readonly Taint[];
  /** Further namespaces whose tasks it takes. */
  readonly sharedNamespaces: readonly string[];
  /** What is reserved of it for what it holds. */
  readonly reserved: Reserved;
  readonly state: SessionState;
  /** Nothing more is assigned to this process, also after it has attached again. */
  readonly isDraining: boolean;
  readonly attachTimeMs: number;
  /** When the lease on everything it holds runs out; each pulse moves it on. */
  readonly leaseEndMs: number;
}
