import type { Action, ActionState } from "../core/action.ts";
import { hasEnded } from "../core/action.ts";
import { type Event, lastPosition, type Position } from "../core/event.ts";
import { namespaceOf, runIdOf } from "../core/name.ts";
import { asJson, type Json, type Values } from "../core/value.ts";
import { feedBatchBytesMax, feedBatchEventsMax, timelineEventsScanMax } from "../limits.ts";
import type { Store } from "../store/store.ts";

/** What kind of entry it is; the proto enum of the same names says when each occurs. */
export type TimelineType =
  | "ASSIGNED"
  | "STARTED"
  | "INFO"
  | "PROGRESS"
  | "COMPLETED"
  | "FAILED"
  | "CANCELLED"
  | "ERROR"
  | "RETRIED"
  | "RETURNED";

/** One entry of an attempt's own timeline: an event of the feed, as the attempt sees it. */
export interface TimelineEntry {
  /** From 0. */
  readonly index: number;
  readonly timeMs: number;
  readonly type: TimelineType;
  /** A number from 0 to 100 for PROGRESS, a text for others. */
  readonly said: number | string;
  readonly payload: Json | undefined;
  /** Where the attempt stands after it. */
  readonly state: ActionState;
  readonly position: Position;
}

type Told = Pick<TimelineEntry, "type" | "said" | "payload" | "state">;

/** Where a timeline goes on: behind a transaction, some of the entries of what follows being told already. */
export interface TimelinePlace {
  readonly through: string;
  /** Where the attempt stands there, and how many entries it has had by then. */
  readonly state: ActionState;
  readonly index: number;
  /** How many entries behind that were told before. */
  readonly toldCount: number;
}

/** True for the place of a timeline's page token. */
export function isTimelinePlace(place: unknown): place is TimelinePlace {
  if (typeof place !== "object" || place === null) return false;
  const { through, state, index, toldCount } = place as Record<string, unknown>;
  return (
    typeof through === "string" &&
    /^[0-9]{1,19}$/.test(through) &&
    typeof state === "string" &&
    typeof index === "number" &&
    typeof toldCount === "number"
  );
}

/** Which part of which timeline. */
export interface TimelineQuery {
  readonly action: Action;
  readonly attempt: number;
  readonly after: TimelinePlace | undefined;
  readonly limit: number;
}

/**
 * A page of the timeline of an attempt: a projection of its run's feed, which is all that is kept of it. It
 * looks at no more than `timelineEventsScanMax` events of the run, so that a page may be short, or empty with
 * a further one behind it. What was removed from the feed is missing from it.
 */
export async function readTimeline(
  store: Store,
  { action, attempt, after, limit }: TimelineQuery,
): Promise<{ readonly entries: readonly TimelineEntry[]; readonly next: TimelinePlace | undefined }> {
  const oldest = await store.oldest();
  const start = (after === undefined ? oldest : BigInt(after.through)) as Position;
  let through = start < oldest ? oldest : start;
  // What was told of a transaction that is not there any more is not among what follows.
  let toSkip = start < oldest ? 0 : (after?.toldCount ?? 0);
  // Where the beginning was removed, it is not known to wait: what is left of it is told.
  const projection = new Projection(
    action,
    attempt,
    after ?? { state: oldest > 0n ? "RUNNING" : "PENDING", index: 0 },
  );
  const entries: TimelineEntry[] = [];
  for (let lookedAt = 0; lookedAt < timelineEventsScanMax; ) {
    const page = await store.readFeed({
      after: through,
      run: action.run,
      eventsMax: feedBatchEventsMax,
      bytesMax: feedBatchBytesMax,
    });
    for (const transaction of page.transactions) {
      const { state, index } = projection;
      let toldCount = 0;
      for (const [offset, event] of transaction.events.entries()) {
        const entry = projection.take(event, (transaction.first + BigInt(offset)) as Position);
        if (entry === undefined) continue;
        toldCount += 1;
        if (toSkip > 0) toSkip -= 1;
        else if (entries.length < limit) entries.push(entry);
        // One more is there: it begins the next page.
        else return { entries, next: { through: String(through), state, index, toldCount: toldCount - 1 } };
      }
      through = lastPosition(transaction);
      lookedAt += transaction.events.length;
    }
    through = page.through;
    if (page.atHead) return { entries, next: undefined };
  }
  const { state, index } = projection;
  return { entries, next: { through: String(through), state, index, toldCount: 0 } };
}

