import type {
  Assignment,
  AttachResponse,
  CancelledAttempt,
  RecordedReport,
} from "../../../gen/signalbox/v1/worker_service_pb.ts";
import { frameBytesMax, frameItemsMax, outgoingBytesMax, outgoingFramesMax } from "../../limits.ts";
import { StreamQueue, type StreamQueueLimits } from "../carrier/stream-queue.ts";
import { toFrame } from "../mapping/to-proto-worker.ts";

type Frame = AttachResponse["frame"];

/** One of the things that share frames while they wait. */
export type Item =
  | { readonly case: "assign"; readonly item: Assignment }
  | { readonly case: "recorded"; readonly item: RecordedReport }
  | { readonly case: "cancel"; readonly item: CancelledAttempt };

/** The bounds of a queue; tests give smaller ones. */
export type OutgoingLimits = StreamQueueLimits;

/** What waits to be sent to one worker. */
export class OutgoingQueue extends StreamQueue<Frame, AttachResponse> {
  constructor(limits: OutgoingLimits = { framesMax: outgoingFramesMax, bytesMax: outgoingBytesMax }) {
    const frameBounds = { itemsMax: frameItemsMax, bytesMax: frameBytesMax };
    super(limits, { frameBounds, toMessage: toFrame });
  }

  /** Takes one thing, into the last frame if that is one of its kind and has room. False as for `push`. */
  pushItem(item: Item, sizeBytes: number): boolean {
    switch (item.case) {
      case "assign":
        return this.join("assign", [item.item], { sizeBytes, toFrame: assignFrame });
      case "recorded":
        return this.join("recorded", [item.item], { sizeBytes, toFrame: recordedFrame });
      case "cancel":
        return this.join("cancel", [item.item], { sizeBytes, toFrame: cancelFrame });
    }
  }
}

function assignFrame(assignments: Assignment[]): Frame {
  return { case: "assign", value: { $typeName: "signalbox.v1.Assign", assignments } };
}

function recordedFrame(reports: RecordedReport[]): Frame {
  return { case: "recorded", value: { $typeName: "signalbox.v1.Recorded", reports } };
}

function cancelFrame(attempts: CancelledAttempt[]): Frame {
  return { case: "cancel", value: { $typeName: "signalbox.v1.Cancel", attempts } };
}
