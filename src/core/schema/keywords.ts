import type { Json } from "../value.ts";
import { below, type Fault, isObject, type JsonObject } from "./fault.ts";

const types = ["null", "boolean", "object", "array", "number", "string", "integer"];
const draft = /^https?:\/\/json-schema\.org\/draft\/2020-12\/schema#?$/;

/** What the value of a keyword must be, as a test and in words. */
const forms: Readonly<Record<string, readonly [test: (value: Json) => boolean, must: string]>> = {
  $schema: [(value) => typeof value === "string" && draft.test(value), "be that of the draft 2020-12"],
  $id: [isText, "be a text"],
  $ref: [isText, "be a text"],
  $dynamicRef: [isText, "be a text"],
  $anchor: [isAnchor, "be a name"],
  $dynamicAnchor: [isAnchor, "be a name"],
  $defs: [isObject, "be schemas by name"],
  definitions: [isObject, "be schemas by name"],
  type: [isType, `be one of ${types.join(", ")}, or a list of some of them`],
  enum: [(value) => Array.isArray(value), "be a list"],
  multipleOf: [(value) => typeof value === "number" && value > 0, "be a number above 0"],
  maximum: [isNumber, "be a number"],
  exclusiveMaximum: [isNumber, "be a number"],
  minimum: [isNumber, "be a number"],
  exclusiveMinimum: [isNumber, "be a number"],
  maxLength: [isCount, "be a whole number, 0 or more"],
  minLength: [isCount, "be a whole number, 0 or more"],
  pattern: [isText, "be a text"],
  maxItems: [isCount, "be a whole number, 0 or more"],
  minItems: [isCount, "be a whole number, 0 or more"],
  uniqueItems: [isFlag, "be true or false"],
  maxContains: [isCount, "be a whole number, 0 or more"],
  minContains: [isCount, "be a whole number, 0 or more"],
  maxProperties: [isCount, "be a whole number, 0 or more"],
  minProperties: [isCount, "be a whole number, 0 or more"],
  required: [isNames, "be a list of names"],
  dependentRequired: [(value) => isObject(value) && Object.values(value).every(isNames), "be lists of names"],
  format: [isText, "be a text"],
  allOf: [isFilledList, "be a list with at least one schema"],
  anyOf: [isFilledList, "be a list with at least one schema"],
  oneOf: [isFilledList, "be a list with at least one schema"],
  prefixItems: [isFilledList, "be a list with at least one schema"],
  items: [(value) => !Array.isArray(value), "be one schema; a list of them is called prefixItems"],
  properties: [isObject, "be schemas by name"],
  patternProperties: [isObject, "be schemas by pattern"],
  dependentSchemas: [isObject, "be schemas by name"],
};

/** What is wrong with the keywords of one schema, those of the schemas in it left aside. */
export function keywordFaults(schema: JsonObject, pointer: string): readonly Fault[] {
  const faults: Fault[] = [];
  for (const [keyword, value] of Object.entries(schema)) {
    const form = Object.hasOwn(forms, keyword) ? forms[keyword] : undefined;
    if (form === undefined || form[0](value)) continue;
    faults.push({ pointer: below(pointer, keyword), description: `must ${form[1]}` });
  }
  return faults;
}

function isText(value: Json): boolean {
  return typeof value === "string";
}

function isAnchor(value: Json): boolean {
  return typeof value === "string" && /^[A-Za-z_][-A-Za-z0-9._]*$/.test(value);
}

function isType(value: Json): boolean {
  if (typeof value === "string") return types.includes(value);
  return (
    Array.isArray(value) &&
    value.length > 0 &&
    value.every((item: Json) => typeof item === "string" && types.includes(item))
  );
}

function isNumber(value: Json): boolean {
  return typeof value === "number";
}

function isCount(value: Json): boolean {
  return typeof value === "number" && Number.isInteger(value) && value >= 0;
}

function isFlag(value: Json): boolean {
  return typeof value === "boolean";
}

function isNames(value: Json): boolean {
  return Array.isArray(value) && value.every((item: Json) => typeof item === "string");
}

function isFilledList(value: Json): boolean {
  return Array.isArray(value) && value.length > 0;
}
