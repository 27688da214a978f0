import type { JsonObject, MessageInitShape } from "@bufbuild/protobuf";
import {
  type InputSpec,
  type InputSpecSchema,
  type OutputSpec,
  type OutputSpecSchema,
  SpecType as SpecTypes,
} from "../../../gen/signalbox/v1/op_pb.ts";
import { fromValue, type JsValue, toValue } from "../js-value.ts";
import { withoutUndefined } from "../without-undefined.ts";

/** The types of inputs and outputs. */
export type SpecType = "string" | "int" | "float" | "bool" | "object" | "array" | "any";

/** What one input must be. */
export interface NewInputSpec {
  readonly type: SpecType;
  /** True unless said. */
  readonly required?: boolean;
  /** What it is when it is not given, required or not. */
  readonly default?: JsValue;
  readonly description?: string;
  /** More about it, as JSON Schema (2020-12) of its plain JSON form. */
  readonly schema?: JsonObject;
}

/** What one output must be. */
export interface NewOutputSpec {
  readonly type: SpecType;
  readonly description?: string;
  /** More about it, as JSON Schema (2020-12) of its plain JSON form. */
  readonly schema?: JsonObject;
}

const numberByType = {
  string: SpecTypes.STRING,
  int: SpecTypes.INT,
  float: SpecTypes.FLOAT,
  bool: SpecTypes.BOOL,
  object: SpecTypes.OBJECT,
  array: SpecTypes.ARRAY,
  any: SpecTypes.ANY,
} as const satisfies Record<SpecType, SpecTypes>;

/** The words for the types, in the order of the contract. */
export const specTypes = Object.keys(numberByType) as readonly SpecType[];

const typeByNumber = new Map(specTypes.map((type) => [numberByType[type] as number, type]));

/** The messages for input specs, by name. */
export function toInputSpecs(
  specs: Readonly<Record<string, NewInputSpec>>,
): Record<string, MessageInitShape<typeof InputSpecSchema>> {
  return mapped(specs, ({ type, required, default: value, description = "", schema }, name) =>
    withoutUndefined({
      type: numberByType[type],
      description,
      required,
      defaultValue: value === undefined ? undefined : toValue(value, `the default of ${name}`),
      schema,
    }),
  );
}

/** The messages for output specs, by name. */
export function toOutputSpecs(
  specs: Readonly<Record<string, NewOutputSpec>>,
): Record<string, MessageInitShape<typeof OutputSpecSchema>> {
  return mapped(specs, ({ type, description = "", schema }) =>
    withoutUndefined({ type: numberByType[type], description, schema }),
  );
}

/** Input specs as plain values. */
export function fromInputSpecs(
  specs: Readonly<Record<string, InputSpec>>,
): Readonly<Record<string, NewInputSpec>> {
  return mapped(specs, ({ type, required, defaultValue, description, schema }) =>
    withoutUndefined({
      type: typeByNumber.get(type) ?? "any",
      required: required ?? true,
      default: defaultValue === undefined ? undefined : fromValue(defaultValue),
      description: description || undefined,
      schema,
    }),
  );
}

/** Output specs as plain values. */
export function fromOutputSpecs(
  specs: Readonly<Record<string, OutputSpec>>,
): Readonly<Record<string, NewOutputSpec>> {
  return mapped(specs, ({ type, description, schema }) =>
    withoutUndefined({
      type: typeByNumber.get(type) ?? "any",
      description: description || undefined,
      schema,
    }),
  );
}

function mapped<From, To>(
  record: Readonly<Record<string, From>>,
  of: (value: From, name: string) => To,
): Record<string, To> {
  return Object.fromEntries(Object.entries(record).map(([name, value]) => [name, of(value, name)]));
}
