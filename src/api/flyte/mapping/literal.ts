import { create } from "@bufbuild/protobuf";
import { type Literal, LiteralSchema, type Primitive } from "../../../../gen/flyteidl2/core/literals_pb.ts";
import { type LiteralType, LiteralTypeSchema, SimpleType } from "../../../../gen/flyteidl2/core/types_pb.ts";
import type { Value, ValueType } from "../../../core/value.ts";

const simpleTypes: Readonly<Record<ValueType, SimpleType>> = {
  bool: SimpleType.BOOLEAN,
  int: SimpleType.INTEGER,
  float: SimpleType.FLOAT,
  string: SimpleType.STRING,
  json: SimpleType.STRUCT,
};

/** The type of a condition's answer. JSON is a struct, which Flyte's clients can read and not send. */
export function toLiteralType(type: ValueType): LiteralType {
  return create(LiteralTypeSchema, { type: { case: "simple", value: simpleTypes[type] } });
}

/** An answer. JSON is given as its text; undefined for what is no plain value. */
export function toLiteral(value: Value): Literal | undefined {
  const primitive = toPrimitive(value);
  if (primitive === undefined) return undefined;
  return create(LiteralSchema, {
    value: {
      case: "scalar",
      value: { value: { case: "primitive", value: { value: primitive } } },
    },
  });
}

function toPrimitive(value: Value): Primitive["value"] | undefined {
  switch (value.kind) {
    case "bool":
      return { case: "boolean", value: value.value };
    case "int":
      return { case: "integer", value: BigInt(value.value) };
    case "float":
      return { case: "floatValue", value: Number(value.value) };
    case "string":
      return { case: "stringValue", value: value.value };
    case "json":
      return { case: "stringValue", value: JSON.stringify(value.value) };
    default:
      return undefined;
  }
}
