import type { RunKey } from "../../core/name.ts";

/** What an answer link says of itself. */
export interface LinkClaims {
  readonly run: RunKey;
  readonly action: string;
  /** The one opening of the condition that it answers. */
  readonly instance: number;
  /** In whose name it answers; "" for nobody's. */
  readonly subject: string;
  /** When it can be used no more; undefined for as long as the condition waits. */
  readonly expireMs: number | undefined;
}

/** The first byte: another layout has another one. */
const version = 1;
/** 9 bytes: two links of the same claims are told apart, and base64 needs no filling for them. */
export const nonceBytes = 9;
const expiryBytes = 6;
const instanceBytes = 4;
const lengthBytes = 2;
const headBytes = 1 + nonceBytes + expiryBytes + instanceBytes;

/**
 * Claims as bytes: version, nonce, expiry (0 for none), instance, and each text behind its length. The same
 * claims with the same nonce give the same bytes.
 */
export function encodeClaims(claims: LinkClaims, nonce: Uint8Array): Buffer {
  const head = Buffer.alloc(headBytes);
  head.writeUInt8(version, 0);
  head.set(nonce.subarray(0, nonceBytes), 1);
  head.writeUIntBE(claims.expireMs ?? 0, 1 + nonceBytes, expiryBytes);
  head.writeUInt32BE(claims.instance, 1 + nonceBytes + expiryBytes);
  return Buffer.concat([head, ...[claims.run, claims.action, claims.subject].map(encodeText)]);
}

/** What bytes claim, whoever wrote them; undefined if they claim nothing. */
export function decodeClaims(bytes: Buffer): LinkClaims | undefined {
  if (bytes.length < headBytes || bytes.readUInt8(0) !== version) return undefined;
  const expireMs = bytes.readUIntBE(1 + nonceBytes, expiryBytes);
  const instance = bytes.readUInt32BE(1 + nonceBytes + expiryBytes);
  const texts = decodeTexts(bytes.subarray(headBytes));
  if (texts?.length !== 3) return undefined;
  const [run = "", action = "", subject = ""] = texts;
  // Such as can be asked of a store.
  if (!/^[^/]+\/[^/]+$/.test(run) || action === "") return undefined;
  return {
    run: run as RunKey,
    action,
    instance,
    subject,
    expireMs: expireMs === 0 ? undefined : expireMs,
  };
}

function encodeText(text: string): Buffer {
  const bytes = Buffer.from(text, "utf8");
  const length = Buffer.alloc(lengthBytes);
  length.writeUInt16BE(bytes.length);
  return Buffer.concat([length, bytes]);
}

/** The texts that bytes consist of; undefined if they end within one. */
function decodeTexts(bytes: Buffer): readonly string[] | undefined {
  const texts: string[] = [];
  for (let at = 0; at < bytes.length; ) {
    if (at + lengthBytes > bytes.length) return undefined;
    const end = at + lengthBytes + bytes.readUInt16BE(at);
    if (end > bytes.length) return undefined;
    texts.push(bytes.toString("utf8", at + lengthBytes, end));
    at = end;
  }
  return texts;
}
