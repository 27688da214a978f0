/** Anything that JSON can say. */
export type Json = null | boolean | number | string | readonly Json[] | { readonly [name: string]: Json };

/**
 * One typed value. Its shape survives JSON as it stands: whole numbers are decimal strings (64 bits do not
 * fit a JavaScript number), bytes are base64, and the numbers JSON cannot say are named.
 */
export type Value =
  | { readonly kind: "null" }
  | { readonly kind: "bool"; readonly value: boolean }
  | { readonly kind: "int"; readonly value: string }
  | { readonly kind: "float"; readonly value: number | "NaN" | "Infinity" | "-Infinity" }
  | { readonly kind: "string"; readonly value: string }
  | { readonly kind: "bytes"; readonly value: string }
  | { readonly kind: "json"; readonly value: Json }
  | { readonly kind: "reference"; readonly uri: string; readonly sha256: string; readonly sizeBytes: string };

/** Values by name: inputs and outputs. */
export type Values = Readonly<Record<string, Value>>;

/** The type a condition asks its answer to have. */
export type ValueType = "bool" | "int" | "float" | "string" | "json";

/** The value as the type has it, or undefined if it does not fit. Only an int for a float is converted. */
export function fitted(value: Value, type: ValueType): Value | undefined {
  if (value.kind === type) return value;
  if (value.kind === "int" && type === "float") return { kind: "float", value: Number(value.value) };
  return undefined;
}

/** True if both are the same value of the same kind; the order of names in JSON objects does not matter. */
export function areEqual(one: Value, other: Value): boolean {
  return one.kind === other.kind && canonical(one) === canonical(other);
}

/** A text that is the same for equal values and for no others. */
export function canonical(value: unknown): string {
  if (typeof value === "string") return quoted(value);
  if (typeof value !== "object" || value === null) return JSON.stringify(value) ?? "null";
  let text = "";
  if (Array.isArray(value)) {
    for (const item of value) text += text === "" ? canonical(item) : `,${canonical(item)}`;
    return `[${text}]`;
  }
  const parts = value as Readonly<Record<string, unknown>>;
  for (const name of Object.keys(parts).sort()) {
    const part = parts[name];
    if (part !== undefined) text += `${text === "" ? "" : ","}${quoted(name)}:${canonical(part)}`;
  }
  return `{${text}}`;
}

/** A text as JSON has it. Most are short and have nothing to escape. */
function quoted(text: string): string {
  return text.length <= 64 && plainText.test(text) ? `"${text}"` : JSON.stringify(text);
}

const plainText = /^[ !#-[\]-~]*$/;

/** About how many bytes a value takes on the wire: the text it holds, and a little for the rest. */
export function sizeBytes(value: Value): number {
  switch (value.kind) {
    case "string":
      return textSizeBytes(value.value) + 8;
    case "bytes":
      return Math.floor((value.value.length * 3) / 4) + 8;
    case "json":
      return textSizeBytes(JSON.stringify(value.value)) + 8;
    case "reference":
      return textSizeBytes(value.uri) + 80;
    default:
      return 16;
  }
}

/** About how many bytes values take on the wire, names included. */
export function valuesSizeBytes(values: Values): number {
  let total = 0;
  for (const [name, value] of Object.entries(values)) total += textSizeBytes(name) + sizeBytes(value) + 8;
  return total;
}

/** How many bytes a text takes as UTF-8. */
export function textSizeBytes(text: string): number {
  let total = text.length;
  for (let index = 0; index < text.length; index += 1) {
    const unit = text.charCodeAt(index);
    if (unit < 0x80) continue;
    // Each half of a pair takes two of its four bytes.
    total += unit < 0x800 || (unit >= 0xd800 && unit <= 0xdfff) ? 1 : 2;
  }
  return total;
}

/** A value as plain JSON, for an input that takes all outputs of an action as one object. */
export function asJson(value: Value): Json {
  switch (value.kind) {
    case "null":
      return null;
    case "bool":
    case "float":
    case "string":
    case "bytes":
    case "json":
      return value.value;
    case "int":
      return Number.isSafeInteger(Number(value.value)) ? Number(value.value) : value.value;
    case "reference":
      return { uri: value.uri, sha256: value.sha256, sizeBytes: value.sizeBytes };
  }
}
