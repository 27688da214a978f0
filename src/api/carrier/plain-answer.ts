import type { HttpRequest, HttpResponse } from "./port.ts";

/** An answer that no handler gives: the request did not reach a method. */
export interface PlainAnswer {
  /** The HTTP status for everyone but gRPC clients. */
  readonly status: number;
  /** The status as gRPC and Connect know it. */
  readonly code: PlainCode;
  /** One sentence: what was wrong, then what to do. */
  readonly message: string;
}

/** The codes of plain answers: their names in the Connect protocol, with gRPC's numbers. */
const grpcStatusByCode = { invalid_argument: 3, unimplemented: 12, internal: 13 } as const;
export type PlainCode = keyof typeof grpcStatusByCode;

/**
 * Answers a request in the words of its protocol: gRPC clients get a status in the trailers, gRPC-Web clients
 * in the headers, everyone else an HTTP status with a JSON object, which is what a Connect client expects of
 * an error.
 */
export function answerPlainly(request: HttpRequest, response: HttpResponse, answer: PlainAnswer): void {
  const contentType = request.headers["content-type"] ?? "";
  // What is left of the request is thrown away, so that the connection can go on.
  request.resume();
  if (contentType.startsWith("application/grpc")) {
    const status = {
      "grpc-status": String(grpcStatusByCode[answer.code]),
      "grpc-message": encodeURIComponent(answer.message).replaceAll("%20", " "),
    };
    if (contentType.startsWith("application/grpc-web")) {
      writeHead(response, 200, { "content-type": contentType, ...status });
    } else {
      // Node ends the stream in a frame of its own, so a status among the headers is not yet a status for
      // grpc-js.
      writeHead(response, 200, { "content-type": contentType });
      response.addTrailers(status);
    }
    response.end();
    return;
  }
  const body = Buffer.from(`${JSON.stringify({ code: answer.code, message: answer.message })}\n`);
  writeHead(response, answer.status, { "content-type": "application/json", "content-length": body.length });
  if (request.method === "HEAD") {
    response.end();
  } else {
    response.end(body);
  }
}

/** The answer to a path that no service serves. */
export function unknownPath(path: string): PlainAnswer {
  const shown = path.length > 200 ? `${path.slice(0, 200)}...` : path;
  return {
    status: 404,
    code: "unimplemented",
    message: `nothing is served at ${shown}; calls go to /package.Service/Method, which reflection lists`,
  };
}

/** The answer to a request whose host and path do not make a URL. */
export const unreadable: PlainAnswer = {
  status: 400,
  code: "invalid_argument",
  message: "the request has no valid host or path",
};

/** The sentences that go with the bare statuses with which the protocols refuse a request. */
export const bareRefusals: ReadonlyMap<number, PlainAnswer> = new Map(
  [
    { status: 405, code: "unimplemented", message: "the method is called by POST" },
    {
      status: 415,
      code: "invalid_argument",
      message:
        "the content type is not one of this method; application/json serves for calls without a stream",
    },
    { status: 505, code: "unimplemented", message: "a stream in both directions needs HTTP/2" },
  ].map((answer) => [answer.status, answer as PlainAnswer]),
);

function writeHead(response: HttpResponse, status: number, headers: Record<string, string | number>): void {
  // The two versions declare the same call with types that do not meet in one signature.
  (response as { writeHead(status: number, headers: Record<string, string | number>): unknown }).writeHead(
    status,
    headers,
  );
}
