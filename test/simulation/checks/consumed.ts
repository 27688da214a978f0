import type { RecordedEvent, Violations } from "../../guarantees/record.ts";
import type { ConsumedEvents } from "../actors/simulated-consumer.ts";

/**
 * A durable subscription gives every event that matches until somebody acknowledges it, and none again whose
 * acknowledgement it has confirmed.
 */
export function consumed(
  wanted: readonly RecordedEvent[],
  { given, asked, givenAgain }: ConsumedEvents,
): Violations {
  const wantedIds = new Set(wanted.map(({ eventId }) => eventId));
  const missing = [...wantedIds].filter((eventId) => !asked.has(eventId));
  return [
    ...missing.map((eventId) => `${eventId} was never consumed`),
    ...[...given].filter((id) => !wantedIds.has(id)).map((id) => `${id} was given and is not wanted`),
    ...givenAgain.map((eventId) => `${eventId} was given again behind its acknowledgement`),
  ];
}
