import type { JsonValue } from "@bufbuild/protobuf";
import { create, fromJson } from "@bufbuild/protobuf";
import { ValueSchema as JsonSchema } from "@bufbuild/protobuf/wkt";
import { type Value, ValueSchema } from "../../../gen/signalbox/v1/value_pb.ts";
import { asJson, type Json } from "../../core/value.ts";
import { Faults } from "../mapping/faults.ts";
import { fromValue } from "../mapping/from-proto-value.ts";

/** Collects what is wrong with a body, to say all of it at once. */
export class FieldFaults {
  readonly faults: string[] = [];

  /** The field as a text; undefined if it is missing or null. */
  text(body: Readonly<Record<string, unknown>>, name: string): string | undefined {
    return this.#of(body, name, "a text", (value) => typeof value === "string") as string | undefined;
  }

  /** The field as a whole number of at least `min`; undefined if it is missing or null. */
  integer(body: Readonly<Record<string, unknown>>, name: string, min = 0): number | undefined {
    const words = `a whole number of at least ${min}`;
    const isOne = (value: unknown) => Number.isSafeInteger(value) && Number(value) >= min;
    return this.#of(body, name, words, isOne) as number | undefined;
  }

  flag(body: Readonly<Record<string, unknown>>, name: string): boolean | undefined {
    return this.#of(body, name, "true or false", (value) => typeof value === "boolean") as
      | boolean
      | undefined;
  }

  /** The field as an object; an empty one if it is missing or null. */
  object(body: Readonly<Record<string, unknown>>, name: string): Readonly<Record<string, unknown>> {
    const isOne = (value: unknown) => typeof value === "object" && !Array.isArray(value);
    return (this.#of(body, name, "an object", isOne) ?? {}) as Readonly<Record<string, unknown>>;
  }

  #of(
    body: Readonly<Record<string, unknown>>,
    name: string,
    words: string,
    isOne: (value: unknown) => boolean,
  ): unknown {
    const value = body[name];
    if (value === undefined || value === null) return undefined;
    if (isOne(value)) return value;
    this.faults.push(`${name} must be ${words}`);
    return undefined;
  }
}

/** JSON values by name as values of the contract: whole numbers are ints, objects and lists are JSON. */
export function toValues(json: Readonly<Record<string, unknown>>): Record<string, Value> {
  return Object.fromEntries(Object.entries(json).map(([name, value]) => [name, toValue(value as JsonValue)]));
}

/** Values of the contract by name as JSON. */
export function toPlain(values: Readonly<Record<string, Value>>): Readonly<Record<string, Json>> {
  const faults = new Faults();
  const plain = Object.entries(values).map(
    ([name, value]) => [name, asJson(fromValue(value, faults))] as const,
  );
  return Object.fromEntries(plain);
}

/** One JSON value as a value of the contract. */
export function toValue(json: JsonValue): Value {
  switch (typeof json) {
    case "string":
      return create(ValueSchema, { kind: { case: "stringValue", value: json } });
    case "boolean":
      return create(ValueSchema, { kind: { case: "boolValue", value: json } });
    case "number":
      return Number.isSafeInteger(json)
        ? create(ValueSchema, { kind: { case: "intValue", value: BigInt(json) } })
        : create(ValueSchema, { kind: { case: "floatValue", value: json } });
    default:
      return json === null
        ? create(ValueSchema, { kind: { case: "nullValue", value: 0 } })
        : create(ValueSchema, { kind: { case: "jsonValue", value: fromJson(JsonSchema, json) } });
  }
}