/** Follows the events of a run and tells those that belong to one attempt. */
class Projection {
  state: ActionState;
  index: number;
  readonly #runId: string;
  readonly #namespace: string;
  readonly #action: string;
  readonly #attempt: number;

  constructor(action: Action, attempt: number, { state, index }: Pick<TimelinePlace, "state" | "index">) {
    this.#namespace = namespaceOf(action.run);
    this.#runId = runIdOf(action.run);
    this.#action = action.name;
    this.#attempt = attempt;
    this.state = state;
    this.index = index;
  }

  take(event: Event, position: Position): TimelineEntry | undefined {
    if (event.action !== this.#action || event.runId !== this.#runId) return undefined;
    if (event.namespace !== this.#namespace) return undefined;
    const told = this.#tell(event);
    if (told === undefined) return undefined;
    this.state = told.state;
    const entry = { ...told, index: this.index, timeMs: event.timeMs, position };
    this.index += 1;
    return entry;
  }

  #tell(event: Event): Told | undefined {
    if (event.attempt === this.#attempt) return entryOf(event, this.state);
    // The attempt after one that did not succeed begins with that.
    return event.attempt === this.#attempt - 1 ? retryOf(event) : undefined;
  }
}

function retryOf({ detail, attempt }: Event): Told | undefined {
  if (detail.kind === "attempt_failed") {
    const { type, message } = detail.error;
    const said = `attempt ${attempt} ended as ${detail.state}: ${message}`;
    return { type: "RETRIED", said, payload: { error_type: type }, state: "PENDING" };
  }
  if (detail.kind !== "action_reopened") return undefined;
  return { type: "RETRIED", said: "it was opened again", payload: undefined, state: "PENDING" };
}

/** What an event says of its own attempt; nothing once that has ended, as for a cancel while it waits. */
function entryOf({ detail }: Event, state: ActionState): Told | undefined {
  if (detail.kind === "action_assigned") {
    const { workerId, epoch, deviceIndexes } = detail;
    const payload = { worker_id: workerId, epoch, device_indexes: [...deviceIndexes] };
    return { type: "ASSIGNED", said: `assigned to ${workerId}`, payload, state: "ASSIGNED" };
  }
  if (state === "PENDING" || hasEnded({ state })) return undefined;
  switch (detail.kind) {
    case "action_started": {
      const payload = { worker_id: detail.workerId };
      return { type: "STARTED", said: `started by ${detail.workerId}`, payload, state: "RUNNING" };
    }
    case "action_progressed": {
      const payload = detail.message === "" ? undefined : { message: detail.message };
      return { type: "PROGRESS", said: detail.percent, payload, state };
    }
    case "action_logged": {
      const type = detail.level === "error" ? "ERROR" : "INFO";
      return { type, said: detail.message, payload: { level: detail.level }, state };
    }
    case "published": {
      const { source, type, attributes, payload = null } = detail;
      return { type: "INFO", said: type, payload: { source, attributes, payload }, state };
    }
    case "action_returned":
      return { type: "RETURNED", said: detail.cause, payload: undefined, state: "PENDING" };
    case "attempt_failed":
      return failed(detail.state, detail.error);
    case "action_ended":
      return endOf(detail.state, detail);
    default:
      return undefined;
  }
}

function endOf(
  state: ActionState,
  { outputs, error }: { readonly outputs: Values | undefined; readonly error: Action["error"] | undefined },
): Told {
  if (state === "SUCCEEDED") {
    return { type: "COMPLETED", said: "succeeded", payload: { outputs: toJsonObject(outputs) }, state };
  }
  if (state === "CANCELLED") {
    return { type: "CANCELLED", said: error?.message ?? "", payload: undefined, state };
  }
  return failed(state, error);
}

function failed(state: ActionState, error: Action["error"] | undefined): Told {
  const payload = error === undefined ? undefined : { error_type: error.type };
  return { type: "FAILED", said: error?.message ?? "", payload, state };
}

function toJsonObject(values: Values | undefined): Json {
  return Object.fromEntries(Object.entries(values ?? {}).map(([name, value]) => [name, asJson(value)]));
}
