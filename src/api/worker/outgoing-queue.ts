import type {
  Assignment,
  AttachResponse,
  CancelledAttempt,
  RecordedReport,
} from "../../../gen/signalbox/v1/worker_service_pb.ts";
import { frameBytesMax, frameItemsMax, outgoingBytesMax, outgoingFramesMax } from "../../limits.ts";
import { toFrame } from "../mapping/to-proto-worker.ts";

type Frame = AttachResponse["frame"];

/** One of the things that share frames while they wait. */
export type Item =
  | { readonly case: "assign"; readonly item: Assignment }
  | { readonly case: "recorded"; readonly item: RecordedReport }
  | { readonly case: "cancel"; readonly item: CancelledAttempt };

interface Waiting {
  readonly frame: Frame;
  /** The items of a frame that takes more of them. */
  readonly items: unknown[] | undefined;
  sizeBytes: number;
}

/** The bounds of a queue; tests give smaller ones. */
export interface OutgoingLimits {
  readonly framesMax: number;
  readonly bytesMax: number;
}

/**
 * What waits to be sent to one worker: bounded, in order. Things of one kind that follow each other share a
 * frame while they wait, so that a slow moment costs fewer frames and not more of them.
 */
export class OutgoingQueue {
  readonly #limits: OutgoingLimits;
  readonly #waiting: Waiting[] = [];
  #sizeBytes = 0;
  #end: { readonly error: Error | undefined } | undefined;
  #wake: (() => void) | undefined;
  #reached: "outgoingFramesMax" | "outgoingBytesMax" = "outgoingFramesMax";

  constructor(limits: OutgoingLimits = { framesMax: outgoingFramesMax, bytesMax: outgoingBytesMax }) {
    this.#limits = limits;
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

  /**
   * Takes a frame of its own. False, and the frame is lost, if the queue is full. After the end it takes
   * nothing.
   */
  push(frame: Frame, sizeBytes: number): boolean {
    return this.#add({ frame, items: undefined, sizeBytes });
  }

  /** Takes one thing, into the last frame if that is one of its kind and has room. False as for `push`. */
  pushItem(item: Item, sizeBytes: number): boolean {
    const last = this.#waiting.at(-1);
    const hasRoom =
      last?.items !== undefined &&
      last.frame.case === item.case &&
      last.items.length < frameItemsMax &&
      last.sizeBytes + sizeBytes <= frameBytesMax;
    if (!hasRoom) return this.#add({ ...frameWith(item), sizeBytes });
    if (this.#end !== undefined) return true;
    if (!this.#hasBytesFor(sizeBytes)) return false;
    last.items?.push(item.item);
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

  /** The frames, as they come; to be read once. */
  async *frames(): AsyncGenerator<AttachResponse> {
    for (;;) {
      const next = this.#waiting.shift();
      if (next !== undefined) {
        this.#sizeBytes -= next.sizeBytes;
        yield toFrame(next.frame);
        continue;
      }
      if (this.#end?.error !== undefined) throw this.#end.error;
      if (this.#end !== undefined) return;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  #add(waiting: Waiting): boolean {
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

function frameWith(item: Item): Pick<Waiting, "frame" | "items"> {
  switch (item.case) {
    case "assign": {
      const items = [item.item];
      const value = { $typeName: "signalbox.v1.Assign" as const, assignments: items };
      return { frame: { case: "assign", value }, items };
    }
    case "recorded": {
      const items = [item.item];
      return {
        frame: { case: "recorded", value: { $typeName: "signalbox.v1.Recorded", reports: items } },
        items,
      };
    }
    case "cancel": {
      const items = [item.item];
      return {
        frame: { case: "cancel", value: { $typeName: "signalbox.v1.Cancel", attempts: items } },
        items,
      };
    }
  }
}
