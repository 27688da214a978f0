import { constants } from "node:http2";
import type { HttpRequest, HttpResponse } from "./port.ts";

/** A call between its first header and the end of its answer. */
export interface Call {
  readonly request: HttpRequest;
  readonly response: HttpResponse;
  /** True when the client sends many messages, so that its request may stay open. */
  readonly clientStreams: boolean;
  readonly startedAtMs: number;
}

/** The calls in progress: they are counted for the drain and watched for requests that never end. */
export class Calls {
  readonly #running = new Set<Call>();
  #whenNone: (() => void)[] = [];

  /** How many calls are in progress. */
  get count(): number {
    return this.#running.size;
  }

  /** Counts a call until its answer has ended or its connection is gone. */
  start(call: Call): void {
    this.#running.add(call);
    call.response.once("close", () => {
      this.#running.delete(call);
      if (this.#running.size === 0) {
        for (const tell of this.#whenNone.splice(0)) {
          tell();
        }
      }
    });
  }

  /** Resolves as soon as no call is in progress. */
  none(): Promise<void> {
    return this.#running.size === 0
      ? Promise.resolve()
      : new Promise((resolve) => {
          this.#whenNone.push(resolve);
        });
  }

  /**
   * Cuts the calls of one request message whose message has not arrived whole by `timeoutMs` after their
   * start.
   */
  cutLate(nowMs: number, timeoutMs: number): void {
    for (const call of this.#running) {
      if (!call.clientStreams && !call.request.complete && nowMs - call.startedAtMs > timeoutMs) {
        cut(call.request);
      }
    }
  }
}

function cut(request: HttpRequest): void {
  if ("stream" in request) {
    request.stream.close(constants.NGHTTP2_CANCEL);
  } else {
    request.destroy();
  }
}
