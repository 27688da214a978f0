import type { Value as JsonMessage, ListValue, Struct } from "@bufbuild/protobuf/wkt";
import { NullValue } from "@bufbuild/protobuf/wkt";
import type { Value as ValueMessage } from "../../../gen/signalbox/v1/value_pb.ts";
import type { Json, Value, Values } from "../../core/value.ts";

/** A value as a message. */
export function toValue(value: Value): ValueMessage {
  return { $typeName: "signalbox.v1.Value", kind: toKind(value) };
}

/** Values by name; nothing for undefined. */
export function toValues(values: Values | undefined): Record<string, ValueMessage> {
  const messages: Record<string, ValueMessage> = {};
  for (const name in values) messages[name] = toValue(values[name] as Value);
  return messages;
}

function toKind(value: Value): ValueMessage["kind"] {
  switch (value.kind) {
    case "null":
      return { case: "nullValue", value: NullValue.NULL_VALUE };
    case "bool":
      return { case: "boolValue", value: value.value };
    case "int":
      return { case: "intValue", value: BigInt(value.value) };
    case "float":
      return { case: "floatValue", value: Number(value.value) };
    case "string":
      return { case: "stringValue", value: value.value };
    case "bytes":
      return { case: "bytesValue", value: new Uint8Array(Buffer.from(value.value, "base64")) };
    case "json":
      return { case: "jsonValue", value: toJson(value.value) };
    case "reference": {
      const { uri, sha256, sizeBytes } = value;
      return {
        case: "reference",
        value: { $typeName: "signalbox.v1.ValueReference", uri, sha256, sizeBytes: BigInt(sizeBytes) },
      };
    }
  }
}

/** A JSON document as a message. */
export function toJson(json: Json): JsonMessage {
  return { $typeName: "google.protobuf.Value", kind: toJsonKind(json) };
}

function toJsonKind(json: Json): JsonMessage["kind"] {
  if (json === null) return { case: "nullValue", value: NullValue.NULL_VALUE };
  if (typeof json === "boolean") return { case: "boolValue", value: json };
  if (typeof json === "number") return { case: "numberValue", value: json };
  if (typeof json === "string") return { case: "stringValue", value: json };
  if (isList(json)) {
    const list: ListValue = { $typeName: "google.protobuf.ListValue", values: json.map(toJson) };
    return { case: "listValue", value: list };
  }
  const fields: Record<string, JsonMessage> = {};
  for (const name of Object.keys(json)) {
    const item = toJson(json[name] as Json);
    if (name !== "__proto__") fields[name] = item;
    // An assignment would be none of a member.
    else
      Object.defineProperty(fields, name, {
        value: item,
        enumerable: true,
        writable: true,
        configurable: true,
      });
  }
  const struct: Struct = { $typeName: "google.protobuf.Struct", fields };
  return { case: "structValue", value: struct };
}

function isList(json: Json): json is readonly Json[] {
  return Array.isArray(json);
}
