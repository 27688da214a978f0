import { firstFrameTimeoutMs } from "../client-limits.ts";
import { RefusedError } from "../refused-error.ts";
import { isTransient } from "./retry.ts";

/** A stream on which nothing came, although a server sends the first frame at once. */
class NoFrame extends Error {
  override readonly name = "NoFrame";
}

/**
 * One stream of a server, which is ended when its reader leaves it or `ends` is aborted, and cut when its
 * first frame does not come.
 */
export async function* openStream<Frame>(
  open: (signal: AbortSignal) => AsyncIterable<Frame>,
  ends: AbortSignal,
): AsyncGenerator<Frame, undefined> {
  const cut = new AbortController();
  const endStream = () => cut.abort(ends.reason);
  ends.addEventListener("abort", endStream, { once: true });
  const silence = new NoFrame(`no frame came for ${firstFrameTimeoutMs / 1_000} s`);
  const timer = setTimeout(() => cut.abort(silence), firstFrameTimeoutMs);
  try {
    for await (const frame of open(cut.signal)) {
      clearTimeout(timer);
      yield frame;
    }
  } catch (error) {
    throw cut.signal.reason === silence ? silence : error;
  } finally {
    clearTimeout(timer);
    ends.removeEventListener("abort", endStream);
    cut.abort();
  }
}

/** True if a stream is worth opening again: it was cut, or its reader was too slow. */
export function isCut(error: unknown): boolean {
  return (
    isTransient(error) ||
    error instanceof NoFrame ||
    (error instanceof RefusedError && error.reason === "TOO_SLOW")
  );
}

/** A generator that ends when `stop` is aborted, such that `return()` ends it even while `next()` waits. */
export function stoppable<T>(
  items: AsyncGenerator<T, undefined>,
  stop: AbortController,
): AsyncGenerator<T, undefined> {
  const generator: AsyncGenerator<T, undefined> = {
    next: () => items.next(),
    return: (value) => {
      stop.abort();
      return items.return(value);
    },
    throw: (error) => {
      stop.abort();
      return items.throw(error);
    },
    [Symbol.asyncIterator]: () => generator,
    async [Symbol.asyncDispose]() {
      await generator.return(undefined);
    },
  };
  return generator;
}
