import { EventSchema } from "../../../gen/signalbox/v1/event_pb.ts";
import type { PlacedEvent } from "../../engine/feed-pages.ts";
import type { FeedFrame } from "../../engine/follower.ts";
import { sharedFrameScopesMax } from "../../limits.ts";
import { envelopeBytes } from "../carrier/frame-sink.ts";
import { encodeMessage } from "../encoding/encoder.ts";
import { toLoneEvent } from "../mapping/to-proto-event.ts";
import { printCursor, type TokenScope } from "../token.ts";

/** The first byte of each field of WatchEventsResponse: its number and how it is written. */
const tags = { events: 0x0a, cursor: 0x12, atHead: 0x18 } as const;

const kept = Symbol("the bytes");

/** An event of the feed, with its bytes. */
interface EncodedEvent extends PlacedEvent {
  [kept]?: Uint8Array;
}

const frameBytes = new WeakMap<readonly PlacedEvent[], Map<string, Uint8Array>>();

/**
 * A frame of WatchEvents as it goes over the wire, in its envelope. Where several follow (`isShared`), an
 * event is encoded once for all of them, and a frame once for all with the same filter: both are kept as long
 * as the feed's pages are.
 */
export function toFrameBytes(scope: TokenScope, frame: FeedFrame, isShared: boolean): Uint8Array {
  const { events, atHead } = frame;
  if (events.length === 0 || !isShared) return encodeFrame(scope, frame, encodeEvent);
  const key = keyOf(scope, atHead);
  const shared = frameBytes.get(events) ?? new Map<string, Uint8Array>();
  const known = shared.get(key);
  if (known !== undefined) return known;
  const made = encodeFrame(scope, frame, toEventBytes);
  // The events of a whole transaction are one list for all; that of a part belongs to one follower alone.
  if (shared.size === 0) frameBytes.set(events, shared);
  if (shared.size < sharedFrameScopesMax) shared.set(key, made);
  return made;
}

const keys = new WeakMap<TokenScope, string>();

/** Names what frames of the same transaction can differ in. */
function keyOf(scope: TokenScope, atHead: boolean): string {
  let key = keys.get(scope);
  if (key === undefined) {
    key = scope.head.toString("latin1");
    keys.set(scope, key);
  }
  return atHead ? `${key}head` : key;
}

function encodeFrame(
  scope: TokenScope,
  { events, through, atHead }: FeedFrame,
  encode: (placed: PlacedEvent) => Uint8Array,
): Uint8Array {
  const cursor = printCursor(scope, through);
  const parts = events.map(encode);
  let size = 1 + lengthBytes(cursor.length) + cursor.length + (atHead ? 2 : 0);
  for (const part of parts) size += 1 + lengthBytes(part.length) + part.length;
  const bytes = Buffer.allocUnsafe(envelopeBytes + size);
  bytes[0] = 0;
  bytes.writeUInt32BE(size, 1);
  let at = envelopeBytes;
  for (const part of parts) {
    bytes[at] = tags.events;
    at = writeLength(bytes, at + 1, part.length);
    bytes.set(part, at);
    at += part.length;
  }
  bytes[at] = tags.cursor;
  at = writeLength(bytes, at + 1, cursor.length);
  at += bytes.write(cursor, at, "latin1");
  if (atHead) {
    bytes[at] = tags.atHead;
    bytes[at + 1] = 1;
  }
  return bytes;
}

function toEventBytes(placed: EncodedEvent): Uint8Array {
  placed[kept] ??= encodeEvent(placed);
  return placed[kept];
}

function encodeEvent(placed: PlacedEvent): Uint8Array {
  return encodeMessage(EventSchema, toLoneEvent(placed));
}

function lengthBytes(length: number): number {
  let count = 1;
  for (let rest = length; rest >= 128; rest = Math.floor(rest / 128)) count += 1;
  return count;
}

function writeLength(bytes: Buffer, start: number, length: number): number {
  let at = start;
  let rest = length;
  for (; rest >= 128; rest = Math.floor(rest / 128)) {
    bytes[at] = (rest % 128) + 128;
    at += 1;
  }
  bytes[at] = rest;
  return at + 1;
}
