import {
  create,
  type DescMessage,
  type DescMethodUnary,
  type Message,
  type MessageInitShape,
} from "@bufbuild/protobuf";
import { ConnectError, type Interceptor, type StreamResponse, type Transport } from "@connectrpc/connect";
import {
  type ConnectTransportOptions,
  createConnectTransport,
  createGrpcTransport,
  type GrpcTransportOptions,
} from "@connectrpc/connect-node";
import { RunService } from "../../../gen/signalbox/v1/run_service_pb.ts";
import { answerBytesMax, pingIntervalMs, pingTimeoutMs } from "../client-limits.ts";
import { CallFailedError, nameCode, readRefusedError } from "../refused-error.ts";
import { newRequestId } from "./request-id.ts";
import { isTransient, type RetryPolicy, retrying } from "./retry.ts";
import { keepSessions } from "./session-manager.ts";

/**
 * What carries the calls: both over HTTP/2. Connect costs a Node process less than half of what gRPC does.
 */
export type Protocol = "connect" | "grpc";

/** Where a server listens unless it is told otherwise. */
export const defaultAddress = "http://127.0.0.1:7233";

/** A connection to a server, opened with the first call and again whenever it is lost. */
export interface Connection {
  readonly transport: Transport;
  /** Cuts what is open. */
  readonly close: () => void;
}

/** Where a connection leads, and as whom. */
export interface ConnectionOptions {
  readonly address: string;
  readonly protocol: Protocol;
  readonly token?: string | undefined;
}

/** Prepares a connection. An address without a scheme is one in clear text. */
export function openConnection({ address, protocol, token }: ConnectionOptions): Connection {
  const baseUrl = toBaseUrl(address);
  const sessionManager = keepSessions(baseUrl, { pingIntervalMs, pingTimeoutMs });
  const options: ConnectTransportOptions & GrpcTransportOptions = {
    baseUrl,
    httpVersion: "2",
    sessionManager,
    acceptCompression: [],
    readMaxBytes: answerBytesMax,
    ...(token === undefined || token === "" ? {} : { interceptors: [withToken(token)] }),
  };
  const transport = protocol === "grpc" ? createGrpcTransport(options) : createConnectTransport(options);
  return { transport, close: () => sessionManager.abort() };
}

function withToken(token: string): Interceptor {
  return (next) => (request) => {
    request.header.set("authorization", `Bearer ${token}`);
    return next(request);
  };
}

/** The URL that an address stands for. Throws a TypeError if it stands for none. */
export function toBaseUrl(address: string): string {
  const url = URL.parse(/^https?:\/\//.test(address) ? address : `http://${address}`);
  if (url === null) {
    throw new TypeError(`the address ${JSON.stringify(address)} is no URL and no host:port`);
  }
  return url.href.replace(/\/$/, "");
}

/** What calls are made with. */
export interface CallRules {
  readonly address: string;
  readonly policy: RetryPolicy;
  /** How long one try may take. */
  readonly attemptTimeoutMs: number;
}

/**
 * A transport that gives each mutating request a `request_id` of its own unless it has one, tries calls again
 * with it while the server is away, and throws a RefusedError for what Signalbox declines. The `timeoutMs` of
 * a call bounds all its tries. Streams are opened once; `resume` opens them again.
 */
export function reliableTransport(
  inner: Transport,
  { address, policy, attemptTimeoutMs }: CallRules,
): Transport {
  return {
    async unary(method, signal, timeoutMs, header, input, contextValues) {
      const message = withRequestIds(method, input);
      return await retrying({
        policy,
        address,
        signal,
        timeoutMs,
        async attempt(leftMs) {
          const tryMs = Math.max(
            1,
            Math.ceil(Math.min(attemptTimeoutMs, timeoutMs === undefined ? Infinity : leftMs)),
          );
          try {
            return await inner.unary(method, signal, tryMs, header, message, contextValues);
          } catch (error) {
            throw translate(error);
          }
        },
      });
    },
    async stream(method, signal, timeoutMs, header, input, contextValues) {
      try {
        const response = await inner.stream(method, signal, timeoutMs, header, input, contextValues);
        return withRefusals(response);
      } catch (error) {
        throw translate(error);
      }
    },
  };
}

/** What is worth another try stays what it is, even if it comes with a reason. */
function translate(error: unknown): unknown {
  if (!(error instanceof ConnectError) || isTransient(error)) {
    return error;
  }
  const refused = readRefusedError(error);
  const { rawMessage, code } = error;
  return refused ?? new CallFailedError(rawMessage, { code: nameCode(code), cause: error });
}

function withRequestIds<I extends DescMessage, O extends DescMessage>(
  method: DescMethodUnary<I, O>,
  input: MessageInitShape<I>,
): MessageInitShape<I> {
  const message: Message & Record<string, unknown> = create(method.input, input);
  if (method.input.field["requestId"] !== undefined && message["requestId"] === "") {
    return { ...message, requestId: newRequestId() } as unknown as MessageInitShape<I>;
  }
  if (method.input.typeName === RunService.method.batchCreateRuns.input.typeName) {
    const requests = message["requests"] as readonly { readonly requestId: string }[];
    const named = requests.map((request) =>
      request.requestId === "" ? { ...request, requestId: newRequestId() } : request,
    );
    return { ...message, requests: named } as unknown as MessageInitShape<I>;
  }
  return message as MessageInitShape<I>;
}

function withRefusals<I extends DescMessage, O extends DescMessage>(
  response: StreamResponse<I, O>,
): StreamResponse<I, O> {
  return { ...response, message: translating(response.message) };
}

async function* translating<T>(messages: AsyncIterable<T>): AsyncIterable<T> {
  try {
    yield* messages;
  } catch (error) {
    throw translate(error);
  }
}
