import type { Event, EventDetail } from "../../../core/event.ts";
import type { Labels } from "../../../core/run.ts";
import { parsed } from "./columns.ts";

/** Events in a row that share all but what each of them says. */
type Group = readonly [
  timeMs: number,
  namespace: string,
  runId: string,
  runLabels: Labels,
  events: [action: string, attempt: number, detail: EventDetail][],
];

/** The events of one transaction as JSON. What they share stands there once: most of them are of one run. */
export function feedBodyOf(events: readonly Event[]): string {
  const groups: Group[] = [];
  let previous: Event | undefined;
  for (const event of events) {
    const { timeMs, namespace, runId, runLabels, action, attempt, detail } = event;
    const last = groups.at(-1);
    if (last !== undefined && isAlike(event, previous)) last[4].push([action, attempt, detail]);
    else groups.push([timeMs, namespace, runId, runLabels, [[action, attempt, detail]]]);
    previous = event;
  }
  return JSON.stringify(groups);
}

/** The events that a body says. */
export function eventsOfBody(body: string): readonly Event[] {
  const events: Event[] = [];
  for (const [timeMs, namespace, runId, runLabels, said] of parsed<readonly Group[]>(body)) {
    for (const [action, attempt, detail] of said) {
      events.push({ timeMs, namespace, runId, action, attempt, runLabels, detail });
    }
  }
  return events;
}

function isAlike(event: Event, previous: Event | undefined): boolean {
  return (
    event.runId === previous?.runId &&
    event.runLabels === previous.runLabels &&
    event.timeMs === previous.timeMs &&
    event.namespace === previous.namespace
  );
}
