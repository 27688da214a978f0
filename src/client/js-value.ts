import { create, type JsonObject, type JsonValue } from "@bufbuild/protobuf";
import { type Value as Json, ValueSchema as JsonSchema, NullValue } from "@bufbuild/protobuf/wkt";
import {
  type Value,
  ValueSchema,
  type ValueType,
  ValueType as ValueTypes,
} from "../../gen/signalbox/v1/value_pb.ts";

/**
 * How JavaScript values and Signalbox values stand for each other, for the client and the worker alike.
 *
 * | JavaScript | Signalbox | and back |
 * |--|--|--|
 * | `null` | null | `null` |
 * | `boolean` | bool | `boolean` |
 * | `bigint` (64 bits) | int | `number` where it is safe, else `bigint` |
 * | `number` without a fraction, safe | int | `number` |
 * | any other `number`, and `-0` | float | `number` |
 * | `string` | string | `string` |
 * | `Uint8Array` | bytes | `Uint8Array` |
 * | plain object, array | JSON | plain object, array |
 * | `Reference` | reference | `Reference` |
 *
 * JavaScript has one type for `1` and `1.0`, so a float without a fraction becomes an int; every place of
 * Signalbox that wants a float takes an int for it. Where the type matters (the answer to a condition), use
 * `toValueOfType`. Nothing else is converted: a Date, a Map, a function or an instance of a class is a
 * TypeError that says where.
 */
export type JsValue = JsonValue | bigint | Uint8Array | Reference;

/** Inputs or outputs by name. */
export type JsValues = Record<string, JsValue>;

/** Where something larger than 1 MiB is kept, and how to tell that it is the one meant. */
export class Reference {
  /** A URI that its readers understand; at most 2,048 characters. */
  readonly uri: string;
  /** The SHA-256 of the content in lower-case hexadecimal digits; empty if it is not known. */
  readonly sha256: string;
  /** The size of the content in bytes; 0 if it is not known. */
  readonly sizeBytes: number;

  constructor({ uri, sha256 = "", sizeBytes = 0 }: { uri: string; sha256?: string; sizeBytes?: number }) {
    this.uri = uri;
    this.sha256 = sha256;
    this.sizeBytes = sizeBytes;
  }
}

/** The types a condition can ask for, as JavaScript code names them. */
export type ConditionType = "bool" | "int" | "float" | "string" | "json";

/** What the answer to a condition of a type is in JavaScript. */
export interface AnswerByType {
  bool: boolean;
  /** A `bigint` only where a number is not exact: beyond 2^53. */
  int: number | bigint;
  float: number;
  string: string;
  json: JsonValue;
}

/** The wire's name of each type. */
export const valueTypeByName = {
  bool: ValueTypes.BOOL,
  int: ValueTypes.INT,
  float: ValueTypes.FLOAT,
  string: ValueTypes.STRING,
  json: ValueTypes.JSON,
} as const satisfies Record<ConditionType, ValueType>;

/** 30 levels of JSON: each costs three of the 100 levels that protobuf readers in most languages accept. */
export const jsonLevelsMax = 30;

/**
 * Turns a JavaScript value into a Signalbox value. `place` is named in the TypeError or RangeError of what
 * cannot be.
 */
export function toValue(value: unknown, place = "the value"): Value {
  return create(ValueSchema, { kind: toKind(value, place) });
}

/** Turns each named JavaScript value into a Signalbox value. Names whose value is undefined are left out. */
export function toValues(
  values: Readonly<Record<string, unknown>>,
  place = "the value",
): Record<string, Value> {
  const named = Object.entries(values).filter(([, value]) => value !== undefined);
  return Object.fromEntries(named.map(([name, value]) => [name, toValue(value, `${place} ${name}`)]));
}

/** Turns a JavaScript value into a Signalbox value of the very type: `5` as a float, `"yes"` as JSON. */
export function toValueOfType(value: unknown, type: ConditionType, place = "the value"): Value {
  if (type === "json") {
    return create(ValueSchema, { kind: { case: "jsonValue", value: toJson(value, place, 0) } });
  }
  const kind = toKind(value, place);
  if (type === "float" && typeof value === "number") {
    return create(ValueSchema, { kind: { case: "floatValue", value } });
  }
  if (kind.case !== `${type}Value`) {
    throw new TypeError(`${place} is to be a ${type} and is ${describe(value)}`);
  }
  return create(ValueSchema, { kind });
}

/**
 * Turns a Signalbox value into a JavaScript value; see `JsValue`. A value of a kind that is not known is
 * `null`.
 */
