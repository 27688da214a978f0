import { faultsPerValueMax, schemaNestingMax, schemaStepsMax } from "../../limits.ts";
import { assert } from "../assert.ts";
import type { Json } from "../value.ts";
import { checkItems, checkProperties } from "./check-parts.ts";
import { checkNumber, checkText, checkType } from "./check-scalars.ts";
import { At, type Checking, type Seen } from "./checking.ts";
import { type Fault, isObject } from "./fault.ts";
import { readSchema, type Schema } from "./schema.ts";

/** How many steps may still be spent on checking: one for all values of a command. */
export interface Budget {
  steps: number;
}

/** The steps that one command has. */
export function newBudget(): Budget {
  return { steps: schemaStepsMax };
}

/**
 * What is wrong with a value by a JSON Schema that `readSchema` has no fault with: all of it, up to
 * `faultsPerValueMax` faults. A check that runs out of its budget says that as its only fault.
 */
export function checkBySchema(json: Json, value: Json, budget: Budget = newBudget()): readonly Fault[] {
  const schema = readSchema(json);
  assert(!("faults" in schema), "values are checked by schemas that were found good", {});
  const check = new Check(schema, budget);
  try {
    check.evaluate(schema.root, value, new At(check.found));
  } catch (error) {
    if (!(error instanceof TooMuch)) throw error;
    return [{ pointer: "", description: "takes too long to be checked by its schema" }];
  }
  return check.found.slice(0, faultsPerValueMax);
}

class TooMuch extends Error {}

/** One value being checked. */
class Check implements Checking {
  readonly found: Fault[] = [];
  readonly schema: Schema;
  readonly #budget: Budget;
  #nesting = 0;

  constructor(schema: Schema, budget: Budget) {
    this.schema = schema;
    this.#budget = budget;
  }

  spend(steps: number): void {
    this.#budget.steps -= steps;
    if (this.#budget.steps < 0) throw new TooMuch();
  }

  evaluate(schema: Json, value: Json, at: At): Seen | undefined {
    this.spend(1);
    if (schema === true) return undefined;
    if (!isObject(schema)) {
      at.says("is not allowed");
      return undefined;
    }
    if (this.#nesting >= schemaNestingMax) throw new TooMuch();
    this.#nesting += 1;
    const seen = this.schema.asksForRest ? nothingSeen() : undefined;
    checkType(this, schema, value, at);
    if (typeof value === "string") checkText(this, schema, value, at);
    else if (typeof value === "number") checkNumber(schema, value, at);
    if (this.schema.nested.has(schema)) this.#checkInPlace(schema, value, { at, seen });
    if (Array.isArray(value)) checkItems(this, schema, value, { at, seen });
    else if (isObject(value)) checkProperties(this, schema, value, { at, seen });
    this.#nesting -= 1;
    return seen;
  }

  isGood(schema: Json, value: Json, seen: Seen | undefined): boolean {
    const faults: Fault[] = [];
    const inner = this.evaluate(schema, value, new At(faults));
    if (faults.length === 0) addSeen(seen, inner);
    return faults.length === 0;
  }

  #checkInPlace(
    schema: { readonly [name: string]: Json },
    value: Json,
    { at, seen }: { readonly at: At; readonly seen: Seen | undefined },
  ): void {
    for (const keyword of ["$ref", "$dynamicRef"]) {
      const reference = schema[keyword];
      const target = typeof reference === "string" ? this.schema.targets.get(reference) : undefined;
      if (target !== undefined) addSeen(seen, this.evaluate(target, value, at));
    }
    const { allOf, anyOf, oneOf, not } = schema;
    for (const part of listOf(allOf)) addSeen(seen, this.evaluate(part, value, at));
    if (anyOf !== undefined) {
      // Each of them, as each may have looked at something.
      const good = listOf(anyOf).filter((part) => this.isGood(part, value, seen));
      if (good.length === 0) at.says("fits none of the schemas in anyOf");
    }
    if (oneOf !== undefined) {
      const good = listOf(oneOf).filter((part) => this.isGood(part, value, seen));
      if (good.length !== 1) at.says(`must fit exactly one of the schemas in oneOf, and fits ${good.length}`);
    }
    if (not !== undefined && this.isGood(not, value, undefined)) at.says("fits the schema in not");
    if (schema["if"] !== undefined) {
      const next = this.isGood(schema["if"], value, seen) ? schema["then"] : schema["else"];
      if (next !== undefined) addSeen(seen, this.evaluate(next, value, at));
    }
    const { dependentSchemas } = schema;
    if (!isObject(dependentSchemas) || !isObject(value)) return;
    for (const [name, part] of Object.entries(dependentSchemas)) {
      if (Object.hasOwn(value, name)) addSeen(seen, this.evaluate(part, value, at));
    }
  }
}

function nothingSeen(): Seen {
  return { names: new Set(), itemCount: 0, items: new Set() };
}

function addSeen(seen: Seen | undefined, inner: Seen | undefined): void {
  if (seen === undefined || inner === undefined) return;
  for (const name of inner.names) seen.names.add(name);
  for (const item of inner.items) seen.items.add(item);
  seen.itemCount = Math.max(seen.itemCount, inner.itemCount);
}

function listOf(json: Json | undefined): readonly Json[] {
  return Array.isArray(json) ? json : [];
}
