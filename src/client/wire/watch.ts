import { setTimeout as delay } from "node:timers/promises";
import { Patience } from "./patience.ts";
import type { RetryPolicy } from "./retry.ts";
import { isCut, openStream, stoppable } from "./stream.ts";

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
  return stoppable(follow(watch, options, stop.signal), stop);
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
  { cursor: start, signal, ...options }: ResumeOptions,
  stop: AbortSignal,
): AsyncGenerator<Resumed<Frame>, undefined> {
  const ends = signal === undefined ? stop : AbortSignal.any([stop, signal]);
  const patience = new Patience(options);
  let cursor = start;
  let isInSnapshot = false;
  let hasBegun = false;
  while (!ends.aborted) {
    let failure: unknown;
    let isFirst = true;
    try {
      for await (const frame of openStream((cut) => watch.open(cursor, cut), ends)) {
        // The first frame of all says where the watch begins, whichever stream brings it.
        const isResumed = hasBegun && isFirst && patience.isFailing;
        const isAgain = isResumed && watch.isBookmark(frame) && watch.cursorOf(frame) === cursor;
        const restarted = isFirst && isInSnapshot;
        isFirst = false;
        hasBegun = true;
        cursor = watch.cursorOf(frame) || cursor;
        isInSnapshot = watch.cursorOf(frame) === "";
        patience.heard();
        if (!isAgain) {
          yield { frame, restarted };
          // The time that the reader took for it is not the server's.
          patience.heard();
        }
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
    if (!ends.aborted) {
      await delay(patience.waitMs(failure), undefined, { signal: ends }).catch(() => undefined);
    }
  }
  signal?.throwIfAborted();
}
