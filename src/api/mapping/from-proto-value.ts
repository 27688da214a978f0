import type { Value as JsonMessage } from "@bufbuild/protobuf/wkt";
import type { Value as ValueMessage } from "../../../gen/signalbox/v1/value_pb.ts";
import type { Json, Value, Values } from "../../core/value.ts";
import { jsonDepthMax, valueSizeBytesMax } from "../../limits.ts";
import type { Faults } from "./faults.ts";

const nothing: Value = { kind: "null" };

/**
 * A value of a request. Its faults: no kind, or JSON that is too deep, too large, or says what JSON cannot.
 */
export function fromValue(message: ValueMessage, faults: Faults): Value {
  const { kind } = message;
  switch (kind.case) {
    case "nullValue":
      return nothing;
    case "boolValue":
      return { kind: "bool", value: kind.value };
    case "intValue":
      return { kind: "int", value: String(kind.value) };
    case "floatValue":
      return { kind: "float", value: fromFloat(kind.value) };
    case "stringValue":
      return { kind: "string", value: kind.value };
    case "bytesValue":
      return { kind: "bytes", value: Buffer.from(kind.value).toString("base64") };
    case "jsonValue":
      return { kind: "json", value: faults.within("json_value", () => fromJson(kind.value, faults)) };
    case "reference": {
      const { uri, sha256, sizeBytes } = kind.value;
      return { kind: "reference", uri, sha256, sizeBytes: String(sizeBytes) };
    }
    case undefined:
      faults.add("must have a kind");
      return nothing;
  }
}

/** Values by name. */
export function fromValues(
  field: string,
  map: Readonly<Record<string, ValueMessage>>,
  faults: Faults,
): Values {
  return faults.entries(field, map, (value) => fromValue(value, faults));
}

/** A number as values keep it: those that JSON has no digits for by their names. */
export function fromFloat(value: number): number | "NaN" | "Infinity" | "-Infinity" {
  if (Number.isFinite(value)) return value;
  if (Number.isNaN(value)) return "NaN";
  return value > 0 ? "Infinity" : "-Infinity";
}

/** A JSON document of a request, with the same faults as a value. */
export function fromJson(message: JsonMessage, faults: Faults): Json {
  const reader = new JsonReader();
  const json = reader.read(message, 1);
  if (reader.fault !== undefined) faults.add(reader.fault);
  return json;
}

/** Reads one document and stops looking deeper at its first fault: one says enough about a document. */
class JsonReader {
  fault: string | undefined;
  #sizeBytes = 0;

  read(message: JsonMessage, depth: number): Json {
    if (this.fault !== undefined) return null;
    if (depth > jsonDepthMax) return this.#fail(`must not be nested deeper than ${jsonDepthMax} levels`);
    this.#count(8);
    const { kind } = message;
    switch (kind.case) {
      case "nullValue":
        return null;
      case "boolValue":
        return kind.value;
      case "numberValue":
        return Number.isFinite(kind.value) ? kind.value : this.#fail("must not hold NaN or an infinity");
      case "stringValue":
        this.#count(kind.value.length);
        return kind.value;
      case "listValue":
        return kind.value.values.map((item) => this.read(item, depth + 1));
      case "structValue":
        // Not by assignment: a member may be named __proto__.
        return Object.fromEntries(
          Object.entries(kind.value.fields).map(([name, item]) => {
            this.#count(name.length);
            return [name, this.read(item, depth + 1)];
          }),
        );
      case undefined:
        return this.#fail("must not hold a value without a kind");
    }
  }

  #count(sizeBytes: number): void {
    this.#sizeBytes += sizeBytes;
    if (this.#sizeBytes > valueSizeBytesMax) {
      this.#fail(`must take at most ${valueSizeBytesMax} bytes; refer to what is larger`);
    }
  }

  #fail(description: string): null {
    this.fault ??= description;
    return null;
  }
}
