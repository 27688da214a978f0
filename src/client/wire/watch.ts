import { setTimeout as delay } from "node:timers/promises";
import { firstFrameTimeoutMs } from "../client-limits.ts";
import { RefusedError, UnavailableError } from "../refused-error.ts";
import { backoffMs, describeUnavailable, isTransient, type RetryPolicy } from "./retry.ts";

/**
 * A watch that goes on by itself. Behind it is one stream after another:
 *
 * ```
 *           frame            cut: UNAVAILABLE, reset, GOAWAY, no frame in time
 *  OPENING ───────▶ FOLLOWING ──────────────────────────────────────▶ WAITING (backoff)
 *     ▲                │ the last frame, return(), abort, a refusal:      │
 *     │                ▼ the end                                          │
 *     └───────────────────────────────────────────────────────────────────┘
 * ```
 *
 * The cursor moves when a frame is received, so that the next stream begins exactly behind the last frame
 * delivered.
 */
export interface Watch<Frame> {
  /** Opens a stream behind a cursor; without one, at its own beginning. Aborting the signal ends it. */
  readonly open: (cursor: string | undefined, signal: AbortSignal) => AsyncIterable<Frame>;
  /** The frame's cursor; empty while a snapshot is not complete, which cannot be resumed in its middle. */
  readonly cursorOf: (frame: Frame) => string;
  /** True if the frame says nothing but where the watch stands. */
  readonly isBookmark: (frame: Frame) => boolean;
  /** True for the frame after which nothing comes. */
  readonly isLast?: (frame: Frame) => boolean;
}

/** What a watch is followed with. */
export interface ResumeOptions {
  readonly policy: RetryPolicy;
  /** Where the server is, for the message of the error. */
  readonly address: string;
  /** Where to begin, from an earlier watch. */
  readonly cursor?: string | undefined;
  /** Aborting it ends the watch: the pending `next()` is rejected with its reason. */
  readonly signal?: AbortSignal | undefined;
}

/** A frame, and whether a snapshot that was cut begins again with it. */
export interface Resumed<Frame> {
  readonly frame: Frame;
  /** What earlier frames of the snapshot said is to be forgotten. */
  readonly restarted: boolean;
}

/**
 * Follows a watch across cuts, restarts and upgrades of the server: no frame is left out and none comes
 * twice. A refusal (CURSOR_EXPIRED among them) ends it with a RefusedError. It gives up with an
 * UnavailableError when no frame came for the policy's `forMs` at the beginning, or for `resumeForMs` once it
 * has had one. Nothing is read ahead: who takes frames slowly costs the server reads, and neither side
 * memory. `return()` ends it even while `next()` waits.
 */
export function resume<Frame>(
  watch: Watch<Frame>,
  options: ResumeOptions,
): AsyncGenerator<Resumed<Frame>, undefined> {
  const stop = new AbortController();
  const frames = follow(watch, options, stop.signal);
  const generator: AsyncGenerator<Resumed<Frame>, undefined> = {
    next: () => frames.next(),
    return: (value) => {
      stop.abort();
      return frames.return(value);
    },
    throw: (error) => {
      stop.abort();
      return frames.throw(error);
    },
    [Symbol.asyncIterator]: () => generator,
    async [Symbol.asyncDispose]() {
      await generator.return(undefined);
    },
  };
  return generator;
}

/** The same watch with each frame turned into something else. */
export function mapWatch<Frame, View>(
  frames: AsyncGenerator<Frame, undefined>,
  toView: (frame: Frame) => View,
): AsyncGenerator<View, undefined> {
  const map = ({ done, value }: IteratorResult<Frame, undefined>): IteratorResult<View, undefined> =>
    done === true ? { done, value: undefined } : { done: false, value: toView(value) };
  const generator: AsyncGenerator<View, undefined> = {
    next: async () => map(await frames.next()),
    return: async (value) => map(await frames.return(await value)),
    throw: async (error) => map(await frames.throw(error)),
    [Symbol.asyncIterator]: () => generator,
    [Symbol.asyncDispose]: () => frames[Symbol.asyncDispose](),
  };
  return generator;
}

async function* follow<Frame>(
  watch: Watch<Frame>,
  { policy, address, cursor: start, signal }: ResumeOptions,
  stop: AbortSignal,
): AsyncGenerator<Resumed<Frame>, undefined> {
  const ends = signal === undefined ? stop : AbortSignal.any([stop, signal]);
  let cursor = start;
  let failures = 0;
  let lastHeardAt = performance.now();
  let giveUpAfterMs = policy.forMs;
  let isInSnapshot = false;
  while (!ends.aborted) {
    let failure: unknown;
    let isFirst = true;
    try {
      for await (const frame of openStream(watch, cursor, ends)) {
        const isAgain =
          isFirst && failures > 0 && watch.isBookmark(frame) && watch.cursorOf(frame) === cursor;
        const restarted = isFirst && isInSnapshot;
        isFirst = false;
        failures = 0;
        giveUpAfterMs = policy.resumeForMs;
        cursor = watch.cursorOf(frame) || cursor;
        isInSnapshot = watch.cursorOf(frame) === "";
        if (!isAgain) {
          yield { frame, restarted };
        }
        lastHeardAt = performance.now();
        if (watch.isLast?.(frame) === true) {
          return;
        }
      }
    } catch (error) {
      if (!ends.aborted && !isCut(error)) {
        throw error;
      }
      failure = error;
    }
    failures += 1;
    const waitMs = backoffMs(policy, failures, failure);
    if (!ends.aborted && performance.now() + waitMs - lastHeardAt > giveUpAfterMs) {
      const reason = failure ?? "the stream ended";
      throw new UnavailableError(describeUnavailable(address, reason), {
        attempts: failures,
        cause: failure,
      });
    }
    await delay(waitMs, undefined, { signal: ends }).catch(() => undefined);
  }
  signal?.throwIfAborted();
}

/** A reader that was too slow goes on from its cursor like one whose connection was cut. */
function isCut(error: unknown): boolean {
  return (
    isTransient(error) ||
    error instanceof NoFrame ||
    (error instanceof RefusedError && error.reason === "TOO_SLOW")
  );
}

/** A stream on which nothing came, although a server sends the first frame at once. */
class NoFrame extends Error {
  override readonly name = "NoFrame";
}

/** One stream, which is ended when its reader leaves it, and cut when its first frame does not come. */
async function* openStream<Frame>(
  watch: Watch<Frame>,
  cursor: string | undefined,
  ends: AbortSignal,
): AsyncGenerator<Frame, undefined> {
  const cut = new AbortController();
  const endStream = () => cut.abort(ends.reason);
  ends.addEventListener("abort", endStream, { once: true });
  const silence = new NoFrame(`no frame came for ${firstFrameTimeoutMs / 1_000} s`);
  const timer = setTimeout(() => cut.abort(silence), firstFrameTimeoutMs);
  try {
    for await (const frame of watch.open(cursor, cut.signal)) {
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
