import type { EventFrame } from "../../../src/client/client.ts";
import type { RecordedEvent, RecordedFrame } from "../../guarantees/record.ts";

/** A frame as the client gives it, as it is recorded. */
export function asRecorded(frame: Pick<EventFrame, "events" | "cursor" | "atHead">): RecordedFrame {
  const { events, cursor, atHead } = frame;
  return { cursor, atHead, events: events.map(asRecordedEvent) };
}

function asRecordedEvent(event: EventFrame["events"][number]): RecordedEvent {
  const { eventId, namespace, runId, action, attempt } = event;
  const kind = event.kind.toLowerCase();
  const { epoch, state, value, outputs } = event.detail as Readonly<{
    epoch?: bigint;
    state?: string;
    value?: unknown;
    outputs?: Readonly<Record<string, unknown>>;
  }>;
  const given = kind === "action_ended" ? outputs?.["value"] : value;
  return {
    eventId,
    namespace,
    runId,
    action,
    attempt,
    kind,
    ...(epoch === undefined ? {} : { epoch: Number(epoch) }),
    ...(state === undefined ? {} : { state }),
    ...(given === undefined ? {} : { value: asText(given) }),
  };
}

function asText(value: unknown): string {
  return typeof value === "string" ? value : typeof value === "bigint" ? `${value}` : JSON.stringify(value);
}
