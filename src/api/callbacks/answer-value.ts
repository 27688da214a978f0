import type { ConditionSpec } from "../../core/action.ts";
import type { Violation } from "../../core/refusal.ts";
import type { Json, Value } from "../../core/value.ts";
import { jsonDepthMax } from "../../limits.ts";
import { isDeeper } from "./webhook-faults.ts";

/** A value out of what somebody sent, or what is wrong with it. */
export type ReadValue =
  | { readonly ok: true; readonly value: Value }
  | { readonly ok: false; readonly violation: Violation };

const intMin = -(2n ** 63n);
const intMax = 2n ** 63n - 1n;
const floatNames = ["NaN", "Infinity", "-Infinity"] as const;

/**
 * The answer in a field of a form: text, as the condition's type writes it. Line ends of browsers become
 * plain ones.
 */
export function valueOfText(stated: string, { type }: Pick<ConditionSpec, "type">): ReadValue {
  const text = stated.replaceAll("\r\n", "\n");
  switch (type) {
    case "bool":
      if (text === "true" || text === "false") return read({ kind: "bool", value: text === "true" });
      return wrong("must be true or false");
    case "int":
      return toInt(text.trim());
    case "float":
      return toFloat(text.trim());
    case "string":
      return read({ kind: "string", value: text });
    case "json":
      return parseJson(text);
  }
}

/**
 * The answer in a JSON document. Whole numbers that JSON's numbers cannot hold exactly stand in a text, and
 * so do the floats that JSON does not know.
 */
export function valueOfJson(json: unknown, { type }: Pick<ConditionSpec, "type">): ReadValue {
  switch (type) {
    case "bool":
      return typeof json === "boolean" ? read({ kind: "bool", value: json }) : wrong("must be true or false");
    case "int":
      if (typeof json === "string") return toInt(json);
      if (Number.isSafeInteger(json)) return read({ kind: "int", value: BigInt(json as number).toString() });
      return wrong("must be a whole number, beyond 2^53 as a text");
    case "float":
      if (typeof json === "number" && Number.isFinite(json)) return read({ kind: "float", value: json });
      return typeof json === "string" && isFloatName(json)
        ? read({ kind: "float", value: json })
        : wrong('must be a number, or "NaN", "Infinity" or "-Infinity"');
    case "string":
      return typeof json === "string" ? read({ kind: "string", value: json }) : wrong("must be a text");
    case "json":
      return toJson(json);
  }
}

function read(value: Value): ReadValue {
  return { ok: true, value };
}

function wrong(description: string): ReadValue {
  return { ok: false, violation: { field: "value", description } };
}

function toInt(text: string): ReadValue {
  // As long as the longest of 64 bits; longer ones cost the more to read the longer they are.
  if (!/^[+-]?\d{1,19}$/.test(text)) return wrong("must be a whole number of 64 bits");
  const value = BigInt(text.replace("+", ""));
  if (value < intMin || value > intMax) return wrong("must be a whole number of 64 bits");
  return read({ kind: "int", value: value.toString() });
}

function toFloat(text: string): ReadValue {
  if (isFloatName(text)) return read({ kind: "float", value: text });
  const isNumber = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(text) && Number.isFinite(Number(text));
  return isNumber ? read({ kind: "float", value: Number(text) }) : wrong("must be a number");
}

function isFloatName(text: string): text is (typeof floatNames)[number] {
  return (floatNames as readonly string[]).includes(text);
}

function parseJson(text: string): ReadValue {
  try {
    return toJson(JSON.parse(text) as unknown);
  } catch (error) {
    return wrong(`must be JSON: ${(error as Error).message}`);
  }
}

/** What JSON.parse gives needs no look but at how deep it is. */
function toJson(parsed: unknown): ReadValue {
  const json = parsed as Json;
  if (isDeeper(json, jsonDepthMax)) return wrong(`must not be nested deeper than ${jsonDepthMax} levels`);
  return read({ kind: "json", value: json });
}
