import type { Json } from "../value.ts";

/** What is wrong at a place: the pointer is an RFC 6901 JSON pointer, "" for the whole. */
export interface Fault {
  readonly pointer: string;
  readonly description: string;
}

/** A JSON object, as schemas are. */
export type JsonObject = { readonly [name: string]: Json };

/** True for a JSON object. */
export function isObject(json: Json | undefined): json is JsonObject {
  return typeof json === "object" && json !== null && !Array.isArray(json);
}

/** A step further in a JSON pointer. */
export function below(pointer: string, name: string | number): string {
  return `${pointer}/${String(name).replaceAll("~", "~0").replaceAll("/", "~1")}`;
}

/** True if JSON has more levels than that. */
export function isDeeper(json: Json, levels: number): boolean {
  if (typeof json !== "object" || json === null) return false;
  if (levels === 0) return true;
  return Object.values(json).some((part) => isDeeper(part, levels - 1));
}
