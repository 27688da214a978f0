import { type ConditionType, type JsValue, toValue, toValueOfType } from "../../client/js-value.ts";
import type { ValueMessage } from "../../client/message-json.ts";
import { UsageError } from "./usage-error.ts";

/** The types that an answer can have, for help. */
export const conditionTypes = [
  "bool",
  "int",
  "float",
  "string",
  "json",
] as const satisfies readonly ConditionType[];

const yes: readonly string[] = ["true", "yes", "y", "1", "on"];
const no: readonly string[] = ["false", "no", "n", "0", "off"];

/** Reads an answer as the type that its condition asks for. `what` names it in the error. */
export function parseTyped(text: string, type: ConditionType, what: string): ValueMessage {
  switch (type) {
    case "bool": {
      const word = text.toLowerCase();
      if (yes.includes(word) || no.includes(word)) {
        return toValue(yes.includes(word));
      }
      throw new UsageError(`${what} asks for a bool: say true or false instead of ${JSON.stringify(text)}`);
    }
    case "int":
      if (/^[+-]?\d+$/.test(text) && BigInt.asIntN(64, BigInt(text)) === BigInt(text)) {
        return toValue(BigInt(text));
      }
      throw new UsageError(
        `${what} asks for an int, a whole number of 64 bits, instead of ${JSON.stringify(text)}`,
      );
    case "float":
      if (text.trim() !== "" && (!Number.isNaN(Number(text)) || /^nan$/i.test(text))) {
        return toValueOfType(Number(text), "float");
      }
      throw new UsageError(`${what} asks for a float, a number, instead of ${JSON.stringify(text)}`);
    case "string":
      return toValue(text);
    case "json":
      return toValueOfType(parseJson(text, `${what} asks for JSON`), "json");
  }
}

/** Reads a value of no declared type: a JSON literal is what it says, anything else is text. */
export function parseLiteral(text: string): ValueMessage {
  return toValue(parseLiteralJs(text));
}

/**
 * The same as a JavaScript value. Whole numbers keep all their digits, and what would lose some as a number
 * stays text: `1.10` is no number, since it would become 1.1.
 */
export function parseLiteralJs(text: string): JsValue {
  if (/^-?(0|[1-9]\d*)$/.test(text) && BigInt.asIntN(64, BigInt(text)) === BigInt(text)) {
    return BigInt(text);
  }
  try {
    const value = JSON.parse(text) as JsValue;
    return typeof value === "number" && String(value) !== text ? text : value;
  } catch {
    return text;
  }
}

/** Parses JSON, or says with `what` that it is none. */
export function parseJson(text: string, what: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new UsageError(`${what}, and this is no JSON: ${why}`);
  }
}
