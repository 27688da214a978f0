import { describe, expect, test } from "vitest";
import { FrameQueue } from "../../src/client/wire/frame-queue.ts";

async function takeAll<Frame>(queue: FrameQueue<Frame>): Promise<Frame[]> {
  const taken: Frame[] = [];
  for await (const frame of queue) taken.push(frame);
  return taken;
}

describe("a queue of frames", () => {
  test("gives what was pushed before and after its reader came, in order, and ends behind it", async () => {
    const queue = new FrameQueue<number>();
    queue.push(1);
    queue.push(2);
    const taken = takeAll(queue);
    queue.push(3);
    await new Promise(setImmediate);
    queue.push(4);
    queue.push(5);
    queue.end();
    expect(await taken).toEqual([1, 2, 3, 4, 5]);
  });

  test("takes nothing on after its end", async () => {
    const queue = new FrameQueue<number>();
    queue.push(1);
    queue.end();
    queue.push(2);
    expect(await takeAll(queue)).toEqual([1]);
  });

  test("gives what is pushed while its reader deals with a frame", async () => {
    const queue = new FrameQueue<number>();
    queue.push(3);
    const taken: number[] = [];
    for await (const frame of queue) {
      taken.push(frame);
      if (frame === 0) queue.end();
      else queue.push(frame - 1);
    }
    expect(taken).toEqual([3, 2, 1, 0]);
  });

  test("ends for a reader that waits", async () => {
    const queue = new FrameQueue<number>();
    const taken = takeAll(queue);
    await new Promise(setImmediate);
    queue.end();
    expect(await taken).toEqual([]);
  });
});
