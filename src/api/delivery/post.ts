import { type IncomingMessage, Agent as PlainAgent, request as plainRequest } from "node:http";
import { Agent as SecureAgent, request as secureRequest } from "node:https";
import { postAnswerBytesMax } from "../../limits.ts";
import type { TargetGuard } from "./target-guard.ts";

/** What came back from a post. */
export interface PostAnswer {
  readonly status: number;
  /** When to try again, if it says so. */
  readonly retryAfterMs: number | undefined;
  /** The beginning of what it says. */
  readonly text: string;
}

/** One post. */
export interface Post {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  readonly timeoutMs: number;
  /** Gives it up. */
  readonly signal: AbortSignal;
}

/** 1 h: no answer can have the server wait longer. */
const retryAfterMsMax = 3_600_000;

/**
 * Posts over connections that are kept. Redirects are not followed, no more than `postAnswerBytesMax` of an
 * answer is read, and what the guard forbids is not connected to.
 */
export class Poster {
  readonly #guard: TargetGuard;
  readonly #plain: PlainAgent;
  readonly #secure: SecureAgent;

  constructor(guard: TargetGuard, { socketsMax }: { readonly socketsMax: number }) {
    this.#guard = guard;
    this.#plain = new PlainAgent({ keepAlive: true, maxSockets: socketsMax });
    this.#secure = new SecureAgent({ keepAlive: true, maxSockets: socketsMax });
  }

  /** Posts; rejects if no answer comes in time. */
  async post(post: Post): Promise<PostAnswer> {
    this.#guard.check(post.url);
    const timeout = AbortSignal.timeout(post.timeoutMs);
    const signal = AbortSignal.any([post.signal, timeout]);
    try {
      return await this.#try(post, signal);
    } catch (error) {
      if (timeout.aborted) throw new Error(`no answer in ${post.timeoutMs} ms`, { cause: error });
      // Its receiver closed a kept connection in the moment it was used again.
      if (error instanceof StaleConnection) return this.#try(post, signal);
      throw error;
    }
  }

  /** Closes the connections. */
  close(): void {
    this.#plain.destroy();
    this.#secure.destroy();
  }

  #try({ url, headers, body }: Post, signal: AbortSignal): Promise<PostAnswer> {
    return new Promise((resolve, reject) => {
      const isSecure = url.startsWith("https:");
      const request = (isSecure ? secureRequest : plainRequest)(url, {
        method: "POST",
        agent: isSecure ? this.#secure : this.#plain,
        headers: { ...headers, "content-length": Buffer.byteLength(body) },
        lookup: this.#guard.lookup,
        signal,
      });
      request.on("error", (error: NodeJS.ErrnoException) => {
        const isStale = request.reusedSocket && (error.code === "ECONNRESET" || error.code === "EPIPE");
        reject(isStale ? new StaleConnection(error) : error);
      });
      request.on("response", (response) => void readAnswer(response).then(resolve, reject));
      request.end(body);
    });
  }
}

/** A kept connection was closed under a request: nobody has answered it. */
class StaleConnection extends Error {
  constructor(cause: Error) {
    super(cause.message, { cause });
    this.name = "StaleConnection";
  }
}

async function readAnswer(response: IncomingMessage): Promise<PostAnswer> {
  const status = response.statusCode ?? 0;
  const retryAfterMs = toRetryAfterMs(response.headers["retry-after"]);
  let text = "";
  let sizeBytes = 0;
  try {
    for await (const chunk of response as AsyncIterable<Buffer>) {
      sizeBytes += chunk.length;
      if (text.length < 200) text += chunk.toString("utf8", 0, 200);
      // What is said beyond is not worth its connection.
      if (sizeBytes > postAnswerBytesMax) break;
    }
  } catch (error) {
    // The status is what counts, and it has come.
    if (response.statusCode === undefined) throw error;
  }
  return { status, retryAfterMs, text: text.slice(0, 200) };
}

/** What the header says: seconds, or a date. */
function toRetryAfterMs(header: string | undefined): number | undefined {
  if (header === undefined) return undefined;
  const delayMs = /^\d+$/.test(header.trim()) ? Number(header) * 1_000 : Date.parse(header) - Date.now();
  return Number.isNaN(delayMs) ? undefined : Math.min(Math.max(delayMs, 0), retryAfterMsMax);
}
