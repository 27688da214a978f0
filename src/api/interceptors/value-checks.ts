import type { DescEnum, DescMessage, Message } from "@bufbuild/protobuf";
import { isFieldSet } from "@bufbuild/protobuf";
import type { Duration } from "@bufbuild/protobuf/wkt";
import { type FieldRules, FieldRulesSchema } from "@bufbuild/protovalidate/gen/buf/validate/validate_pb.js";

/** True only if a value is sure to keep its rules. */
export type Check = (value: unknown) => boolean;

/** The rules of one type, as a field's option says them. */
export type Rules = FieldRules["type"];

/** Rules that say something. */
export type SaidRules = Exclude<Rules, { readonly case: undefined }>;

/** What rules say by name; undefined if they say something that is not among `known`. */
export function saidBy(
  rules: SaidRules,
  known: readonly string[],
): Readonly<Record<string, unknown>> | undefined {
  const schema = schemaOf(rules);
  const message = rules.value as Message & Readonly<Record<string, unknown>>;
  if (schema === undefined || message.$unknown !== undefined) return undefined;
  const said: Record<string, unknown> = {};
  for (const field of schema.fields) {
    if (!isFieldSet(message as never, field)) continue;
    if (!known.includes(field.localName)) return undefined;
    const { oneof, localName } = field;
    said[localName] =
      oneof === undefined
        ? message[localName]
        : (message[oneof.localName] as { readonly value: unknown }).value;
  }
  return said;
}

function schemaOf(rules: SaidRules): DescMessage | undefined {
  return FieldRulesSchema.fields.find(({ localName }) => localName === rules.case)?.message;
}

const never: Check = () => false;

/** The check of a scalar or an enum. */
export function checkOfScalar(rules: SaidRules, enumeration: DescEnum | undefined): Check {
  switch (rules.case) {
    case "string":
      return checkOfString(saidBy(rules, ["minLen", "maxLen", "maxBytes", "pattern"]));
    case "bytes":
      return checkOfBytes(saidBy(rules, ["minLen", "maxLen"]));
    case "int32":
    case "uint32":
    case "int64":
    case "uint64":
    case "float":
    case "double":
      return checkOfNumber(saidBy(rules, ["gt", "gte", "lt", "lte"]));
    case "enum":
      return checkOfEnum(saidBy(rules, ["definedOnly", "notIn"]), enumeration);
    default:
      return never;
  }
}

type Said = Readonly<Record<string, unknown>> | undefined;

/**
 * Lengths count characters, of which two UTF-16 units or three bytes may be one: so the bounds are taken
 * strictly.
 */
function checkOfString(said: Said): Check {
  if (said === undefined) return never;
  const unitsMin = Number(said["minLen"] ?? 0) * 2 - 1;
  const unitsMax = Number(said["maxLen"] ?? Number.POSITIVE_INFINITY);
  const bytesMax = Number(said["maxBytes"] ?? Number.POSITIVE_INFINITY);
  // What the contract's patterns say means the same in RE2, and none of them can be made to backtrack.
  const pattern = said["pattern"] === undefined ? undefined : new RegExp(said["pattern"] as string, "u");
  return (value) => {
    const { length } = value as string;
    if (length < unitsMin || length > unitsMax || length * 3 > bytesMax) return false;
    return pattern === undefined || pattern.test(value as string);
  };
}

function checkOfBytes(said: Said): Check {
  if (said === undefined) return never;
  const bytesMin = Number(said["minLen"] ?? 0);
  const bytesMax = Number(said["maxLen"] ?? Number.POSITIVE_INFINITY);
  return (value) => {
    const { byteLength } = value as Uint8Array;
    return byteLength >= bytesMin && byteLength <= bytesMax;
  };
}

/** Numbers and bigints compare with each other; NaN is within no bounds. */
function checkOfNumber(said: Said): Check {
  if (said === undefined) return never;
  const { gt, gte, lt, lte } = said as Readonly<Record<string, number | bigint | undefined>>;
  return (number) => {
    const value = number as number | bigint;
    return (
      (gt === undefined || value > gt) &&
      (gte === undefined || value >= gte) &&
      (lt === undefined || value < lt) &&
      (lte === undefined || value <= lte)
    );
  };
}

function checkOfEnum(said: Said, enumeration: DescEnum | undefined): Check {
  if (said === undefined || enumeration === undefined) return never;
  const denied = new Set((said["notIn"] ?? []) as readonly number[]);
  const isClosed = said["definedOnly"] === true;
  const allowed = new Set(enumeration.values.map(({ number }) => number));
  return (value) => !denied.has(value as number) && (!isClosed || allowed.has(value as number));
}

/** The check of a message that has rules as a whole: only durations have. */
export function checkOfMessage(rules: SaidRules): Check {
  const said = rules.case === "duration" ? saidBy(rules, ["gt", "gte", "lt", "lte"]) : undefined;
  if (said === undefined) return never;
  const bounds = Object.fromEntries(
    Object.entries(said).map(([name, bound]) => [name, nanosOf(bound as Duration)]),
  );
  const check = checkOfNumber(bounds);
  return (value) => check(nanosOf(value as Duration));
}

function nanosOf({ seconds, nanos }: Duration): bigint {
  return seconds * 1_000_000_000n + BigInt(nanos);
}
