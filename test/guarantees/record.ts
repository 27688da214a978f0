import type { Event, Transaction } from "../../src/core/event.ts";
import { canonical } from "../../src/core/value.ts";
import type { RecordedEvent, Reference } from "../../src/verify/record.ts";

export type {
  RecordedEvent,
  RecordedFrame,
  RecordedStream,
  Reference,
  Violations,
} from "../../src/verify/record.ts";

/** A part of the feed in the shape of a record, of the events that match. */
export function recordOf(
  transactions: readonly Transaction[],
  matches: (event: Event) => boolean = () => true,
): Reference {
  const recorded = transactions.map(({ first, events }) =>
    events.flatMap((event, index) => (matches(event) ? [recordedOf(event, first + BigInt(index))] : [])),
  );
  return recorded.filter((events) => events.length > 0);
}

function recordedOf({ namespace, runId, action, attempt, detail }: Event, position: bigint): RecordedEvent {
  const eventId = position.toString(16).padStart(16, "0");
  const value =
    "value" in detail ? detail.value : "outputs" in detail ? detail.outputs?.["value"] : undefined;
  return {
    eventId,
    namespace,
    runId,
    action,
    attempt,
    kind: detail.kind,
    ...("epoch" in detail ? { epoch: detail.epoch } : {}),
    ...("state" in detail ? { state: detail.state } : {}),
    ...(value === undefined ? {} : { value: canonical(value) }),
  };
}
