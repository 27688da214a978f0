import type { ConnectRouter, ContextValues } from "@connectrpc/connect";
import { createContextValues } from "@connectrpc/connect";
import type {
  UniversalHandler,
  UniversalServerRequest,
  UniversalServerResponse,
} from "@connectrpc/connect/protocol";
import { universalRequestFromNodeRequest, universalResponseToNodeResponse } from "@connectrpc/connect-node";
import type { Log } from "../../observe/log.ts";
import { type CallOrigin, callOriginKey } from "./call-origin.ts";
import type { Calls } from "./calls.ts";
import { allowOrigin } from "./cors.ts";
import { frameSinkKey, frameSinkOf } from "./frame-sink.ts";
import { answerPlainly, bareRefusals, unknownPath, unreadable } from "./plain-answer.ts";
import type { HttpRequest, HttpResponse } from "./port.ts";

/** The response as connect-node declares it: one signature where the two HTTP versions have two. */
type NodeResponse = Parameters<typeof universalResponseToNodeResponse>[1];

/** Serves requests that name no method, over plain HTTP. False: this one is not its to serve. */
export type PlainService = (request: HttpRequest, response: HttpResponse) => boolean;

/** How to lead requests to the methods of a router. */
export interface AdapterOptions {
  readonly router: ConnectRouter;
  readonly calls: Calls;
  readonly log: Log;
  /** The web origins whose pages may call; none when empty. */
  readonly origins: readonly string[];
  /** Asked for each path that names no method. */
  readonly plain?: PlainService | undefined;
}

/**
 * Leads each HTTP request to the method that its path names, in whichever protocol it speaks, and never
 * throws: a request that cannot be understood gets an answer, and a connection that breaks under an answer is
 * no event.
 */
export function createAdapter({ router, calls, log, origins, plain }: AdapterOptions) {
  const handlerByPath = new Map(router.handlers.map((handler) => [handler.requestPath, handler]));

  return function serve(request: HttpRequest, response: HttpResponse): void {
    if (allowOrigin(request, response, origins)) {
      return;
    }
    const path = (request.url ?? "").split("?", 1)[0] ?? "";
    const handler = handlerByPath.get(path);
    if (handler === undefined) {
      if (plain?.(request, response) === true) {
        calls.start({ request, response, clientStreams: false, startedAtMs: performance.now() });
        return;
      }
      log.debug({ path: withoutToken(path), peer: peerOf(request) }, "a request names no method");
      answerPlainly(request, response, unknownPath(path));
      return;
    }
    const { methodKind } = handler.method;
    const clientStreams = methodKind === "client_streaming" || methodKind === "bidi_streaming";
    calls.start({ request, response, clientStreams, startedAtMs: performance.now() });
    const origin: CallOrigin = { peer: peerOf(request), httpVersion: request.httpVersion, observed: false };
    const values = createContextValues().set(callOriginKey, origin);
    if (methodKind === "server_streaming") values.set(frameSinkKey, frameSinkOf(request, response));
    answer(handler, values, request, response).catch((error: unknown) => {
      settleFailure(error, request, response, log.child({ path, ...origin }));
    });
    response.once("close", () => {
      if (!origin.observed) {
        log.debug(
          { path, peer: origin.peer, status: response.statusCode },
          "a call ended before its method began",
        );
      }
    });
  };
}

async function answer(
  handler: UniversalHandler,
  values: ContextValues,
  request: HttpRequest,
  response: HttpResponse,
): Promise<void> {
  const universal = understand(values, request, response);
  if (universal === undefined) {
    answerPlainly(request, response, unreadable);
    return;
  }
  const answered: UniversalServerResponse = await handler(universal);
  const refusal = answered.body === undefined ? bareRefusals.get(answered.status) : undefined;
  if (refusal === undefined) {
    await universalResponseToNodeResponse(withReadableMessage(answered), response);
    return;
  }
  answered.header?.forEach((value, name) => {
    response.setHeader(name, value);
  });
  answerPlainly(request, response, refusal);
}

/**
 * The response with no more escaped in `grpc-message` than gRPC asks for. Connect escapes all that has a
 * meaning in URLs too, and grpc-js leaves just that escaped: its users would read `%3B` for a semicolon.
 */
function withReadableMessage(answered: UniversalServerResponse): UniversalServerResponse {
  const { trailer } = answered;
  if (trailer === undefined) return answered;
  return {
    ...answered,
    // Read behind the body, when the status is known.
    get trailer() {
      const message = trailer.get("grpc-message");
      if (message !== null) trailer.set("grpc-message", unescapePrintable(message));
      return trailer;
    },
  };
}

/** Unescapes printable ASCII, but for the percent sign, and the space, which may stand at an end. */
function unescapePrintable(message: string): string {
  return message.replace(/%(?!20|25|7F)[2-7][0-9A-F]/g, decodeURIComponent);
}

/** The request as Connect reads it, or undefined when its host and path do not make a URL. */
function understand(
  values: ContextValues,
  request: HttpRequest,
  response: HttpResponse,
): UniversalServerRequest | undefined {
  try {
    return universalRequestFromNodeRequest(request, response as NodeResponse, undefined, values);
  } catch {
    return undefined;
  }
}

/**
 * Ends a response that cannot be finished. Methods turn what they throw into an answer, so nearly always the
 * peer went away while something was written to it.
 */
function settleFailure(error: unknown, request: HttpRequest, response: HttpResponse, log: Log): void {
  log.debug({ err: error }, "an answer could not be sent");
  if (response.headersSent || response.destroyed || response.writableEnded) {
    response.destroy();
  } else {
    answerPlainly(request, response, { status: 500, code: "internal", message: "internal error" });
  }
}

/** A path to log: an answer link is a secret, also under a path where nothing is served. */
function withoutToken(path: string): string {
  return path.replace(/(\/answer\/).+/i, "$1...");
}

/** The address and port that a request came from. */
export function peerOf({ socket }: HttpRequest): string {
  const host = socket.remoteAddress ?? "unknown";
  return `${host.includes(":") ? `[${host}]` : host}:${socket.remotePort ?? 0}`;
}
