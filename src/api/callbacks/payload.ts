import type { Json } from "../../core/value.ts";
import { callbackBodyBytesMax } from "./callback-limits.ts";

/** What is filled in, by name. */
export interface Places {
  /** "" where there is nothing to answer. */
  readonly callback_uri: string;
  readonly prompt: string;
  readonly run_id: string;
  readonly name: string;
  readonly namespace: string;
  /** What has happened: `paused`, `escalated` or `ended`. */
  readonly event: string;
  /** How it ended, such as `ANSWERED`, and with which answer; "" until it has. */
  readonly outcome: string;
  readonly answer: string;
}

const places = /\{(callback_uri|prompt|run_id|name|namespace|event|outcome|answer)\}/g;

/** What was to be posted has grown beyond what is posted. */
export class PayloadTooLarge extends Error {
  constructor() {
    super(`what is posted may take ${callbackBodyBytesMax} bytes at most`);
    this.name = "PayloadTooLarge";
  }
}

/**
 * A template as JSON text with its places filled in, in all texts however deep; names of members stay as they
 * are, and so do braces around anything else. What is filled in is not looked at again. Throws
 * PayloadTooLarge.
 */
export function fillPayload(template: Json, filling: Places): string {
  let sizeBytes = 0;
  const fillText = (text: string): string =>
    text.replace(places, (_, place: string) => {
      const said = filling[place as keyof Places];
      // A short template can name a long prompt very often.
      sizeBytes += said.length;
      if (sizeBytes > callbackBodyBytesMax) throw new PayloadTooLarge();
      return said;
    });
  const fill = (json: Json): Json => {
    if (typeof json === "string") return fillText(json);
    if (typeof json !== "object" || json === null) return json;
    if (isList(json)) return json.map(fill);
    // Not by assignment: a member may be named __proto__.
    return Object.fromEntries(Object.entries(json).map(([name, item]) => [name, fill(item)]));
  };
  const text = JSON.stringify(fill(template));
  if (Buffer.byteLength(text) > callbackBodyBytesMax) throw new PayloadTooLarge();
  return text;
}

function isList(json: Json): json is readonly Json[] {
  return Array.isArray(json);
}
