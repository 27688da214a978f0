import { createHmac, randomBytes } from "node:crypto";

/** What a secret of Standard Webhooks begins with; base64 follows. */
const secretPrefix = "whsec_";
/** 32 bytes: as long as what HMAC-SHA256 gives. */
const secretBytes = 32;

/** A secret that nobody knows yet. */
export function newSecret(): string {
  return `${secretPrefix}${randomBytes(secretBytes).toString("base64")}`;
}

/** What is wrong with a secret; undefined if nothing is. Without the prefix it is taken as it stands. */
export function secretFault(secret: string): string | undefined {
  if (!secret.startsWith(secretPrefix)) return undefined;
  const encoded = secret.slice(secretPrefix.length);
  const isBase64 = encoded !== "" && Buffer.from(encoded, "base64").toString("base64") === encoded;
  return isBase64 ? undefined : `must have base64 behind ${secretPrefix}`;
}

/** What is wrong with an address, whatever it leads to; undefined if nothing is. */
export function addressFault(address: string): string | undefined {
  if (!URL.canParse(address)) return "must be an address";
  const { username, password, protocol } = new URL(address);
  if (protocol !== "http:" && protocol !== "https:") return "must be an address of http or https";
  return username === "" && password === "" ? undefined : "must not have a user or password in it";
}

/** The headers that sign a post, as Standard Webhooks says: over its id, its time in seconds, its body. */
export function signatureHeaders(
  secret: string,
  id: string,
  timeMs: number,
  body: string,
): Record<string, string> {
  const timestamp = String(Math.floor(timeMs / 1000));
  const key = secret.startsWith(secretPrefix)
    ? Buffer.from(secret.slice(secretPrefix.length), "base64")
    : Buffer.from(secret);
  const signature = createHmac("sha256", key).update(`${id}.${timestamp}.${body}`).digest("base64");
  return {
    "webhook-id": id,
    "webhook-timestamp": timestamp,
    "webhook-signature": `v1,${signature}`,
  };
}
