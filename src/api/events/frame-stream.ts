import { feedChunkBytes } from "../../limits.ts";
import type { FrameSink } from "../carrier/frame-sink.ts";

/**
 * Writes frames to a sink as they come, those that come together in one piece of about `feedChunkBytes`. It
 * asks for the next frame only when the sink has room: a slow reader holds back one piece, and nothing more.
 */
export async function streamFrames(sink: FrameSink, frames: AsyncIterable<Uint8Array>): Promise<void> {
  const piece = new Piece(sink);
  try {
    for await (const frame of frames) {
      if (piece.room !== undefined) await piece.room;
      piece.add(frame);
      if (piece.room !== undefined) await piece.room;
    }
  } finally {
    piece.flush();
  }
}

/** The frames that are written together next. */
class Piece {
  /** Fulfilled when the sink has room; undefined while it has. */
  room: Promise<void> | undefined;
  readonly #sink: FrameSink;
  #waiting: Uint8Array[] = [];
  #sizeBytes = 0;
  #isScheduled = false;

  constructor(sink: FrameSink) {
    this.#sink = sink;
  }

  add(frame: Uint8Array): void {
    this.room = undefined;
    this.#waiting.push(frame);
    this.#sizeBytes += frame.length;
    if (this.#sizeBytes >= feedChunkBytes) this.flush();
    else if (!this.#isScheduled) {
      this.#isScheduled = true;
      // Runs when no frame is there any more that could go along.
      process.nextTick(this.flush);
    }
  }

  readonly flush = (): void => {
    this.#isScheduled = false;
    const [first] = this.#waiting;
    if (first === undefined) return;
    const piece = this.#waiting.length === 1 ? first : Buffer.concat(this.#waiting, this.#sizeBytes);
    this.#waiting = [];
    this.#sizeBytes = 0;
    this.room = this.#sink.write(piece);
  };
}
