/**
 * Frames for one stream, in their order: pushed from anywhere, taken by the one reader that sends them. It
 * has no bound of its own: who pushes answers for how many frames there can be.
 */
export class FrameQueue<Frame> implements AsyncIterable<Frame> {
  #frames: Frame[] = [];
  #hasEnded = false;
  #wake: () => void = () => undefined;

  /** Takes a frame on; after the end it is dropped. */
  push(frame: Frame): void {
    if (this.#hasEnded) return;
    this.#frames.push(frame);
    this.#wake();
  }

  /** Ends the stream behind what was pushed. */
  end(): void {
    this.#hasEnded = true;
    this.#wake();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Frame, undefined> {
    for (;;) {
      const frames = this.#frames;
      this.#frames = [];
      yield* frames;
      if (this.#frames.length > 0) continue;
      if (this.#hasEnded) return;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }
}
