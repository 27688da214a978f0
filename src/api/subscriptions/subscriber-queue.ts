import type { EventDelivery, SubscribeResponse } from "../../../gen/signalbox/v1/subscription_service_pb.ts";
import { frameBytesMax, frameItemsMax, outgoingBytesMax, outgoingFramesMax } from "../../limits.ts";

type Frame = SubscribeResponse["frame"];

interface Waiting {
  readonly frame: Frame;
  /** How many items it has, if it takes more of its kind. */
  itemCount: number;
  sizeBytes: number;
}

/** The bounds of a queue; tests give smaller ones. */
export interface SubscriberLimits {
  readonly framesMax: number;
  readonly bytesMax: number;
}

/** About how many bytes the id of a delivery takes. */
const idBytes = 10;

/**
 * What waits to be sent to one consumer: bounded, in order. Deliveries that follow each other share a frame
 * while they wait, and so do acknowledgements.
 */
export class SubscriberQueue {
  readonly #limits: SubscriberLimits;
  readonly #waiting: Waiting[] = [];
  #sizeBytes = 0;
  #end: { readonly error: Error | undefined } | undefined;
  #wake: (() => void) | undefined;

  constructor(limits: SubscriberLimits = { framesMax: outgoingFramesMax, bytesMax: outgoingBytesMax }) {
    this.#limits = limits;
  }

  /** The bound that a full queue has come to. */
  get reached(): { readonly limit: string; readonly maximum: number } {
    const { framesMax, bytesMax } = this.#limits;
    if (this.#waiting.length >= framesMax) return { limit: "outgoingFramesMax", maximum: framesMax };
    return { limit: "outgoingBytesMax", maximum: bytesMax };
  }

  /** True once nothing more is taken. */
  get hasEnded(): boolean {
    return this.#end !== undefined;
  }

  /** True if nothing waits. */
  get isEmpty(): boolean {
    return this.#waiting.length === 0;
  }

  /** Takes a delivery. False, and it is lost, if the queue is full. */
  pushDelivery(delivery: EventDelivery, sizeBytes: number): boolean {
    const last = this.#roomIn("deliver", sizeBytes);
    if (last?.frame.case !== "deliver") {
      const value = { $typeName: "signalbox.v1.Deliver" as const, deliveries: [delivery] };
      return this.#add({ case: "deliver", value }, sizeBytes);
    }
    last.frame.value.deliveries.push(delivery);
    return this.#grow(last, sizeBytes);
  }

  /** Takes ids of what was acknowledged and is durable; at most `frameItemsMax`. False as for a delivery. */
  pushAcknowledged(ids: readonly bigint[]): boolean {
    const sizeBytes = idBytes * ids.length;
    const last = this.#roomIn("acknowledged", sizeBytes, ids.length);
    if (last?.frame.case !== "acknowledged") {
      const value = { $typeName: "signalbox.v1.Acknowledged" as const, deliveryIds: [...ids] };
      return this.#add({ case: "acknowledged", value }, sizeBytes, ids.length);
    }
    last.frame.value.deliveryIds.push(...ids);
    return this.#grow(last, sizeBytes, ids.length);
  }

  /** Takes a frame of its own. False as for a delivery. */
  push(frame: Frame): boolean {
    return this.#add(frame, 100, frameItemsMax);
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
  async *frames(): AsyncGenerator<SubscribeResponse> {
    for (;;) {
      const next = this.#waiting.shift();
      if (next !== undefined) {
        this.#sizeBytes -= next.sizeBytes;
        yield { $typeName: "signalbox.v1.SubscribeResponse", frame: next.frame };
        continue;
      }
      if (this.#end?.error !== undefined) throw this.#end.error;
      if (this.#end !== undefined) return;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  #roomIn(kind: Frame["case"], sizeBytes: number, itemCount = 1): Waiting | undefined {
    const last = this.#waiting.at(-1);
    if (last === undefined || last.frame.case !== kind || this.#end !== undefined) return undefined;
    const hasRoom =
      last.itemCount + itemCount <= frameItemsMax && last.sizeBytes + sizeBytes <= frameBytesMax;
    return hasRoom && this.#sizeBytes + sizeBytes <= this.#limits.bytesMax ? last : undefined;
  }

  #grow(waiting: Waiting, sizeBytes: number, itemCount = 1): true {
    waiting.itemCount += itemCount;
    waiting.sizeBytes += sizeBytes;
    this.#sizeBytes += sizeBytes;
    return true;
  }

  #add(frame: Frame, sizeBytes: number, itemCount = 1): boolean {
    if (this.#end !== undefined) return true;
    const { framesMax, bytesMax } = this.#limits;
    if (this.#waiting.length >= framesMax || this.#sizeBytes + sizeBytes > bytesMax) return false;
    this.#waiting.push({ frame, itemCount, sizeBytes });
    this.#sizeBytes += sizeBytes;
    this.#wake?.();
    return true;
  }
}
