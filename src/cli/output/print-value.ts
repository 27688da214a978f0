import { type JsValue, Reference } from "../../client/js-value.ts";

/** A value on one line, for people. */
export function printValue(value: JsValue): string {
  if (typeof value === "string") {
    return value;
  }
  if (value instanceof Uint8Array) {
    return `${value.byteLength} bytes`;
  }
  if (value instanceof Reference) {
    return `${value.uri} (${value.sizeBytes} bytes)`;
  }
  return typeof value === "bigint" ? String(value) : JSON.stringify(value);
}

/** Named values on one line: `lines=12 path=a.txt`. */
export function printValues(values: Readonly<Record<string, JsValue>>): string {
  return Object.entries(values)
    .map(([name, value]) => `${name}=${printValue(value)}`)
    .join(" ");
}

/** A number as a place in a row: 1st, 2nd, 3rd, 4th. */
export function ordinal(number: number): string {
  const tens = number % 100;
  const ending = tens >= 11 && tens <= 13 ? "th" : (["th", "st", "nd", "rd"][number % 10] ?? "th");
  return `${number}${ending}`;
}
