import type { EventDelivery, SubscribeResponse } from "../../../gen/signalbox/v1/subscription_service_pb.ts";
import { frameBytesMax, frameItemsMax, outgoingBytesMax, outgoingFramesMax } from "../../limits.ts";
import { StreamQueue, type StreamQueueLimits } from "../carrier/stream-queue.ts";

type Frame = SubscribeResponse["frame"];

/** The bounds of a queue; tests give smaller ones. */
export type SubscriberLimits = StreamQueueLimits;

/** About how many bytes the id of a delivery takes, and a frame of its own. */
const idBytes = 10;
const ownFrameBytes = 100;

/** What waits to be sent to one consumer: deliveries that follow each other share frames. */
export class SubscriberQueue extends StreamQueue<Frame, SubscribeResponse> {
  constructor(limits: SubscriberLimits = { framesMax: outgoingFramesMax, bytesMax: outgoingBytesMax }) {
    const frameBounds = { itemsMax: frameItemsMax, bytesMax: frameBytesMax };
    super(limits, { frameBounds, toMessage });
  }

  /** Takes a delivery. False, and it is lost, if the queue is full. */
  pushDelivery(delivery: EventDelivery, sizeBytes: number): boolean {
    return this.join("deliver", [delivery], { sizeBytes, toFrame: deliverFrame });
  }

  /** Takes ids of what was acknowledged and is durable; at most `frameItemsMax`. False as for a delivery. */
  pushAcknowledged(ids: readonly bigint[]): boolean {
    return this.join("acknowledged", ids, { sizeBytes: idBytes * ids.length, toFrame: acknowledgedFrame });
  }

  /** Takes a frame of its own. False as for a delivery. */
  override push(frame: Frame, sizeBytes = ownFrameBytes): boolean {
    return super.push(frame, sizeBytes);
  }
}

function toMessage(frame: Frame): SubscribeResponse {
  return { $typeName: "signalbox.v1.SubscribeResponse", frame };
}

function deliverFrame(deliveries: EventDelivery[]): Frame {
  return { case: "deliver", value: { $typeName: "signalbox.v1.Deliver", deliveries } };
}

function acknowledgedFrame(deliveryIds: bigint[]): Frame {
  return { case: "acknowledged", value: { $typeName: "signalbox.v1.Acknowledged", deliveryIds } };
}
