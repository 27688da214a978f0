import { EventSchema } from "../../../gen/signalbox/v1/event_pb.ts";
import type { PlacedEvent } from "../../engine/feed-pages.ts";
import type { FeedFrame } from "../../engine/follower.ts";
import { sharedFrameScopesMax } from "../../limits.ts";
import { envelopeBytes } from "../carrier/frame-sink.ts";
import { encodeMessage, writeOf } from "../encoding/encoder.ts";
import { WireWriter } from "../encoding/wire-writer.ts";
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
  if (events.length === 0 || !isShared) return encodeFrame(scope, frame, false);
  const key = keyOf(scope, atHead);
  const shared = frameBytes.get(events) ?? new Map<string, Uint8Array>();
  const known = shared.get(key);
  if (known !== undefined) return known;
  const made = encodeFrame(scope, frame, true);
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

const writer = new WireWriter();
const writeEvent = writeOf(EventSchema);

/** What others follow too is encoded by itself, and kept; the rest goes straight into the frame. */
function encodeFrame(
  scope: TokenScope,
  { events, through, atHead }: FeedFrame,
  isShared: boolean,
): Uint8Array {
  writer.begin(envelopeBytes);
  for (const placed of events) {
    writer.varint(tags.events);
    if (isShared) {
      const bytes = toEventBytes(placed);
      writer.varint(bytes.length);
      writer.raw(bytes);
    } else {
      const start = writer.open();
      writeEvent(writer, toLoneEvent(placed));
      writer.close(start);
    }
  }
  writer.varint(tags.cursor);
  writer.text(printCursor(scope, through));
  if (atHead) {
    writer.varint(tags.atHead);
    writer.varint(1);
  }
  const bytes = writer.finish();
  bytes[0] = 0;
  bytes.writeUInt32BE(bytes.length - envelopeBytes, 1);
  return bytes;
}

function toEventBytes(placed: EncodedEvent): Uint8Array {
  placed[kept] ??= encodeMessage(EventSchema, toLoneEvent(placed));
  return placed[kept];
}
