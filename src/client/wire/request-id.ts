import { randomUUID } from "node:crypto";

/**
 * Makes a request id: a UUID that nobody else makes, which begins with the time (version 7). A server keeps
 * ids in order for a day, so that those which come one after the other lie beside each other.
 */
export function newRequestId(): string {
  const time = Date.now().toString(16).padStart(12, "0");
  return `${time.slice(0, 8)}-${time.slice(8)}-7${randomUUID().slice(15)}`;
}
