import { schemaBytesMax, schemaDepthMax } from "../../limits.ts";
import { type Json, textSizeBytes } from "../value.ts";
import { below, type Fault, isDeeper, isObject, type JsonObject } from "./fault.ts";
import { keywordFaults } from "./keywords.ts";
import { compilePattern, type Pattern } from "./pattern.ts";

/** A JSON Schema, read for checking values by it. */
export interface Schema {
  readonly root: Json;
  /** What each `$ref` and `$dynamicRef` in it means, by its text. */
  readonly targets: ReadonlyMap<string, Json>;
  readonly patterns: ReadonlyMap<string, Pattern>;
  /** Those schemas in it that ask others about the same value. */
  readonly nested: ReadonlySet<Json>;
  /** Whether something in it asks what the rest of it has looked at. */
  readonly asksForRest: boolean;
}

/** Schemas that were read, by the object that they were read from: nobody changes it. */
const known = new WeakMap<object, Schema | { readonly faults: readonly Fault[] }>();

/**
 * Reads a JSON Schema (draft 2020-12), or says all that is wrong with it: it is too large or too deep, a
 * keyword has not the form it must have, a reference leads nowhere, outside, or in a circle, or a pattern
 * cannot be used. Words that are no keywords say nothing, as the draft wants it.
 */
export function readSchema(json: Json): Schema | { readonly faults: readonly Fault[] } {
  if (!isObject(json)) return { faults: [{ pointer: "", description: "must be a JSON object" }] };
  const before = known.get(json);
  if (before !== undefined) return before;
  const read = boundFaults(json) ?? new SchemaReader(json).read();
  known.set(json, read);
  return read;
}

function boundFaults(json: Json): { readonly faults: readonly Fault[] } | undefined {
  if (isDeeper(json, schemaDepthMax)) {
    const description = `must not be nested deeper than ${schemaDepthMax} levels`;
    return { faults: [{ pointer: "", description }] };
  }
  const size = textSizeBytes(JSON.stringify(json));
  if (size <= schemaBytesMax) return undefined;
  const description = `takes ${size} bytes, more than ${schemaBytesMax}`;
  return { faults: [{ pointer: "", description }] };
}

/** Keywords whose value is one schema, those with a list of schemas, and those with schemas by name. */
const single = [
  "not",
  "if",
  "then",
  "else",
  "items",
  "contains",
  "additionalProperties",
  "propertyNames",
  "unevaluatedItems",
  "unevaluatedProperties",
  "contentSchema",
];
const listed = ["allOf", "anyOf", "oneOf", "prefixItems"];
const named = ["$defs", "definitions", "properties", "patternProperties", "dependentSchemas"];
/** Of these, the ones that look at the same value as the schema that they stand in. */
const inPlace = [
  "$ref",
  "$dynamicRef",
  "not",
  "if",
  "then",
  "else",
  "allOf",
  "anyOf",
  "oneOf",
  "dependentSchemas",
];

class SchemaReader {
  readonly #root: JsonObject;
  readonly #faults: Fault[] = [];
  readonly #targets = new Map<string, Json>();
  readonly #patterns = new Map<string, Pattern>();
  readonly #anchors = new Map<string, Json>();
  /** Every schema in it, with its place. */
  readonly #places = new Map<Json, string>();
  readonly #nested = new Set<Json>();
  #asksForRest = false;

  constructor(root: JsonObject) {
    this.#root = root;
  }

