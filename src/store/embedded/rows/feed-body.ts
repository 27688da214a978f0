import type { Event, EventDetail } from "../../../core/event.ts";
import type { Delivery, Labels } from "../../../core/run.ts";
import { parsed } from "./columns.ts";

/** Events in a row that share all but what each of them says. */
type Group = readonly [
  timeMs: number,
  namespace: string,
  runId: string,
  runLabels: Labels,
  events: [action: string, attempt: number, detail: EventDetail][],
  delivery?: Delivery,
];

/** The events of one transaction as JSON. What they share stands there once: most of them are of one run. */
export function feedBodyOf(events: readonly Event[]): string {
  const groups: Group[] = [];
  let previous: Event | undefined;
  for (const event of events) {
    const { action, attempt, detail } = event;
    const last = groups.at(-1);
    if (last !== undefined && isAlike(event, previous)) last[4].push([action, attempt, detail]);
    else groups.push(groupOf(event));
    previous = event;
  }
  return JSON.stringify(groups);
}

function groupOf({ timeMs, namespace, runId, runLabels, action, attempt, detail, delivery }: Event): Group {
  const events: Group[4] = [[action, attempt, detail]];
  if (delivery === undefined) return [timeMs, namespace, runId, runLabels, events];
  return [timeMs, namespace, runId, runLabels, events, delivery];
}

/** The events that a body says. */
export function eventsOfBody(body: string): readonly Event[] {
  const events: Event[] = [];
  for (const [timeMs, namespace, runId, runLabels, said, delivery] of parsed<readonly Group[]>(body)) {
    for (const [action, attempt, detail] of said) {
      complete(detail);
      events.push({ timeMs, namespace, runId, action, attempt, runLabels, delivery, detail });
    }
  }
  return events;
}

/** Adds to what an event says what events of the first schemas leave out. */
function complete(detail: EventDetail): void {
  const said: { deviceIndexes?: readonly number[]; cause?: string } = detail as object;
  if (detail.kind === "action_assigned") said.deviceIndexes ??= [];
  else if (detail.kind === "action_ended") said.cause ??= "";
}

function isAlike(event: Event, previous: Event | undefined): boolean {
  return (
    event.runId === previous?.runId &&
    event.runLabels === previous.runLabels &&
    event.delivery === previous.delivery &&
    event.timeMs === previous.timeMs &&
    event.namespace === previous.namespace
  );
}
