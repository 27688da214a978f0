import type { JsonObject } from "@bufbuild/protobuf";
import {
  type TimelineEntry as EntryMessage,
  TimelineEntry_Type,
} from "../../../gen/signalbox/v1/action_pb.ts";
import { type ActionState, nameActionState } from "./action.ts";
import { type NameOf, naming, toDate } from "./name.ts";

/** What kind of entry of a timeline it is. */
export type TimelineType = NameOf<typeof TimelineEntry_Type>;

/** One entry of an attempt's own timeline. */
export interface TimelineEntry {
  /** Its place in the timeline, from 0. */
  readonly index: number;
  readonly createTime: Date | undefined;
  readonly type: TimelineType;
  /** A number from 0 to 100 for PROGRESS, a text for others. */
  readonly message: number | string;
  /** What comes with it. */
  readonly payload: JsonObject | undefined;
  /** Where the attempt stands after it. */
  readonly state: ActionState;
  /** The event of the feed that it shows. */
  readonly eventId: string;
}

const nameType = naming(TimelineEntry_Type);

/** An entry as plain values. */
export function toTimelineEntry(entry: EntryMessage): TimelineEntry {
  return {
    index: entry.index,
    createTime: toDate(entry.createTime),
    type: nameType(entry.type),
    message: entry.message.value ?? "",
    payload: entry.payload,
    state: nameActionState(entry.state),
    eventId: entry.eventId,
  };
}