  read(): Schema | { readonly faults: readonly Fault[] } {
    this.#visit(this.#root, "");
    for (const [schema, pointer] of [...this.#places]) this.#resolve(schema, pointer);
    if (this.#faults.length === 0) this.#findCircles();
    if (this.#faults.length > 0) return { faults: this.#faults };
    return {
      root: this.#root,
      targets: this.#targets,
      patterns: this.#patterns,
      nested: this.#nested,
      asksForRest: this.#asksForRest,
    };
  }

  /** Looks at a schema and all that stand in it. */
  #visit(schema: Json | undefined, pointer: string): void {
    if (typeof schema === "boolean") return;
    if (!isObject(schema)) {
      this.#faults.push({ pointer, description: "must be a schema: a JSON object, true or false" });
      return;
    }
    if (this.#places.has(schema)) return;
    this.#places.set(schema, pointer);
    this.#faults.push(...keywordFaults(schema, pointer));
    if (inPlace.some((keyword) => schema[keyword] !== undefined)) this.#nested.add(schema);
    this.#noteNames(schema, pointer);
    this.#notePatterns(schema, pointer);
    for (const [keyword, part] of partsOf(schema)) this.#visit(part, `${pointer}${keyword}`);
  }

  #noteNames(schema: JsonObject, pointer: string): void {
    for (const keyword of ["$anchor", "$dynamicAnchor"]) {
      const name = schema[keyword];
      if (typeof name !== "string") continue;
      if (this.#anchors.has(name)) {
        this.#faults.push({ pointer: below(pointer, keyword), description: `${name} is there twice` });
      }
      this.#anchors.set(name, schema);
    }
    if (pointer !== "" && schema["$id"] !== undefined) {
      const description = "only the whole schema can have an $id; give a part of it an $anchor";
      this.#faults.push({ pointer: below(pointer, "$id"), description });
    }
    this.#asksForRest ||=
      schema["unevaluatedItems"] !== undefined || schema["unevaluatedProperties"] !== undefined;
  }

  #notePatterns(schema: JsonObject, pointer: string): void {
    const { pattern, patternProperties } = schema;
    if (typeof pattern === "string") this.#notePattern(pattern, below(pointer, "pattern"));
    if (!isObject(patternProperties)) return;
    for (const source of Object.keys(patternProperties)) {
      this.#notePattern(source, below(below(pointer, "patternProperties"), source));
    }
  }

  #notePattern(source: string, pointer: string): void {
    if (this.#patterns.has(source)) return;
    const pattern = compilePattern(source);
    if ("fault" in pattern) this.#faults.push({ pointer, description: `the pattern ${pattern.fault}` });
    else this.#patterns.set(source, pattern);
  }

  #resolve(schema: Json, pointer: string): void {
    for (const keyword of ["$ref", "$dynamicRef"]) {
      const reference = isObject(schema) ? schema[keyword] : undefined;
      if (typeof reference !== "string" || this.#targets.has(reference)) continue;
      const place = below(pointer, keyword);
      const found = this.#find(reference);
      if ("fault" in found) {
        this.#faults.push({ pointer: place, description: found.fault });
        continue;
      }
      const { target } = found;
      this.#targets.set(reference, target);
      // A reference may lead to where no keyword does, such as a part of `$defs` of a part of it.
      this.#visit(target, place);
      if (isObject(target) && this.#places.get(target) === place) this.#resolve(target, place);
    }
  }

  /** What a reference leads to, or why it leads nowhere. */
  #find(reference: string): { readonly target: Json } | { readonly fault: string } {
    const hash = reference.indexOf("#");
    const base = hash < 0 ? reference : reference.slice(0, hash);
    if (base !== "" && base !== this.#root["$id"]) {
      return { fault: `leads outside (${base}): only parts of the same schema can be referred to` };
    }
    const part = hash < 0 ? "" : decoded(reference.slice(hash + 1));
    if (part === undefined) return { fault: "is no reference" };
    if (part !== "" && !part.startsWith("/")) {
      const target = this.#anchors.get(part);
      return target === undefined ? { fault: `leads to no $anchor ${part}` } : { target };
    }
    let target: Json = this.#root;
    for (const step of part.split("/").slice(1)) {
      const name = step.replaceAll("~1", "/").replaceAll("~0", "~");
      const next: Json | undefined =
        typeof target === "object" && target !== null && Object.hasOwn(target, name)
          ? (target as JsonObject)[name]
          : undefined;
      if (next === undefined) return { fault: `leads nowhere: there is no ${name} at ${part}` };
      target = next;
    }
    return { target };
  }

  /** A schema that asks for itself, for the same value, would never come to an end. */
  #findCircles(): void {
    const done = new Set<Json>();
    const open = new Set<Json>();
    const visit = (schema: Json): void => {
      if (!isObject(schema) || done.has(schema)) return;
      if (open.has(schema)) {
        const pointer = this.#places.get(schema) ?? "";
        this.#faults.push({ pointer, description: "refers to itself for the same value, without end" });
        return;
      }
      open.add(schema);
      for (const keyword of ["$ref", "$dynamicRef"]) {
        const reference = schema[keyword];
        const target = typeof reference === "string" ? this.#targets.get(reference) : undefined;
        if (target !== undefined) visit(target);
      }
      for (const [keyword, part] of partsOf(schema)) {
        if (inPlace.includes(keyword.split("/")[1] ?? "")) visit(part);
      }
      open.delete(schema);
      done.add(schema);
    };
    for (const schema of this.#places.keys()) visit(schema);
  }
}

/** The schemas that stand in one, each under the pointer from there. */
function partsOf(schema: JsonObject): readonly (readonly [string, Json])[] {
  const parts: [string, Json][] = [];
  for (const keyword of single) {
    const part = schema[keyword];
    // A list of items is a fault of its own.
    if (part !== undefined && !Array.isArray(part)) parts.push([below("", keyword), part]);
  }
  for (const keyword of listed) {
    const part = schema[keyword];
    if (!Array.isArray(part)) continue;
    part.forEach((item: Json, index) => parts.push([below(below("", keyword), index), item]));
  }
  for (const keyword of named) {
    const part = schema[keyword];
    if (!isObject(part)) continue;
    for (const [name, item] of Object.entries(part)) parts.push([below(below("", keyword), name), item]);
  }
  return parts;
}

function decoded(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}
