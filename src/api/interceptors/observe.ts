import { randomUUID } from "node:crypto";
import type { Interceptor, StreamRequest, UnaryRequest } from "@connectrpc/connect";
import { Code, ConnectError } from "@connectrpc/connect";
import { ErrorInfoSchema } from "../../../gen/google/rpc/error_details_pb.ts";
import type { Log } from "../../observe/log.ts";
import { callOriginKey } from "../carrier/call-origin.ts";

/**
 * Logs one line per call when it ends, and turns a bug into INTERNAL with a reference, so that nothing of it
 * leaks.
 *
 * Outcomes are logged as `debug` when the call went well, was refused, or was given up by its client (cancel,
 * lost connection, deadline), or by a server that stops; as `warn` when the server could not serve
 * (UNAVAILABLE) though it meant to; as `error`, with the
 * cause and the reference that the client was given, when something was thrown that no client could have
 * caused. To stand outermost.
 */
export function observeCalls(log: Log): Interceptor {
  return (next) => async (request) => {
    const call = new ObservedCall(log, request);
    try {
      const response = await next(request);
      if (!response.stream) {
        call.end();
        return response;
      }
      return { ...response, message: observeEach(response.message, call) };
    } catch (error) {
      throw call.fail(error);
    }
  };
}

class ObservedCall {
  readonly #log: Log;
  readonly #request: UnaryRequest | StreamRequest;
  readonly #startedAtMs = performance.now();
  #ended = false;

  constructor(log: Log, request: UnaryRequest | StreamRequest) {
    this.#log = log;
    this.#request = request;
    request.contextValues.get(callOriginKey).observed = true;
  }

  /** The call ended well, or its client stopped reading. */
  end(): void {
    this.#write("debug", this.#request.signal.aborted ? "CANCELED" : "OK");
  }

  /**
   * Throws if the call's deadline has passed. A method that stops for it has not ended well, and its client
   * is told so, whoever's clock was the first.
   */
  throwIfLate(): void {
    const { aborted, reason } = this.#request.signal;
    if (aborted && isLate(reason)) throw this.fail(reason);
  }

  /** The call ended by something thrown; returns what the client is told. */
  fail(error: unknown): ConnectError {
    const given = givenUp(error, this.#request.signal);
    if (given !== undefined) {
      this.#write("debug", nameOf(given.code), { told: given.rawMessage });
      return given;
    }
    if (error instanceof ConnectError && !ours.has(error.code)) {
      const level = error.code === Code.Unavailable && !isGoodbye(error) ? "warn" : "debug";
      this.#write(level, nameOf(error.code), { told: error.rawMessage });
      return error;
    }
    const reference = randomUUID();
    this.#write("error", "INTERNAL", { reference, err: error });
    return new ConnectError(`internal error, reference ${reference}`, Code.Internal);
  }

  #write(level: "debug" | "warn" | "error", code: string, facts: object = {}): void {
    const isFirst = !this.#ended;
    this.#ended = true;
    if (!isFirst || !this.#log.isLevelEnabled(level)) {
      return;
    }
    const { method, service, header, contextValues } = this.#request;
    const { peer, httpVersion } = contextValues.get(callOriginKey);
    const ms = Math.round((performance.now() - this.#startedAtMs) * 100) / 100;
    this.#log[level](
      {
        method: `${service.typeName}/${method.name}`,
        code,
        ms,
        peer,
        protocol: protocolOf(header.get("content-type") ?? ""),
        http: httpVersion,
        ...facts,
      },
      level === "error" ? "a call failed" : "call",
    );
  }
}

/** True for what a server tells everybody who is there when it stops: no sign of trouble. */
function isGoodbye(error: ConnectError): boolean {
  return error.findDetails(ErrorInfoSchema).some(({ reason }) => reason === "STOPPING");
}

/** The codes that say that the server is wrong, whoever threw them. */
const ours: ReadonlySet<Code> = new Set([Code.Internal, Code.Unknown, Code.DataLoss]);

/**
 * What to tell when a call failed only because its client gave it up: it cancelled, lost its connection or
 * let its deadline pass. Undefined when the failure has another cause, even if the client is gone by then.
 */
function givenUp(error: unknown, signal: AbortSignal): ConnectError | undefined {
  if (!signal.aborted) {
    return undefined;
  }
  const isEcho = error === signal.reason || error instanceof ConnectError || isAbortError(error);
  if (!isEcho && !isBrokenConnection(error)) {
    return undefined;
  }
  const reason: unknown = signal.reason;
  return isLate(reason) ? reason : new ConnectError("the client is gone", Code.Canceled);
}

function isLate(reason: unknown): reason is ConnectError {
  return reason instanceof ConnectError && reason.code === Code.DeadlineExceeded;
}

function isAbortError(error: unknown): boolean {
  return error instanceof Error && error.name === "AbortError";
}

/** Node's names for a connection that ended under a read or write. */
const brokenConnectionCodes = new Set([
  "ECONNRESET",
  "ECANCELED",
  "EPIPE",
  "ERR_STREAM_PREMATURE_CLOSE",
  "ERR_STREAM_DESTROYED",
  "ERR_STREAM_WRITE_AFTER_END",
  "ERR_HTTP2_INVALID_STREAM",
  "ERR_HTTP2_STREAM_ERROR",
]);

function isBrokenConnection(error: unknown): boolean {
  return error instanceof Error && "code" in error && brokenConnectionCodes.has(String(error.code));
}

/** The code as gRPC writes it: NotFound is NOT_FOUND. */
function nameOf(code: Code): string {
  return (Code[code] ?? String(code)).replace(/(?<=[a-z])[A-Z]/g, (capital) => `_${capital}`).toUpperCase();
}

function protocolOf(contentType: string): string {
  if (contentType.startsWith("application/grpc-web")) {
    return "grpc-web";
  }
  return contentType.startsWith("application/grpc") ? "grpc" : "connect";
}

/**
 * The same messages, with the end of the call noted. It is not a generator: one more of those for each
 * message is what a feed would notice.
 */
function observeEach<Message>(messages: AsyncIterable<Message>, call: ObservedCall): AsyncIterable<Message> {
  return {
    [Symbol.asyncIterator]() {
      const iterator = messages[Symbol.asyncIterator]();
      const note = (taken: IteratorResult<Message>) => {
        if (taken.done === true) {
          call.throwIfLate();
          call.end();
        }
        return taken;
      };
      const fail = (error: unknown) => {
        throw call.fail(error);
      };
      const finish = async (ending: Promise<IteratorResult<Message>> | undefined) => {
        const taken = await (ending ?? Promise.resolve({ done: true as const, value: undefined })).catch(
          fail,
        );
        call.end();
        return taken;
      };
      return {
        next: () => iterator.next().then(note, fail),
        return: (value?: unknown) => finish(iterator.return?.(value)),
        throw: (error: unknown) => finish(iterator.throw?.(error)),
      };
    },
  };
}
