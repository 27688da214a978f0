/** What waits: a frame, the items of one that takes more of its kind, and about how large it is. */
export interface Waiting<Frame> {
  readonly frame: Frame;
  readonly items: unknown[] | undefined;
  sizeBytes: number;
}

/** The bounds of a queue; tests give smaller ones. */
export interface StreamQueueLimits {
  readonly framesMax: number;
  readonly bytesMax: number;
}

/** What of a frame's growth is bounded: an item more must leave it within these. */
export interface FrameBounds {
  readonly itemsMax: number;
  readonly bytesMax: number;
}

/**
 * What waits to be sent on one stream: bounded, in order. Items of one kind that follow each other share a
 * frame while they wait, so that a slow moment costs fewer frames and not more of them. After its end it
 * takes nothing, and says that it did.
 */
export class StreamQueue<Frame extends { readonly case?: string | undefined }, Message> {
  readonly #limits: StreamQueueLimits;
  readonly #frameBounds: FrameBounds;
  readonly #toMessage: (frame: Frame) => Message;
  readonly #waiting: Waiting<Frame>[] = [];
  #sizeBytes = 0;
  #end: { readonly error: Error | undefined } | undefined;
  #wake: (() => void) | undefined;
  #reached: "outgoingFramesMax" | "outgoingBytesMax" = "outgoingFramesMax";

  constructor(
    limits: StreamQueueLimits,
    { frameBounds, toMessage }: { frameBounds: FrameBounds; toMessage: (frame: Frame) => Message },
  ) {
    this.#limits = limits;
    this.#frameBounds = frameBounds;
    this.#toMessage = toMessage;
  }

  /** The bound that the queue came to last, for the refusal that says so. */
  get reached(): { readonly limit: string; readonly maximum: number } {
    const { framesMax, bytesMax } = this.#limits;
    return { limit: this.#reached, maximum: this.#reached === "outgoingBytesMax" ? bytesMax : framesMax };
  }

  /** True once nothing more is taken. */
  get hasEnded(): boolean {
    return this.#end !== undefined;
  }

  /** True if nothing waits. */
  get isEmpty(): boolean {
    return this.#waiting.length === 0;
  }

  /** Takes a frame of its own. False, and it is lost, if the queue is full. */
  push(frame: Frame, sizeBytes: number): boolean {
    return this.#add({ frame, items: undefined, sizeBytes });
  }

  /** Takes items, into the last frame if that is of this kind and has room; else in one made of them. */
  protected join<Item>(
    kind: Frame["case"],
    items: readonly Item[],
    { sizeBytes, toFrame }: { readonly sizeBytes: number; readonly toFrame: (items: Item[]) => Frame },
  ): boolean {
    const last = this.#waiting.at(-1);
    const hasRoom =
      last?.items !== undefined &&
      last.frame.case === kind &&
      last.items.length + items.length <= this.#frameBounds.itemsMax &&
      last.sizeBytes + sizeBytes <= this.#frameBounds.bytesMax;
    if (!hasRoom) {
      const own = [...items];
      return this.#add({ frame: toFrame(own), items: own, sizeBytes });
    }
    if (this.#end !== undefined) return true;
    if (!this.#hasBytesFor(sizeBytes)) return false;
    last.items?.push(...items);
    last.sizeBytes += sizeBytes;
    this.#sizeBytes += sizeBytes;
    return true;
  }

  /** Ends the stream when what waits is sent: well, or with an error. The first end counts. */
  end(error?: Error): void {
    this.#end ??= { error };
    this.#wake?.();
  }

  /** Ends the stream at once: what waits is dropped. */
  abort(error?: Error): void {
    this.#waiting.length = 0;
    this.#sizeBytes = 0;
    this.#end = { error };
    this.#wake?.();
  }

  /** The frames as messages, as they come; to be read once. */
  async *frames(): AsyncGenerator<Message> {
    for (;;) {
      const next = this.#waiting.shift();
      if (next !== undefined) {
        this.#sizeBytes -= next.sizeBytes;
        yield this.#toMessage(next.frame);
        continue;
      }
      if (this.#end?.error !== undefined) throw this.#end.error;
      if (this.#end !== undefined) return;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  #add(waiting: Waiting<Frame>): boolean {
    if (this.#end !== undefined) return true;
    if (this.#waiting.length >= this.#limits.framesMax) {
      this.#reached = "outgoingFramesMax";
      return false;
    }
    if (!this.#hasBytesFor(waiting.sizeBytes)) return false;
    this.#waiting.push(waiting);
    this.#sizeBytes += waiting.sizeBytes;
    this.#wake?.();
    return true;
  }

  #hasBytesFor(sizeBytes: number): boolean {
    if (this.#sizeBytes + sizeBytes <= this.#limits.bytesMax) return true;
    this.#reached = "outgoingBytesMax";
    return false;
  }
}
