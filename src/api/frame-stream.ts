import { feedChunkBytes } from "../limits.ts";
import type { FrameSink } from "./carrier/frame-sink.ts";

/**
 * Writes frames to a sink as they come, those that come together in one piece of about `feedChunkBytes`. It
 * asks for the next frame only when the sink has room: a slow reader holds back one piece, and nothing more.
 */
export async function streamFrames(sink: FrameSink, frames: AsyncIterable<Uint8Array>): Promise<void> {
  let waiting: Uint8Array[] = [];
  let sizeBytes = 0;
  let room: Promise<void> | undefined;
  let isScheduled = false;

  function flush(): void {
    isScheduled = false;
    const [first] = waiting;
    if (first === undefined) return;
    const chunk = waiting.length === 1 ? first : Buffer.concat(waiting, sizeBytes);
    waiting = [];
    sizeBytes = 0;
    room = sink.write(chunk);
  }

  try {
    for await (const frame of frames) {
      if (room !== undefined) await room;
      room = undefined;
      waiting.push(frame);
      sizeBytes += frame.length;
      if (sizeBytes >= feedChunkBytes) flush();
      else if (!isScheduled) {
        isScheduled = true;
        // Runs when no frame is there any more that could go along.
        process.nextTick(flush);
      }
      if (room !== undefined) await room;
    }
  } finally {
    flush();
  }
}
