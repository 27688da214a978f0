import { createHash } from "node:crypto";
import { crc32 } from "node:zlib";
import type { Position } from "../core/event.ts";
import { canonical } from "../core/value.ts";

/**
 * Page tokens and cursors: a place in a list or in the feed, in a form that says nothing to clients.
 *
 * ```
 * version 1 B · kind 1 B · feed 8 B · filter 8 B · place … · checksum 4 B        in base64url
 * ```
 * `feed` is a digest of the feed's id and `filter` one of the filter, so that a token is only good where it
 * was given. The checksum finds mistakes, it does not stop an attacker: a forged token shows nothing that its
 * filter would not show anyway.
 */
const version = 1;
const headBytes = 18;
const checksumBytes = 4;

/**
 * What a token is a place in. Lists and streams of events have one kind, so that their tokens can be
 * exchanged.
 */
const kinds = {
  runs: 1,
  actions: 2,
  conditions: 3,
  ops: 4,
  workers: 5,
  events: 6,
  runWatch: 7,
  conditionWatch: 8,
  timeline: 20,
  limits: 9,
  subscriptions: 10,
  deadLetters: 11,
} as const;

/** The name of a kind. */
export type TokenKind = keyof typeof kinds;

/** What tokens are good for: one kind under one filter. */
export interface TokenScope {
  readonly kind: TokenKind;
  /** The feed that they are of. */
  readonly feedId: string;
  /** Version, kind, feed and filter, as every token of the scope begins. */
  readonly head: Buffer;
}

/** What became of reading a token. A token of another feed is well-formed, but means nothing any more. */
export type ReadToken<Place> =
  | { readonly ok: true; readonly place: Place }
  | { readonly ok: false; readonly cause: "TOKEN_INVALID" | "FILTER_CHANGED" | "OTHER_FEED" };

/** Says what tokens of this kind under this filter are good for; do it once for many tokens. */
export function tokenScope(kind: TokenKind, filter: unknown, feedId: string): TokenScope {
  const head = Buffer.concat([
    Buffer.from([version, kinds[kind]]),
    digest(feedId),
    digest(canonical(filter)),
  ]);
  return { kind, feedId, head };
}

/** The same kind and filter, as another feed gave tokens under them. */
export function underFeed({ kind, head }: TokenScope, feedId: string): TokenScope {
  const other = Buffer.from(head);
  digest(feedId).copy(other, 2);
  return { kind, feedId, head: other };
}

/** A page token for a place, which must be JSON. */
export function printToken(scope: TokenScope, place: unknown): string {
  return print(scope, Buffer.from(JSON.stringify(place)));
}

/** The place of a page token, if it is one: a checksum can be forged, so `isPlace` looks at what is there. */
export function readToken<Place>(
  scope: TokenScope,
  token: string,
  isPlace: (place: unknown) => place is Place,
): ReadToken<Place> {
  const read = readPlace(scope, token);
  if (!read.ok) return read;
  const place = parse(read.place.toString());
  return isPlace(place) ? { ok: true, place } : { ok: false, cause: "TOKEN_INVALID" };
}

/** A cursor that says "behind this position". */
export function printCursor(scope: TokenScope, position: Position): string {
  const place = Buffer.alloc(8);
  place.writeBigUInt64BE(position);
  return print(scope, place);
}

/** The position of a cursor. */
export function readCursor(scope: TokenScope, cursor: string): ReadToken<Position> {
  const read = readPlace(scope, cursor);
  if (!read.ok) return read;
  if (read.place.length !== 8) return { ok: false, cause: "TOKEN_INVALID" };
  return { ok: true, place: read.place.readBigUInt64BE() as Position };
}

function print({ head }: TokenScope, place: Buffer): string {
  const bytes = Buffer.alloc(headBytes + place.length + checksumBytes);
  head.copy(bytes);
  place.copy(bytes, headBytes);
  const body = bytes.subarray(0, bytes.length - checksumBytes);
  bytes.writeUInt32BE(crc32(body), body.length);
  return bytes.toString("base64url");
}

function readPlace({ head }: TokenScope, token: string): ReadToken<Buffer> {
  const bytes = Buffer.from(token, "base64url");
  const bodyBytes = bytes.length - checksumBytes;
  // Decoding passes over what is not base64url; what does not encode to the same text again was changed.
  const isWhole = bodyBytes >= headBytes && bytes.toString("base64url") === token;
  if (!isWhole || crc32(bytes.subarray(0, bodyBytes)) !== bytes.readUInt32BE(bodyBytes)) {
    return { ok: false, cause: "TOKEN_INVALID" };
  }
  if (!bytes.subarray(0, 2).equals(head.subarray(0, 2))) return { ok: false, cause: "TOKEN_INVALID" };
  if (!bytes.subarray(10, headBytes).equals(head.subarray(10))) return { ok: false, cause: "FILTER_CHANGED" };
  if (!bytes.subarray(2, 10).equals(head.subarray(2, 10))) return { ok: false, cause: "OTHER_FEED" };
  return { ok: true, place: bytes.subarray(headBytes, bodyBytes) };
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function digest(text: string): Buffer {
  return createHash("sha256").update(text).digest().subarray(0, 8);
}
