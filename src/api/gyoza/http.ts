import type { HttpRequest, HttpResponse } from "../carrier/port.ts";

/** 4 MiB: the longest body of a request; inputs that are larger are referred to. */
const bodyBytesMax = 4 * 1024 * 1024;

/** One request, as the routes see it. */
export interface RestCall {
  readonly query: URLSearchParams;
  readonly headers: Headers;
  /** The body as JSON; an empty one is an empty object. */
  readonly body: () => Promise<Readonly<Record<string, unknown>>>;
}

/** What a route answers. */
export interface RestAnswer {
  readonly status: number;
  readonly body: unknown;
}

/** A request that makes no sense here, with the status and the sentence that say so. */
export class RestError extends Error {
  readonly status: number;

  constructor(status: number, detail: string) {
    super(detail);
    this.name = "RestError";
    this.status = status;
  }
}

/** The request as the routes see it. */
export function toRestCall(request: HttpRequest, query: URLSearchParams): RestCall {
  const headers = new Headers();
  for (const name of ["authorization", "x-api-key"]) {
    const value = request.headers[name];
    if (typeof value === "string") headers.set(name, value);
  }
  return { query, headers, body: () => readBody(request) };
}

/** Sends an answer. */
export function sendAnswer(response: HttpResponse, { status, body }: RestAnswer): void {
  if (response.headersSent || response.destroyed) return;
  const bytes = Buffer.from(`${JSON.stringify(body)}\n`);
  response.statusCode = status;
  response.setHeader("content-type", "application/json");
  response.setHeader("content-length", bytes.length);
  response.end(bytes);
}

async function readBody(request: HttpRequest): Promise<Readonly<Record<string, unknown>>> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > bodyBytesMax) throw new RestError(413, `the body is longer than ${bodyBytesMax} bytes`);
    chunks.push(chunk);
  }
  const text = Buffer.concat(chunks).toString("utf8");
  let json: unknown;
  try {
    json = text.trim() === "" ? {} : JSON.parse(text);
  } catch (error) {
    throw new RestError(400, `the body is no JSON: ${(error as Error).message}`);
  }
  if (typeof json !== "object" || json === null || Array.isArray(json)) {
    throw new RestError(400, "the body must be a JSON object");
  }
  return json as Readonly<Record<string, unknown>>;
}
