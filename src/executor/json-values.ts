import { type JsValue, type JsValues, Reference } from "../worker/worker.ts";

/**
 * How values stand in the files of a program. JSON has no words for three kinds of them, which are objects
 * with one field of a name of its own:
 *
 * - bytes: `{"$bytes": "aGk="}`, in base64;
 * - what is kept elsewhere: `{"$reference": {"uri": …, "sha256": …, "size_bytes": …}}`;
 * - floats that JSON has not: `{"$float": "NaN"}`, `"Infinity"` or `"-Infinity"`.
 *
 * They are read and written at the top of an input or output, and not inside of lists and objects. Whole
 * numbers of 64 bits keep all their digits.
 */

/** One value as JSON text. */
export function toJsonText(value: JsValue): string {
  return JSON.stringify(toJson(value));
}

/** Inputs by name as the text of a JSON object. */
export function toJsonObjectText(values: JsValues): string {
  return JSON.stringify(Object.fromEntries(Object.entries(values).map(([name, one]) => [name, toJson(one)])));
}

/** Outputs by name out of the text of a JSON object. Throws a TypeError that says what is wrong with it. */
export function fromJsonObjectText(text: string): Record<string, unknown> {
  let hasBig = false;
  const read = (_: string, value: unknown, context?: { readonly source?: string }): unknown => {
    const source = context?.source ?? "";
    if (typeof value !== "number" || Number.isSafeInteger(value) || !/^-?\d+$/.test(source)) return value;
    hasBig = true;
    return BigInt(source);
  };
  let parsed: unknown;
  try {
    parsed = JSON.parse(text, read);
  } catch (error) {
    throw new TypeError(`it holds no JSON: ${error instanceof Error ? error.message : String(error)}`);
  }
  if (typeof parsed !== "object" || parsed === null || Array.isArray(parsed)) {
    throw new TypeError("it holds JSON that is no object with the outputs by name");
  }
  return Object.fromEntries(
    Object.entries(parsed).map(([name, value]: [string, unknown]) => [name, fromJson(name, value, hasBig)]),
  );
}

function toJson(value: JsValue): unknown {
  if (typeof value === "bigint") {
    return (JSON as unknown as { rawJSON(text: string): unknown }).rawJSON(String(value));
  }
  if (typeof value === "number" && !Number.isFinite(value)) {
    return { $float: String(value) };
  }
  if (value instanceof Uint8Array) {
    return { $bytes: Buffer.from(value).toString("base64") };
  }
  if (value instanceof Reference) {
    return { $reference: { uri: value.uri, sha256: value.sha256, size_bytes: value.sizeBytes } };
  }
  return value;
}

function fromJson(name: string, value: unknown, hasBig: boolean): unknown {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    return hasBig && Array.isArray(value) ? withoutBig(value) : value;
  }
  const [[kind, content] = ["", undefined], ...others] = Object.entries(value) as [string, unknown][];
  if (others.length === 0 && kind === "$bytes" && typeof content === "string") {
    return new Uint8Array(Buffer.from(content, "base64"));
  }
  if (others.length === 0 && kind === "$float" && /^(NaN|-?Infinity)$/.test(String(content))) {
    return Number(content);
  }
  if (others.length === 0 && kind === "$reference") {
    return readReference(name, content);
  }
  return hasBig ? withoutBig(value) : value;
}

function readReference(name: string, content: unknown): Reference {
  const { uri, sha256 = "", size_bytes: sizeBytes = 0 } = (content ?? {}) as Record<string, unknown>;
  if (typeof uri !== "string" || typeof sha256 !== "string" || !Number.isSafeInteger(sizeBytes)) {
    throw new TypeError(`the output ${name} is to be a $reference with uri, sha256 and size_bytes`);
  }
  return new Reference({ uri, sha256, sizeBytes: Number(sizeBytes) });
}

/** Inside of lists and objects a number is a float, whatever its digits. */
function withoutBig(value: unknown): unknown {
  if (typeof value === "bigint") return Number(value);
  if (Array.isArray(value)) return value.map(withoutBig);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, field]) => [name, withoutBig(field)]));
}
