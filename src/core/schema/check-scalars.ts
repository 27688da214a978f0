import { canonical, type Json } from "../value.ts";
import type { At, Checking } from "./checking.ts";
import type { JsonObject } from "./fault.ts";
import { formats } from "./format.ts";
import { matches } from "./pattern.ts";

/** `type`, `enum` and `const`. */
export function checkType(check: Checking, schema: JsonObject, value: Json, at: At): void {
  const { type } = schema;
  if (typeof type === "string") {
    if (!hasType(value, type)) at.says(`must be ${withArticle(type)}, and is ${withArticle(typeOf(value))}`);
  } else if (Array.isArray(type) && !(type as readonly string[]).some((one) => hasType(value, one))) {
    at.says(`must be one of ${type.join(", ")}, and is ${withArticle(typeOf(value))}`);
  }
  if (schema["enum"] === undefined && schema["const"] === undefined) return;
  const text = canonical(value);
  check.spend(text.length / 16);
  const allowed = schema["enum"];
  if (Array.isArray(allowed)) {
    check.spend(allowed.length);
    if (!allowed.some((one: Json) => canonical(one) === text)) at.says(wantsOneOf(allowed));
  }
  if (schema["const"] !== undefined && canonical(schema["const"]) !== text) {
    at.says(wantsOneOf([schema["const"]]));
  }
}

/** 10 values and 200 characters of what is allowed are told: who answers is to see it at a glance. */
const allowedToldMax = 10;
const allowedCharactersToldMax = 200;

function wantsOneOf(allowed: readonly Json[]): string {
  const told = allowed.slice(0, allowedToldMax).map(canonical).join(", ");
  if (told.length > allowedCharactersToldMax) return "is none of the values that the schema allows";
  const left = allowed.length - allowedToldMax;
  return `must be ${allowed.length === 1 ? "" : "one of "}${told}${left > 0 ? ` and ${left} more` : ""}`;
}

/** What schemas call the type of a value. */
function typeOf(value: Json): string {
  if (value === null) return "null";
  if (Array.isArray(value)) return "array";
  return typeof value;
}

function hasType(value: Json, type: string): boolean {
  return (
    typeOf(value) === type || (type === "integer" && typeof value === "number" && Number.isInteger(value))
  );
}

function withArticle(type: string): string {
  if (type === "null") return type;
  return /^[aio]/.test(type) ? `an ${type}` : `a ${type}`;
}

/** What is asked of texts. Lengths count characters as Unicode does. */
export function checkText(check: Checking, schema: JsonObject, value: string, at: At): void {
  const { minLength, maxLength, pattern, format } = schema;
  if (minLength !== undefined || maxLength !== undefined) {
    check.spend(value.length / 64);
    const length = countCharacters(value);
    if (typeof minLength === "number" && length < minLength) {
      at.says(`must have at least ${minLength} characters, and has ${length}`);
    }
    if (typeof maxLength === "number" && length > maxLength) {
      at.says(`must have at most ${maxLength} characters, and has ${length}`);
    }
  }
  if (typeof pattern === "string") {
    const compiled = check.schema.patterns.get(pattern);
    const isMatch = compiled === undefined || matches(compiled, value, (steps) => check.spend(steps / 8));
    if (!isMatch) at.says(`does not match the pattern ${pattern}`);
  }
  if (typeof format !== "string" || !Object.hasOwn(formats, format)) return;
  check.spend(value.length / 64);
  if (formats[format]?.(value) === false) at.says(`is not of format ${format}`);
}

function countCharacters(text: string): number {
  let count = text.length;
  for (let index = 0; index < text.length; index += 1) {
    const unit = text.charCodeAt(index);
    if (unit < 0xd800 || unit > 0xdbff) continue;
    const next = text.charCodeAt(index + 1);
    if (next >= 0xdc00 && next <= 0xdfff) count -= 1;
  }
  return count;
}

/** What is asked of numbers. */
export function checkNumber(schema: JsonObject, value: number, at: At): void {
  const { minimum, maximum, exclusiveMinimum, exclusiveMaximum, multipleOf } = schema;
  if (typeof minimum === "number" && value < minimum) at.says(`must be at least ${minimum}`);
  if (typeof maximum === "number" && value > maximum) at.says(`must be at most ${maximum}`);
  if (typeof exclusiveMinimum === "number" && value <= exclusiveMinimum) {
    at.says(`must be above ${exclusiveMinimum}`);
  }
  if (typeof exclusiveMaximum === "number" && value >= exclusiveMaximum) {
    at.says(`must be below ${exclusiveMaximum}`);
  }
  if (typeof multipleOf === "number" && !isMultiple(value, multipleOf)) {
    at.says(`must be a multiple of ${multipleOf}`);
  }
}

/** Decimal fractions are not exact in binary: 0.3 counts as a multiple of 0.1. */
function isMultiple(value: number, of: number): boolean {
  const quotient = value / of;
  if (!Number.isFinite(quotient)) return value % of === 0;
  return Math.abs(quotient - Math.round(quotient)) <= Math.abs(quotient) * Number.EPSILON;
}