export function fromValue(value: Value): JsValue {
  const { kind } = value;
  switch (kind.case) {
    case "boolValue":
    case "floatValue":
    case "stringValue":
    case "bytesValue":
      return kind.value;
    case "intValue":
      return fromInt(kind.value);
    case "jsonValue":
      return fromJson(kind.value);
    case "reference": {
      const { uri, sha256, sizeBytes } = kind.value;
      return new Reference({ uri, sha256, sizeBytes: Number(sizeBytes) });
    }
    case "nullValue":
    case undefined:
      return null;
  }
}

/** Turns each named Signalbox value into a JavaScript value. */
export function fromValues(values: Readonly<Record<string, Value>>): JsValues {
  return Object.fromEntries(Object.entries(values).map(([name, value]) => [name, fromValue(value)]));
}

/** True for `{…}` and what `Object.create(null)` makes; not for arrays and instances of classes. */
export function isPlainObject(value: unknown): value is Record<string, unknown> {
  if (typeof value !== "object" || value === null) {
    return false;
  }
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === null || Object.getPrototypeOf(prototype) === null;
}

type Kind = Exclude<Value["kind"], { case: undefined }>;

function toKind(value: unknown, place: string): Kind {
  switch (typeof value) {
    case "boolean":
      return { case: "boolValue", value };
    case "string":
      return { case: "stringValue", value };
    case "bigint":
      if (BigInt.asIntN(64, value) !== value) {
        throw new RangeError(`${place} is ${value}, which does not fit 64 bits`);
      }
      return { case: "intValue", value };
    case "number":
      return Number.isSafeInteger(value) && !Object.is(value, -0)
        ? { case: "intValue", value: BigInt(value) }
        : { case: "floatValue", value };
    default:
      return toObjectKind(value, place);
  }
}

function toObjectKind(value: unknown, place: string): Kind {
  if (value === null) {
    return { case: "nullValue", value: NullValue.NULL_VALUE };
  }
  if (value instanceof Uint8Array) {
    return { case: "bytesValue", value };
  }
  if (value instanceof Reference) {
    const { uri, sha256, sizeBytes } = value;
    const reference = {
      $typeName: "signalbox.v1.ValueReference",
      uri,
      sha256,
      sizeBytes: BigInt(sizeBytes),
    } as const;
    return { case: "reference", value: reference };
  }
  return { case: "jsonValue", value: toJson(value, place, 0) };
}

function toJson(value: unknown, place: string, level: number): Json {
  if (level > jsonLevelsMax) {
    throw new RangeError(`${place} is nested deeper than ${jsonLevelsMax} levels`);
  }
  if (value === null) {
    return create(JsonSchema, { kind: { case: "nullValue", value: NullValue.NULL_VALUE } });
  }
  if (typeof value === "boolean") {
    return create(JsonSchema, { kind: { case: "boolValue", value } });
  }
  if (typeof value === "string") {
    return create(JsonSchema, { kind: { case: "stringValue", value } });
  }
  if (typeof value === "number" && Number.isFinite(value)) {
    return create(JsonSchema, { kind: { case: "numberValue", value } });
  }
  if (Array.isArray(value)) {
    const values = value.map((element, index) => toJson(element, `${place}[${index}]`, level + 1));
    return create(JsonSchema, { kind: { case: "listValue", value: { values } } });
  }
  if (isPlainObject(value)) {
    const present = Object.entries(value).filter(([, field]) => field !== undefined);
    const fields = present.map(
      ([name, field]) => [name, toJson(field, `${place}.${name}`, level + 1)] as const,
    );
    return create(JsonSchema, {
      kind: { case: "structValue", value: { fields: Object.fromEntries(fields) } },
    });
  }
  throw new TypeError(`${place} is ${describe(value)}, which no value stands for`);
}

function fromJson(json: Json): JsonValue {
  const { kind } = json;
  switch (kind.case) {
    case "boolValue":
    case "numberValue":
    case "stringValue":
      return kind.value;
    case "listValue":
      return kind.value.values.map(fromJson);
    case "structValue": {
      const fields = Object.entries(kind.value.fields).map(
        ([name, field]) => [name, fromJson(field)] as const,
      );
      return Object.fromEntries(fields) satisfies JsonObject;
    }
    case "nullValue":
    case undefined:
      return null;
  }
}

function fromInt(value: bigint): number | bigint {
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : value;
}

function describe(value: unknown): string {
  if (typeof value === "object" && value !== null) {
    return Array.isArray(value) ? "a list" : `a ${value.constructor?.name ?? "object"}`;
  }
  return typeof value === "bigint" ? `the bigint ${value}` : `${String(value)} (${typeof value})`;
}
