import { setTimeout as delay } from "node:timers/promises";
import { durationMs } from "@bufbuild/protobuf/wkt";
import { Code, ConnectError } from "@connectrpc/connect";
import { RetryInfoSchema } from "../../../gen/google/rpc/error_details_pb.ts";
import { backoffMsMax, initialBackoffMs, resumeForMs, retryForMs } from "../client-limits.ts";
import { UnavailableError } from "../refused-error.ts";

/** How long, and how often, a client tries again. */
export interface RetryOptions {
  /** How long a call is tried for in all; 0 tries once. 30,000 unless said. */
  readonly forMs?: number;
  /**
   * How long a watch that was cut is opened again for, without a frame. 600,000 unless said; Infinity is
   * allowed.
   */
  readonly resumeForMs?: number;
  /** The first wait, which doubles with each try. 100 unless said. */
  readonly initialBackoffMs?: number;
  /** The longest wait. 5,000 unless said. */
  readonly backoffMsMax?: number;
}

/** The same with everything said. */
export type RetryPolicy = Required<RetryOptions>;

/** Fills in what is not said. */
export function toRetryPolicy(options: RetryOptions = {}): RetryPolicy {
  return { forMs: retryForMs, resumeForMs, initialBackoffMs, backoffMsMax, ...options };
}

/**
 * The wait after `failures` failed tries in a row: the first one doubled with each, moved by chance between
 * half of it and all of it, and no shorter than what the server asked for.
 */
export function backoffMs(policy: RetryPolicy, failures: number, error?: unknown): number {
  const whole = Math.min(policy.initialBackoffMs * 2 ** Math.min(failures - 1, 30), policy.backoffMsMax);
  return Math.max(whole * (0.5 + Math.random() / 2), askedDelayMs(error));
}

/** What a call that is tried again has. */
export interface Retrying<T> {
  readonly policy: RetryPolicy;
  /** Where the server is, for the message of the error. */
  readonly address: string;
  readonly signal?: AbortSignal | undefined;
  /** How long the whole may take; the policy's time unless said. */
  readonly timeoutMs?: number | undefined;
  /** One try, given the time that is left for all. */
  readonly attempt: (leftMs: number) => Promise<T>;
}

/**
 * Tries until there is an answer, a refusal, or no time: then it throws an UnavailableError whose cause is
 * the last error. Only errors that leave open whether the server took the request are tried again.
 */
export async function retrying<T>({ policy, address, signal, timeoutMs, attempt }: Retrying<T>): Promise<T> {
  const forMs = timeoutMs ?? policy.forMs;
  const endsAt = performance.now() + forMs;
  for (let failures = 1; ; failures += 1) {
    try {
      return await attempt(endsAt - performance.now());
    } catch (error) {
      signal?.throwIfAborted();
      if (!isTransient(error)) {
        throw error;
      }
      const waitMs = backoffMs(policy, failures, error);
      if (performance.now() + waitMs >= endsAt) {
        throw new UnavailableError(describeUnavailable(address, error), { attempts: failures, cause: error });
      }
      await delay(waitMs, undefined, { signal }).catch(() => signal?.throwIfAborted());
    }
  }
}

/** What to tell of a server that did not answer in time. */
export function describeUnavailable(address: string, error: unknown): string {
  const last = error instanceof ConnectError ? error.rawMessage : String(error);
  return `no answer from the server at ${address}: ${last}`;
}

/**
 * True if the error says nothing about the request: the server is away or stopping, the connection was lost,
 * or the answer did not come in time. Whether the request was carried out is open then, hence the request id.
 */
export function isTransient(error: unknown): boolean {
  if (!(error instanceof ConnectError)) {
    return false;
  }
  switch (error.code) {
    case Code.Unavailable:
    case Code.DeadlineExceeded:
      return true;
    default:
      return hasLostConnection(error);
  }
}

/**
 * connect-node tells a lost connection in many ways: with a code of Node or libuv in the chain of causes, as
 * the code of the stream's reset, or as an answer without its end.
 */
function hasLostConnection(error: ConnectError): boolean {
  const { rawMessage } = error;
  if (lostConnectionMessages.some((beginning) => rawMessage.startsWith(beginning))) {
    return true;
  }
  for (
    let cause = error.cause, depth = 0;
    cause instanceof Error && depth < 8;
    cause = cause.cause, depth += 1
  ) {
    if ("code" in cause && typeof cause.code === "string" && lostConnectionCodes.test(cause.code)) {
      return true;
    }
  }
  return false;
}

const lostConnectionMessages = [
  "http/2 stream closed with error code",
  "protocol error: missing EndStreamResponse",
  "protocol error: missing status",
  "protocol error: incomplete envelope",
  "protocol error: promised",
  "sentinel completed early",
];

const lostConnectionCodes = new RegExp(
  `^(${[
    "ECONN(RESET|REFUSED|ABORTED)",
    "EPIPE",
    "ETIMEDOUT",
    "EHOSTUNREACH",
    "ENET(UNREACH|DOWN)",
    "EAI_AGAIN",
    "ENOTFOUND",
    "ERR_(HTTP2|STREAM)_.*",
  ].join("|")})$`,
);

function askedDelayMs(error: unknown): number {
  const asked = error instanceof ConnectError ? error.findDetails(RetryInfoSchema)[0]?.retryDelay : undefined;
  return asked === undefined ? 0 : durationMs(asked);
}
