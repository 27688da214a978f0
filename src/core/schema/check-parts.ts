import { canonical, type Json } from "../value.ts";
import type { At, Checking, Seen } from "./checking.ts";
import { isObject, type JsonObject } from "./fault.ts";
import { matches } from "./pattern.ts";

interface Place {
  readonly at: At;
  readonly seen: Seen | undefined;
}

/** What is asked of lists and their items. */
export function checkItems(
  check: Checking,
  schema: JsonObject,
  list: readonly Json[],
  { at, seen }: Place,
): void {
  const { minItems, maxItems, prefixItems, items, uniqueItems, unevaluatedItems } = schema;
  if (typeof minItems === "number" && list.length < minItems) {
    at.says(`must have at least ${minItems} items, and has ${list.length}`);
  }
  if (typeof maxItems === "number" && list.length > maxItems) {
    at.says(`must have at most ${maxItems} items, and has ${list.length}`);
  }
  const first: readonly Json[] = Array.isArray(prefixItems) ? prefixItems : [];
  first.slice(0, list.length).forEach((part, index) => {
    check.evaluate(part, list[index] ?? null, at.below(index));
  });
  if (seen !== undefined) seen.itemCount = Math.max(seen.itemCount, Math.min(first.length, list.length));
  if (items !== undefined) {
    for (let index = first.length; index < list.length; index += 1) {
      check.evaluate(items, list[index] ?? null, at.below(index));
    }
    if (seen !== undefined) seen.itemCount = list.length;
  }
  checkContains(check, schema, list, { at, seen });
  if (uniqueItems === true) checkUnique(check, list, at);
  if (unevaluatedItems === undefined || seen === undefined) return;
  for (let index = seen.itemCount; index < list.length; index += 1) {
    if (seen.items.has(index)) continue;
    check.evaluate(unevaluatedItems, list[index] ?? null, at.below(index));
  }
  seen.itemCount = list.length;
}

function checkContains(
  check: Checking,
  schema: JsonObject,
  list: readonly Json[],
  { at, seen }: Place,
): void {
  const { contains, minContains, maxContains } = schema;
  if (contains === undefined) return;
  let count = 0;
  list.forEach((item, index) => {
    if (!check.isGood(contains, item, undefined)) return;
    count += 1;
    seen?.items.add(index);
  });
  const least = typeof minContains === "number" ? minContains : 1;
  if (count < least) at.says(`must contain at least ${least} items that fit contains, and has ${count}`);
  if (typeof maxContains === "number" && count > maxContains) {
    at.says(`must contain at most ${maxContains} items that fit contains, and has ${count}`);
  }
}

function checkUnique(check: Checking, list: readonly Json[], at: At): void {
  const indexByText = new Map<string, number>();
  for (const [index, item] of list.entries()) {
    const text = canonical(item);
    check.spend(1 + text.length / 16);
    const first = indexByText.get(text);
    if (first !== undefined) {
      at.says(`must have no item twice: ${index} is the same as ${first}`);
      return;
    }
    indexByText.set(text, index);
  }
}

/** What is asked of objects and their members. */
export function checkProperties(
  check: Checking,
  schema: JsonObject,
  object: JsonObject,
  { at, seen }: Place,
): void {
  const names = Object.keys(object);
  checkNames(check, schema, names, at);
  const { properties, patternProperties, additionalProperties, unevaluatedProperties } = schema;
  const patterns = isObject(patternProperties) ? Object.entries(patternProperties) : [];
  for (const name of names) {
    const value = object[name] ?? null;
    const place = at.below(name);
    let isKnown = false;
    if (isObject(properties) && Object.hasOwn(properties, name)) {
      isKnown = true;
      check.evaluate(properties[name] ?? true, value, place);
    }
    for (const [source, part] of patterns) {
      const pattern = check.schema.patterns.get(source);
      if (pattern === undefined || !matches(pattern, name, (steps) => check.spend(steps / 8))) continue;
      isKnown = true;
      check.evaluate(part, value, place);
    }
    if (!isKnown && additionalProperties !== undefined) {
      isKnown = true;
      check.evaluate(additionalProperties, value, place);
    }
    if (isKnown) seen?.names.add(name);
  }
  if (unevaluatedProperties === undefined || seen === undefined) return;
  for (const name of names) {
    if (seen.names.has(name)) continue;
    seen.names.add(name);
    const place = at.below(name);
    check.evaluate(unevaluatedProperties, object[name] ?? null, place);
  }
}

function checkNames(check: Checking, schema: JsonObject, names: readonly string[], at: At): void {
  const { required, dependentRequired, propertyNames, minProperties, maxProperties } = schema;
  check.spend(names.length / 8);
  if (typeof minProperties === "number" && names.length < minProperties) {
    at.says(`must have at least ${minProperties} members, and has ${names.length}`);
  }
  if (typeof maxProperties === "number" && names.length > maxProperties) {
    at.says(`must have at most ${maxProperties} members, and has ${names.length}`);
  }
  const known = new Set(names);
  const wanted = Array.isArray(required) ? (required as readonly string[]) : [];
  for (const name of wanted) if (!known.has(name)) at.says(`must have a member ${name}`);
  if (isObject(dependentRequired)) {
    for (const [name, others] of Object.entries(dependentRequired)) {
      if (!known.has(name) || !Array.isArray(others)) continue;
      for (const other of others) {
        if (!known.has(String(other))) at.says(`must have a member ${String(other)} beside ${name}`);
      }
    }
  }
  if (propertyNames === undefined) return;
  for (const name of names) {
    if (!check.isGood(propertyNames, name, undefined)) at.says(`must not have a member of the name ${name}`);
  }
}
