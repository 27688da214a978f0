import { Code, type ConnectError } from "@connectrpc/connect";
import { BadRequestSchema, ErrorInfoSchema } from "../../gen/google/rpc/error_details_pb.ts";
import { Reason, type Refusal } from "../../gen/signalbox/v1/reason_pb.ts";

/**
 * Why a request was declined, as docs/errors.md lists it. A newer server may know reasons that are not here.
 */
export type RefusalReason = Exclude<keyof typeof Reason, "UNSPECIFIED"> | (string & {});

/** The name of a gRPC status code. */
export type StatusCode = (typeof codeNames)[number];

/** One field of a request that breaks one rule. */
export interface Violation {
  /** The path from the request to the field, such as `run.plan.actions[2].name`. */
  readonly field: string;
  /** What is wrong with its value. */
  readonly description: string;
}

/**
 * Signalbox understood a request and declined it. Sending it again unchanged changes nothing; what would help
 * is in the message, and in the facts for programs.
 */
export class RefusedError extends Error {
  override readonly name = "RefusedError";
  /** What programs branch on. */
  readonly reason: RefusalReason;
  /** The status code that came with it; several reasons share one. */
  readonly code: StatusCode;
  /** The facts of the refusal by name. */
  readonly metadata: Readonly<Record<string, string>>;
  /** Every field that breaks a rule, for INVALID_REQUEST; empty otherwise. */
  readonly violations: readonly Violation[];

  constructor(refusal: RefusalParts) {
    super(refusal.message, refusal.cause === undefined ? undefined : { cause: refusal.cause });
    this.reason = refusal.reason;
    this.code = refusal.code;
    this.metadata = refusal.metadata;
    this.violations = refusal.violations ?? [];
  }
}

/**
 * A call failed and is neither a refusal nor to be tried again: a mistake in the server, or no such method
 * there.
 */
export class CallFailedError extends Error {
  override readonly name = "CallFailedError";
  readonly code: StatusCode;

  constructor(message: string, options: { readonly code: StatusCode; readonly cause: unknown }) {
    super(message, { cause: options.cause });
    this.code = options.code;
  }
}

/** The server did not answer, or said that it cannot at the moment, until the time for retries was over. */
export class UnavailableError extends Error {
  override readonly name = "UnavailableError";
  /** How often it was tried. */
  readonly attempts: number;

  constructor(message: string, options: { readonly attempts: number; readonly cause: unknown }) {
    super(message, { cause: options.cause });
    this.attempts = options.attempts;
  }
}

interface RefusalParts {
  readonly message: string;
  readonly reason: RefusalReason;
  readonly code: StatusCode;
  readonly metadata: Readonly<Record<string, string>>;
  readonly violations?: readonly Violation[];
  readonly cause?: unknown;
}

/**
 * The RefusedError that the error of a call stands for; undefined if Signalbox did not send it with a reason.
 */
export function readRefusedError(error: ConnectError): RefusedError | undefined {
  const info = error.findDetails(ErrorInfoSchema).find(({ domain }) => domain === "signalbox");
  if (info === undefined) {
    return undefined;
  }
  const violations = error.findDetails(BadRequestSchema).flatMap((details) => details.fieldViolations);
  return new RefusedError({
    message: error.rawMessage,
    reason: info.reason,
    code: nameCode(error.code),
    metadata: info.metadata,
    violations: violations.map(({ field, description }) => ({ field, description })),
    cause: error,
  });
}

/** Turns a refusal that stands inside an answer into the error that the call would have thrown. */
export function toRefusedError({ reason, code, message, metadata }: Refusal): RefusedError {
  return new RefusedError({ message, reason: nameReason(reason), code: nameCode(code), metadata });
}

/** The name of a reason without its prefix. */
export function nameReason(reason: number): RefusalReason {
  return Object.entries(Reason).find(([, number]) => number === reason)?.[0] ?? `REASON_${reason}`;
}

/** The name of a gRPC status code. */
export function nameCode(code: number): StatusCode {
  return codeNames[code] ?? "UNKNOWN";
}

/** By number, as gRPC numbers them. */
const codeNames = [
  "OK",
  "CANCELLED",
  "UNKNOWN",
  "INVALID_ARGUMENT",
  "DEADLINE_EXCEEDED",
  "NOT_FOUND",
  "ALREADY_EXISTS",
  "PERMISSION_DENIED",
  "RESOURCE_EXHAUSTED",
  "FAILED_PRECONDITION",
  "ABORTED",
  "OUT_OF_RANGE",
  "UNIMPLEMENTED",
  "INTERNAL",
  "UNAVAILABLE",
  "DATA_LOSS",
  "UNAUTHENTICATED",
] as const;

/** True for a refusal whose code says that the same request may be taken a little later. */
export function isUnavailable(refusal: Refusal): boolean {
  return refusal.code === Code.Unavailable;
}
