import { create } from "@bufbuild/protobuf";
import { type Literal, LiteralSchema, type Primitive } from "../../../../gen/flyteidl2/core/literals_pb.ts";
import { type LiteralType, LiteralTypeSchema, SimpleType } from "../../../../gen/flyteidl2/core/types_pb.ts";
import type { EventPayload } from "../../../../gen/flyteidl2/workflow/run_service_pb.ts";
import type { Value, ValueType } from "../../../core/value.ts";
import { fromFloat } from "../../mapping/from-proto-value.ts";

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

/** The answer that SignalEvent sends; undefined for none. */
export function fromPayload(payload: EventPayload | undefined): Value | undefined {
  return fromPlain(payload?.value.value);
}

/** The answer that a literal holds; undefined for one that is no plain value of the four types. */
export function fromLiteral(literal: Literal | undefined): Value | undefined {
  if (literal?.value.case !== "scalar" || literal.value.value.value.case !== "primitive") return undefined;
  return fromPlain(literal.value.value.value.value.value.value);
}

/** What is set of a oneof, by the type that protobuf has for it. Points in time and lengths are messages. */
function fromPlain(value: unknown): Value | undefined {
  switch (typeof value) {
    case "boolean":
      return { kind: "bool", value };
    case "bigint":
      return { kind: "int", value: value.toString() };
    case "number":
      return { kind: "float", value: fromFloat(value) };
    case "string":
      return { kind: "string", value };
    default:
      return undefined;
  }
}
