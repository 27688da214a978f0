/** A field of a request that is wrong, and why. */
export interface Violation {
  readonly field: string;
  readonly description: string;
}

/** How long violations in words get: an error of an action has room for a few of them. */
const toldLengthMax = 2_000;

/** Violations in words, as many as there is room for. */
export function describeViolations(violations: readonly Violation[]): string {
  const text = violations.map(({ field, description }) => `${field}: ${description}`).join("; ");
  return text.length > toldLengthMax ? `${text.slice(0, toldLengthMax).toWellFormed()}...` : text;
}

/**
 * Every refusal of the rules: its reason and its facts. `api/status.ts` says what each looks like on the
 * wire.
 */
export type Refusal =
  | { readonly reason: "INVALID_REQUEST"; readonly violations: readonly Violation[] }
  | { readonly reason: "RUN_NOT_FOUND"; readonly namespace: string; readonly runId: string }
  | { readonly reason: "RUN_EXISTS"; readonly runId: string }
  | { readonly reason: "RUN_ENDED"; readonly runId: string; readonly state: string }
  | { readonly reason: "RUN_NOT_ENDED"; readonly runId: string; readonly state: string }
  | { readonly reason: "RUN_SUCCEEDED"; readonly runId: string }
  | { readonly reason: "ACTION_NOT_FOUND"; readonly runId: string; readonly action: string }
  | {
      readonly reason: "ACTION_ENDED";
      readonly runId: string;
      readonly action: string;
      readonly state: string;
    }
  | {
      readonly reason: "ACTION_NOT_CONDITION";
      readonly runId: string;
      readonly action: string;
      readonly kind: string;
    }
  | { readonly reason: "ALREADY_ANSWERED"; readonly runId: string; readonly action: string }
  | { readonly reason: "SIGNAL_TYPE_MISMATCH"; readonly expected: string; readonly actual: string }
  | {
      readonly reason: "OP_NOT_FOUND";
      readonly op: string;
      readonly version: number;
      /** The version by its own name, if it was asked for by that. */
      readonly versionName?: string;
    }
  | { readonly reason: "REQUEST_ID_REUSED"; readonly requestId: string }
  | { readonly reason: "LIMIT_REACHED"; readonly limit: string; readonly maximum: number }
  | {
      readonly reason: "STALE_EPOCH";
      readonly runId: string;
      readonly action: string;
      readonly epoch: number;
      readonly currentEpoch: number;
    }
  | { readonly reason: "SESSION_GONE"; readonly sessionId: string }
  | { readonly reason: "WORKER_NOT_FOUND"; readonly workerId: string }
  | { readonly reason: "ACTION_EXISTS"; readonly runId: string; readonly action: string }
  | {
      readonly reason: "OP_IN_USE";
      readonly op: string;
      readonly version: number;
      readonly runId: string;
      readonly action: string;
    }
  | {
      readonly reason: "INPUTS_INVALID";
      readonly op: string;
      readonly version: number;
      readonly violations: readonly Violation[];
    }
  | {
      readonly reason: "ATTEMPTS_EXHAUSTED";
      readonly runId: string;
      readonly action: string;
      readonly attempts: number;
      readonly maxAttempts: number;
    }
  | {
      readonly reason: "ANSWER_INVALID";
      readonly runId: string;
      readonly action: string;
      readonly violations: readonly Violation[];
    }
  | {
      readonly reason: "NOT_ALLOWED";
      readonly runId: string;
      readonly action: string;
      readonly subject: string;
      /** What stands against it, in words. */
      readonly rule: string;
    }
  | {
      readonly reason: "INSTANCE_CHANGED";
      readonly runId: string;
      readonly action: string;
      readonly instance: number;
      readonly currentInstance: number;
    }
  | { readonly reason: "CORRELATION_NOT_FOUND"; readonly correlationKey: string }
  | {
      readonly reason: "CORRELATION_AMBIGUOUS";
      readonly correlationKey: string;
      /** The first of them, as `<run>/<name>`. */
      readonly conditions: readonly string[];
    }
  | {
      readonly reason: "ALREADY_CLAIMED";
      readonly runId: string;
      readonly action: string;
      readonly assignee: string;
    }
  | {
      readonly reason: "CONDITION_NOT_OPEN";
      readonly runId: string;
      readonly action: string;
      readonly state: string;
    }
  | { readonly reason: "LIMIT_NOT_FOUND"; readonly limit: string }
  | { readonly reason: "SUBSCRIPTION_NOT_FOUND"; readonly subscription: string }
  | { readonly reason: "SUBSCRIPTION_EXISTS"; readonly subscription: string };

/** The name of a reason. */
export type Reason = Refusal["reason"];

/** A refusal as an outcome. */
export function refuse(refusal: Refusal): { readonly ok: false; readonly refusal: Refusal } {
  return { ok: false, refusal };
}
