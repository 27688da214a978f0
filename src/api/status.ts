import { type Code, ConnectError } from "@connectrpc/connect";
import { ErrorInfoSchema, RetryInfoSchema } from "../../gen/google/rpc/error_details_pb.ts";
import type { Refusal as RefusalMessage } from "../../gen/signalbox/v1/reason_pb.ts";
import { Stopping } from "../engine/execute.ts";
import { retryAfterMs } from "../limits.ts";
import { StoreUnavailable } from "../store/store.ts";
import { badRequest, invalidRequest } from "./interceptors/validate.ts";
import { toDuration } from "./mapping/time.ts";
import type { Refusal, RefusalRow } from "./refusals.ts";
import { refusalRows } from "./refusals.ts";

/** How long a message about a refusal may be on the wire; it can quote what a caller sent. */
const messageLengthMax = 4_096;
/** How long one fact may be on the wire, as the contract says. */
const factLengthMax = 4_096;

/** A refusal as the error that a call ends with: code, message, and the facts as `google.rpc.ErrorInfo`. */
export function toConnectError(refusal: Refusal, cause?: unknown): ConnectError {
  if (refusal.reason === "INVALID_REQUEST") return invalidRequest(refusal.violations);
  if (refusal.reason === "INPUTS_INVALID") return badInputs(refusal);
  if (refusal.reason === "ANSWER_INVALID") return badAnswer(refusal);
  const { code, message, metadata, waitingHelps } = describeRefusal(refusal);
  const info = { reason: refusal.reason, domain: "signalbox", metadata };
  const retryDelay = toDuration(retryAfterMs);
  return new ConnectError(
    message,
    code,
    undefined,
    [
      { desc: ErrorInfoSchema, value: info },
      ...(waitingHelps && retryDelay !== undefined ? [{ desc: RetryInfoSchema, value: { retryDelay } }] : []),
    ],
    cause,
  );
}

function badInputs(refusal: Extract<Refusal, { readonly reason: "INPUTS_INVALID" }>): ConnectError {
  const { reason, op, version, violations } = refusal;
  const facts = { op, version: String(version) };
  return badRequest(violations, { reason, facts, subject: `the inputs do not fit op ${op}: ` });
}

function badAnswer(refusal: Extract<Refusal, { readonly reason: "ANSWER_INVALID" }>): ConnectError {
  const { reason, runId, action, violations } = refusal;
  const facts = { run_id: runId, action };
  return badRequest(violations, { reason, facts, subject: `the answer does not fit condition ${action}: ` });
}

/** A refusal inside an answer, where others beside it were not refused. */
export function toRefusalMessage(refusal: Refusal): RefusalMessage {
  const { number, code, message, metadata } = describeRefusal(refusal);
  return { $typeName: "signalbox.v1.Refusal", reason: number, code, message, metadata };
}

/**
 * What went wrong as a refusal, if it is a failure that callers are told about: the store cannot be used, or
 * the server stops. Undefined for anything else, which is a bug.
 */
export function refusalOf(error: unknown): Refusal | undefined {
  if (error instanceof StoreUnavailable) return { reason: "STORE_UNAVAILABLE" };
  if (error instanceof Stopping) return { reason: "STOPPING" };
  return undefined;
}

/** What a call ends with when this was thrown: failures become refusals, everything else stays as it is. */
export function toThrown(error: unknown): Error {
  const refusal = refusalOf(error);
  if (refusal !== undefined) return toConnectError(refusal, error);
  return error instanceof Error
    ? error
    : new Error("something was thrown that is no error", { cause: error });
}

interface Described {
  readonly number: RefusalMessage["reason"];
  readonly code: Code;
  readonly message: string;
  readonly metadata: Record<string, string>;
  readonly waitingHelps: boolean;
}

function describeRefusal(refusal: Refusal): Described {
  // Each row takes the refusal of its own reason, which the table's type makes sure of.
  const row = refusalRows[refusal.reason] as RefusalRow<Refusal>;
  const metadata: Record<string, string> = {};
  for (const [name, fact] of Object.entries(row.metadata(refusal))) {
    metadata[name] = shorten(String(fact), factLengthMax);
  }
  return {
    number: row.number,
    code: row.code,
    message: shorten(row.message(refusal), messageLengthMax),
    metadata,
    waitingHelps: row.waitingHelps === true,
  };
}

function shorten(text: string, lengthMax: number): string {
  return text.length > lengthMax ? `${text.slice(0, lengthMax - 3)}...` : text;
}
