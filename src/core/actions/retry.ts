import { backoffMsMax, initialBackoffMs } from "../../limits.ts";
import type { ActionError, RetryPolicy } from "../action.ts";

/** The policy of a task whose caller and op say nothing: one attempt. */
export const defaultRetry: RetryPolicy = {
  maxAttempts: 1,
  initialBackoffMs,
  multiplier: 2,
  maxBackoffMs: backoffMsMax,
  jitter: 0,
  nonRetryableErrorTypes: [],
  manual: false,
};

/** True if a further attempt may follow `attempts` of them, the last of which ended with this error. */
export function mayRetry(policy: RetryPolicy, attempts: number, error: ActionError): boolean {
  return (
    !policy.manual &&
    attempts < policy.maxAttempts &&
    !error.nonRetryable &&
    !policy.nonRetryableErrorTypes.includes(error.type)
  );
}

/**
 * The wait after `attempts` attempts: grows by the multiplier from the first, up to the longest, and is then
 * moved by chance (in [0, 1)) by up to the policy's share in either direction. Whole milliseconds, never
 * negative.
 */
export function backoffMs(policy: RetryPolicy, attempts: number, chance: number): number {
  const grown = policy.initialBackoffMs * policy.multiplier ** (attempts - 1);
  const bounded = Math.min(grown, policy.maxBackoffMs);
  return Math.max(0, Math.round(bounded * (1 + policy.jitter * (2 * chance - 1))));
}
