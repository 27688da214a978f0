import { isObject } from "../schema/fault.ts";
import { asJson, type Json, type Value } from "../value.ts";
import type { SpecType } from "./op.ts";

/**
 * True if a value is of a type. A whole number is a number too, true and false are none, and a JSON document
 * is of the type of what it says. A reference stands for something large that is kept elsewhere: it may be a
 * text, an object, a list or anything, which nobody looks into. A null is of no type but `any`.
 */
export function isOfType(value: Value, type: SpecType): boolean {
  if (type === "any") return true;
  switch (value.kind) {
    case "string":
      return type === "string";
    case "int":
      return type === "int" || type === "float";
    case "float":
      return type === "float";
    case "bool":
      return type === "bool";
    case "json":
      return isJsonOfType(value.value, type);
    case "reference":
      return type === "string" || type === "object" || type === "array";
    case "null":
    case "bytes":
      return false;
  }
}

function isJsonOfType(json: Json, type: Exclude<SpecType, "any">): boolean {
  switch (type) {
    case "string":
      return typeof json === "string";
    case "int":
      return typeof json === "number" && Number.isSafeInteger(json);
    case "float":
      return typeof json === "number";
    case "bool":
      return typeof json === "boolean";
    case "object":
      return isObject(json);
    case "array":
      return Array.isArray(json);
  }
}

/** True for a null, typed or as JSON: it is not a value, so that it stands for none where one is required. */
export function isNull(value: Value): boolean {
  return value.kind === "null" || (value.kind === "json" && value.value === null);
}

/** What a value is, in words: `an int`, or of JSON what it says. */
export function describeKind(value: Value): string {
  if (isNull(value)) return "null";
  if (value.kind !== "json") return /^[aio]/.test(value.kind) ? `an ${value.kind}` : `a ${value.kind}`;
  if (Array.isArray(value.value)) return "a JSON list";
  return `a JSON ${typeof value.value}`;
}

/** The plain JSON form of a value, by which schemas check it: of a whole number over 2^53 the nearest. */
export function plainJson(value: Value): Json {
  return value.kind === "int" ? Number(value.value) : asJson(value);
}
