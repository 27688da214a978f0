import { hash } from "node:crypto";
import { followEvents } from "../client/follow.ts";
import { type EventMessage, messageJson } from "../client/message-json.ts";
import type { Calls } from "../client/wire/calls.ts";
import type { RecordedEvent, RecordedFrame } from "./record.ts";

/** The filter of a follower, over all namespaces unless it says another. */
export type ReadFilter = Parameters<typeof followEvents>[1];

/** Where a reader begins. */
export type ReadStart = { readonly cursor: string } | "beginning";

/** An event as it was read, with a digest of all that it says. */
export interface ReadEvent extends RecordedEvent {
  readonly digest: string;
}

/** A frame of such events. */
export interface ReadFrame extends RecordedFrame {
  readonly events: readonly ReadEvent[];
}

/** The events of a message, as they are compared. */
export function toReadEvent(event: EventMessage): ReadEvent {
  const { eventId, namespace, runId, action, attempt, detail } = event;
  const kind = (detail.case ?? "").replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
  const digest = hash("sha256", messageJson.event(event), "base64url").slice(0, 20);
  return { eventId, namespace, runId, action, attempt, kind, digest };
}

/** A reader of the feed that can be asked for one frame after the other. */
export class Reader {
  readonly #frames: AsyncGenerator<{ readonly frame: RawFrame }, undefined>;

  constructor(calls: Calls, filter: ReadFilter, { start, signal }: ReadOptions) {
    const from = start === "beginning" ? ({ from: "beginning" } as const) : { cursor: start.cursor };
    const whole = { namespace: "-", ...filter };
    this.#frames = followEvents(calls, whole, { ...from, signal });
  }

  /** The next frame; undefined behind the last. */
  async next(): Promise<ReadFrame | undefined> {
    const { done, value } = await this.#frames.next();
    if (done === true) return undefined;
    const { events, cursor, atHead } = value.frame;
    return { events: events.map(toReadEvent), cursor, atHead };
  }

  /** Ends it. */
  async close(): Promise<void> {
    await this.#frames.return(undefined);
  }
}

interface RawFrame {
  readonly events: readonly EventMessage[];
  readonly cursor: string;
  readonly atHead: boolean;
}

/** What a reader is opened with. */
export interface ReadOptions {
  readonly start: ReadStart;
  readonly signal: AbortSignal;
}

/** True if a frame says that it has caught up and nothing lies behind it. */
export function isHead({ atHead }: ReadFrame): boolean {
  return atHead;
}

/** The largest id of the frames' events, "" for none: ids sort in feed order. */
export function lastIdOf(frames: readonly RecordedFrame[]): string {
  let last = "";
  for (const { events } of frames) for (const { eventId } of events) if (eventId > last) last = eventId;
  return last;
}
