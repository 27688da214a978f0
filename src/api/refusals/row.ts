import type { Code } from "@connectrpc/connect";
import type { Reason } from "../../../gen/signalbox/v1/reason_pb.ts";
import type { Refusal as CoreRefusal, Violation } from "../../core/refusal.ts";

/** Every refusal that a caller can meet: those of the rules, and those of the wire itself. */
export type Refusal =
  | CoreRefusal
  | { readonly reason: "TOKEN_INVALID" }
  | { readonly reason: "FILTER_CHANGED" }
  | { readonly reason: "FILTER_INVALID"; readonly expression: string; readonly fault: string }
  | {
      readonly reason: "CURSOR_EXPIRED";
      readonly oldestCursor: string;
      readonly feedEpoch: string;
      /** For a cursor of an earlier epoch: the last place that both have in common. */
      readonly resumeCursor?: string;
    }
  | { readonly reason: "ATTACH_EXPECTED"; readonly found: string }
  | { readonly reason: "STOPPING" }
  | { readonly reason: "STORE_UNAVAILABLE" }
  | {
      readonly reason: "ATTEMPT_NOT_FOUND";
      readonly runId: string;
      readonly action: string;
      readonly attempt: number;
    }
  | { readonly reason: "SUBSCRIPTION_NOT_PULLED"; readonly subscription: string; readonly target: string }
  | { readonly reason: "OPEN_EXPECTED"; readonly found: string }
  | { readonly reason: "ADDRESS_FORBIDDEN"; readonly address: string }
  | { readonly reason: "NATS_NOT_CONFIGURED" }
  | { readonly reason: "UNAUTHENTICATED" }
  | { readonly reason: "LINK_INVALID" }
  | { readonly reason: "LINK_EXPIRED"; readonly expireTime: string }
  | { readonly reason: "LINK_USED"; readonly runId: string; readonly action: string }
  | { readonly reason: "TOO_SLOW"; readonly limit: string; readonly maximum: number };

/** What a refusal of one reason looks like on the wire and in docs/errors.md. */
export interface RefusalRow<Facts> {
  readonly number: Reason;
  readonly code: Code;
  /** Lower case, no full stop, subject first: the value that was wrong, then what to do. */
  readonly message: (facts: Facts) => string;
  /** The facts by name; everything that varies in the message is among them. */
  readonly metadata: (facts: Facts) => Readonly<Record<string, string | number>>;
  /** True if the same call may well succeed a little later. */
  readonly waitingHelps?: true;
  /** For the documentation: what happened, and what to do about it. Markdown, whole sentences. */
  readonly happened: string;
  readonly remedy: string;
}

/** Rows for some of the reasons, each for the facts of its own. */
export type RowsOf<Name extends Refusal["reason"]> = {
  readonly [N in Name]: RefusalRow<Extract<Refusal, { readonly reason: N }>>;
};

/** How many violations are told in words; all of them are counted. */
const violationsToldMax = 20;

/** Violations in words. */
export function describeViolations(violations: readonly Violation[]): string {
  const told = violations.slice(0, violationsToldMax).map(({ field, description }) => {
    return field === "" ? description : `${field}: ${description}`;
  });
  const rest = violations.length - told.length;
  return `${told.join("; ")}${rest === 0 ? "" : `; and ${rest} more`}`;
}
