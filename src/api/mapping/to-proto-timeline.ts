import type { JsonObject } from "@bufbuild/protobuf";
import type { TimelineEntry as TimelineEntryMessage } from "../../../gen/signalbox/v1/action_pb.ts";
import type { TimelineEntry } from "../timeline.ts";
import { actionStates, timelineTypes } from "./enums.ts";
import { message } from "./message.ts";
import { toTimestamp } from "./time.ts";
import { toEventId } from "./to-proto-event.ts";

/** One entry of a timeline. */
export function toTimelineEntry(entry: TimelineEntry): TimelineEntryMessage {
  const { said } = entry;
  return message<TimelineEntryMessage>({
    $typeName: "signalbox.v1.TimelineEntry",
    index: entry.index,
    createTime: toTimestamp(entry.timeMs),
    type: timelineTypes.of[entry.type],
    message: typeof said === "number" ? { case: "percent", value: said } : { case: "text", value: said },
    payload: entry.payload as JsonObject | undefined,
    state: actionStates.of[entry.state],
    eventId: toEventId(entry.position),
  });
}
