import { Validator } from "@cfworker/json-schema";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { checkBySchema, newBudget } from "../../src/core/schema/check-value.ts";
import { compilePattern, matches } from "../../src/core/schema/pattern.ts";
import { readSchema } from "../../src/core/schema/schema.ts";
import type { Json } from "../../src/core/value.ts";
import {
  faultsPerValueMax,
  patternLengthMax,
  schemaBytesMax,
  schemaDepthMax,
  schemaNestingMax,
  schemaStepsMax,
} from "../../src/limits.ts";

/** Schemas of every keyword, with values that fit and values that do not. */
const keywords: readonly { schema: Json; fits: readonly Json[]; fails: readonly Json[] }[] = [
  { schema: { type: "string" }, fits: ["", "a"], fails: [1, null, true, [], {}] },
  { schema: { type: "integer" }, fits: [0, -3, 2.0], fails: [0.5, "1", true] },
  { schema: { type: "number" }, fits: [0, 1.5, -2e10], fails: ["1", false] },
  { schema: { type: ["null", "boolean"] }, fits: [null, true, false], fails: [0, ""] },
  { schema: { type: ["array", "object"] }, fits: [[], {}, [1], { a: 1 }], fails: ["[]", 1] },
  { schema: { enum: [1, "a", { b: [2] }] }, fits: [1, "a", { b: [2] }], fails: [2, "b", { b: [] }] },
  { schema: { const: { a: 1, b: 2 } }, fits: [{ b: 2, a: 1 }], fails: [{ a: 1 }, null] },
  { schema: { multipleOf: 0.1 }, fits: [0.3, 1, 0, "x"], fails: [0.35] },
  { schema: { minimum: 2, maximum: 4 }, fits: [2, 3.5, 4, "1"], fails: [1.9, 4.1] },
  { schema: { exclusiveMinimum: 2, exclusiveMaximum: 4 }, fits: [3], fails: [2, 4] },
  { schema: { minLength: 2, maxLength: 3 }, fits: ["ab", "😀😀😀", 1], fails: ["a", "abcd", "😀"] },
  { schema: { pattern: "^[a-z]+(-[a-z]+)*$" }, fits: ["a", "ab-c"], fails: ["", "a-", "A"] },
  { schema: { minItems: 1, maxItems: 2 }, fits: [[1], [1, 2], "a"], fails: [[], [1, 2, 3]] },
  {
    schema: { uniqueItems: true },
    fits: [[], [1, "1"]],
    fails: [
      [1, 1],
      [
        { a: 1, b: 2 },
        { b: 2, a: 1 },
      ],
    ],
  },
  { schema: { items: { type: "integer" } }, fits: [[], [1, 2]], fails: [["a"], [1, "a"]] },
  {
    schema: { prefixItems: [{ type: "string" }], items: { type: "integer" } },
    fits: [[], ["a"], ["a", 1]],
    fails: [[1], ["a", "b"]],
  },
  { schema: { prefixItems: [true], items: false }, fits: [[], [1]], fails: [[1, 2]] },
  { schema: { contains: { const: 1 } }, fits: [[1], [2, 1]], fails: [[], [2]] },
  {
    schema: { contains: { const: 1 }, minContains: 2, maxContains: 3 },
    fits: [
      [1, 1],
      [1, 2, 1, 1],
    ],
    fails: [[1], [1, 1, 1, 1]],
  },
  { schema: { contains: { const: 1 }, minContains: 0 }, fits: [[], [2]], fails: [] },
  { schema: { required: ["a"] }, fits: [{ a: null }, []], fails: [{}, { b: 1 }] },
  { schema: { minProperties: 1, maxProperties: 2 }, fits: [{ a: 1 }], fails: [{}, { a: 1, b: 1, c: 1 }] },
  { schema: { properties: { a: { type: "string" } } }, fits: [{}, { a: "" }, { b: 1 }], fails: [{ a: 1 }] },
  { schema: { patternProperties: { "^x-": { type: "string" } } }, fits: [{ y: 1 }], fails: [{ "x-a": 1 }] },
  {
    schema: { properties: { a: true }, patternProperties: { "^x": true }, additionalProperties: false },
    fits: [{}, { a: 1, x1: 2 }],
    fails: [{ b: 1 }],
  },
  { schema: { additionalProperties: { type: "integer" } }, fits: [{ a: 1 }], fails: [{ a: "1" }] },
  { schema: { propertyNames: { maxLength: 2 } }, fits: [{ ab: 1 }], fails: [{ abc: 1 }] },
  { schema: { dependentRequired: { a: ["b"] } }, fits: [{}, { a: 1, b: 1 }, { b: 1 }], fails: [{ a: 1 }] },
  { schema: { dependentSchemas: { a: { required: ["b"] } } }, fits: [{ b: 1 }], fails: [{ a: 1 }] },
  { schema: { allOf: [{ minimum: 1 }, { maximum: 2 }] }, fits: [1, 2], fails: [0, 3] },
  { schema: { anyOf: [{ type: "string" }, { minimum: 5 }] }, fits: ["a", 5], fails: [4] },
  { schema: { oneOf: [{ multipleOf: 2 }, { multipleOf: 3 }] }, fits: [2, 3], fails: [1, 6] },
  { schema: { not: { type: "string" } }, fits: [1], fails: ["a"] },
  {
    schema: JSON.parse('{"if":{"type":"string"},"then":{"minLength":2},"else":{"minimum":2}}') as Json,
    fits: ["ab", 2],
    fails: ["a", 1],
  },
  {
    schema: { $defs: { n: { type: "integer" } }, items: { $ref: "#/$defs/n" } },
    fits: [[1], []],
    fails: [["a"]],
  },
  {
    schema: { $defs: { n: { $anchor: "n", type: "integer" } }, $ref: "#n" },
    fits: [1],
    fails: ["a"],
  },
  { schema: { $id: "https://a.example/x", properties: { a: { $ref: "#" } } }, fits: [{ a: {} }], fails: [] },
  {
    schema: {
      type: "object",
      required: ["value"],
      properties: { value: { type: "integer" }, next: { $ref: "#" } },
    },
    fits: [{ value: 1 }, { value: 1, next: { value: 2 } }],
    fails: [{ value: 1, next: { value: "2" } }],
  },
  {
    schema: { allOf: [{ properties: { a: true } }], properties: { b: true }, unevaluatedProperties: false },
    fits: [{ a: 1, b: 1 }],
    fails: [{ c: 1 }],
  },
  {
    schema: { anyOf: [{ prefixItems: [true] }, { prefixItems: [true, true] }], unevaluatedItems: false },
    fits: [[], [1], [1, 2]],
    fails: [[1, 2, 3]],
  },
  {
    schema: { format: "date-time" },
    fits: ["2026-02-28T12:00:00Z", "2024-02-29T23:59:59.5+01:00", 1],
    fails: ["2026-02-29T12:00:00Z", "yesterday", "2026-02-28"],
  },
  { schema: { format: "date" }, fits: ["2026-12-31"], fails: ["2026-13-01", "31.12.2026"] },
  { schema: { format: "time" }, fits: ["12:00:00Z"], fails: ["25:00:00Z", "12:00"] },
  { schema: { format: "email" }, fits: ["ann@example.com"], fails: ["ann", "ann@"] },
  { schema: { format: "uuid" }, fits: ["2eb8aa08-aa98-11ea-b4aa-73b441d16380"], fails: ["2eb8aa08", "x"] },
  { schema: { format: "uri" }, fits: ["https://a.example/x?y#z", "urn:a:b"], fails: ["//a", "a b", ""] },
  { schema: { format: "ipv4" }, fits: ["127.0.0.1"], fails: ["256.0.0.1", "1.2.3", "01.2.3.4"] },
  { schema: { format: "ipv6" }, fits: ["::1", "2001:db8::1", "::ffff:1.2.3.4"], fails: ["1::2::3", "g::"] },
  { schema: { format: "something-else" }, fits: ["a"], fails: [] },
  { schema: {}, fits: [1, null, "a", [], {}], fails: [] },
  { schema: { title: "t", unknownWord: 1 }, fits: [1, null], fails: [] },
];

function isGood(schema: Json, value: Json): boolean {
  return checkBySchema(schema, value).length === 0;
}

describe("a JSON Schema", () => {
  test.each(keywords.map((row) => ({ ...row, told: JSON.stringify(row.schema) })))(
    "takes what fits $told and nothing else",
    ({ schema, fits, fails }) => {
      expect(readSchema(schema)).not.toHaveProperty("faults");
      expect(fits.filter((value) => !isGood(schema, value))).toEqual([]);
      expect(fails.filter((value) => isGood(schema, value))).toEqual([]);
    },
  );

  test("means the same as another implementation of the draft makes of it", () => {
    // Of numbers, and of time zones and the like, others have ideas of their own.
    const compared = keywords.filter(({ schema }) => !/multipleOf|format/.test(JSON.stringify(schema)));
    const all = compared.flatMap(({ fits, fails }) => [...fits, ...fails]);
    for (const { schema } of compared) {
      const other = new Validator(schema as object, "2020-12");
      const differing = all.filter((value) => other.validate(value).valid !== isGood(schema, value));
      expect({ schema, differing }).toEqual({ schema, differing: [] });
    }
  });

  test("tells every fault of a value with its place, up to a bound", () => {
    const schema = { properties: { "a/b": { items: { type: "integer" } } }, required: ["c"] };
    expect(checkBySchema(schema, { "a/b": [1, "x", null] })).toEqual([
      { pointer: "", description: "must have a member c" },
      { pointer: "/a~1b/1", description: "must be an integer, and is a string" },
      { pointer: "/a~1b/2", description: "must be an integer, and is null" },
    ]);
    const many = Array.from({ length: 1_000 }, () => "x");
    expect(checkBySchema(schema, { c: 1, "a/b": many })).toHaveLength(faultsPerValueMax);
  });

  test.each([
    { given: "a text", schema: "string", pointer: "", says: "must be a JSON object" },
    { given: "another draft", schema: { $schema: "http://json-schema.org/draft-07/schema#" } },
    { given: "a type that is none", schema: { type: "text" }, pointer: "/type" },
    { given: "a bound that is a text", schema: { minLength: "3" }, pointer: "/minLength" },
    { given: "a bound below 0", schema: { maxItems: -1 }, pointer: "/maxItems" },
    { given: "a part that is no schema", schema: { properties: { a: "string" } }, pointer: "/properties/a" },
    { given: "an empty choice", schema: { anyOf: [] }, pointer: "/anyOf" },
    { given: "items of an older draft", schema: { items: [true] }, says: "prefixItems" },
    { given: "a pattern that is none", schema: { pattern: "(" }, pointer: "/pattern", says: "no regular" },
    { given: "look-around", schema: { pattern: "(?=a)" }, says: "look-around" },
    { given: "a reference back", schema: { pattern: "(a)\\1" }, says: "refers back" },
    { given: "a name that is no pattern", schema: { patternProperties: { "[": true } }, says: "pattern" },
    { given: "a pattern too long", schema: { pattern: "a".repeat(patternLengthMax + 1) }, says: "longer" },
    { given: "a pattern with too many states", schema: { pattern: "(a{100}){100}" }, says: "too large" },
    { given: "a reference outside", schema: { $ref: "https://a.example/x" }, says: "leads outside" },
    { given: "a reference to a file", schema: { $ref: "other.json#/a" }, says: "leads outside" },
    { given: "a reference to nothing", schema: { $ref: "#/$defs/a" }, pointer: "/$ref", says: "nowhere" },
    { given: "a name that is not there", schema: { $ref: "#a" }, says: "no $anchor" },
    { given: "itself for the same value", schema: { $ref: "#" }, says: "without end" },
    { given: "an $id in a part", schema: { $defs: { a: { $id: "x" } } }, pointer: "/$defs/a/$id" },
    { given: "a circle", schema: { $defs: { a: { allOf: [{ $ref: "#/$defs/a" }] } } }, says: "without end" },
    { given: "too many levels", schema: nested(schemaDepthMax + 1), says: "deeper" },
    { given: "too many bytes", schema: { title: "x".repeat(schemaBytesMax) }, says: "bytes" },
  ])("with $given cannot be used", ({ schema, pointer, says }) => {
    const read = readSchema(schema);
    const faults = "faults" in read ? read.faults : [];
    expect(faults).toHaveLength(1);
    if (pointer !== undefined) expect(faults[0]?.pointer).toBe(pointer);
    if (says !== undefined) expect(faults[0]?.description).toContain(says);
  });

  test("tells all that is wrong with it at once", () => {
    const read = readSchema({ type: 1, properties: { a: { minimum: "0" }, b: { $ref: "#x" } } });
    expect("faults" in read ? read.faults.map(({ pointer }) => pointer) : []).toEqual([
      "/type",
      "/properties/a/minimum",
      "/properties/b/$ref",
    ]);
  });

  test("may be true or false in its parts, and be as deep as the bound", () => {
    expect(readSchema({ additionalProperties: false, not: false })).not.toHaveProperty("faults");
    expect(readSchema(nested(schemaDepthMax))).not.toHaveProperty("faults");
  });
});

describe("the cost of a check", () => {
  const tooLong = [{ pointer: "", description: "takes too long to be checked by its schema" }];

  test.each([
    { of: "parts that name each other twice", schema: doubling(40), value: 1 },
    { of: "a list with many items", schema: { items: { type: "integer" } }, value: zeros(schemaStepsMax) },
    { of: "texts that all are compared", schema: { uniqueItems: true }, value: texts(20_000, 1_000) },
    { of: "a long text and a pattern", schema: { pattern: "^(a|aa)+$" }, value: "a".repeat(2_000_000) },
  ])("is bounded for $of", ({ schema, value }) => {
    expect(checkBySchema(schema, value)).toEqual(tooLong);
  });

  test("is one for all values that share a budget", () => {
    const budget = newBudget();
    const schema = { items: { type: "integer" } };
    expect(checkBySchema(schema, zeros(schemaStepsMax * 0.6), budget)).toEqual([]);
    expect(checkBySchema(schema, zeros(schemaStepsMax * 0.6), budget)).toEqual(tooLong);
  });

  test("of references in a row is bounded, too", () => {
    const length = schemaNestingMax + 1;
    const names = Array.from({ length }, (_, index) => `d${index}`);
    const $defs = Object.fromEntries(names.map((name, index) => [name, next(names[index + 1])]));
    expect(checkBySchema({ $defs, $ref: "#/$defs/d0" }, 1)).toEqual(tooLong);
  });

  test("of a list without equal items grows no faster than the list", () => {
    const budget = newBudget();
    expect(checkBySchema({ uniqueItems: true }, texts(20_000, 8), budget)).toEqual([]);
    expect(schemaStepsMax - budget.steps).toBeLessThan(100_000);
  });
});

describe("a pattern", () => {
  const patterns = [
    "a",
    "^a",
    "a$",
    "^$",
    "a|b|",
    "^(a|b)*$",
    "^(?:a|aa)+$",
    "^(a+)+$",
    "a{2}",
    "^a{2,}b{0,1}$",
    "^[^a-c]+$",
    "^[\\w.-]+@[a-z]+$",
    "\\bcat\\b",
    "\\Bcat",
    "^\\d{1,3}(\\.\\d+)?$",
    "^.$",
    "\\u{1F600}",
    "^\\p{Lu}",
    "(?<name>a)b",
    "^a*?b$",
    "[\\]a]$",
    "",
  ];

  test("matches what JavaScript's own does", () => {
    const text = fc.string({ unit: fc.constantFrom(...Array.from("abcAZ019.-@ \n_é😀]")), maxLength: 12 });
    fc.assert(
      fc.property(fc.constantFrom(...patterns), text, (source, value) => {
        const pattern = compilePattern(source);
        if ("fault" in pattern) throw new Error(`${source}: ${pattern.fault}`);
        expect([source, value, matches(pattern, value, () => {})]).toEqual([
          source,
          value,
          new RegExp(source, "u").test(value),
        ]);
      }),
      { numRuns: 3_000 },
    );
  });

  test.each(["^(a+)+$", "^(a|aa)+$", "^(.*a){20}$"])(
    "%s takes no more than its states a character",
    (source) => {
      const pattern = compilePattern(source);
      if ("fault" in pattern) throw new Error(pattern.fault);
      const value = `${"a".repeat(2_000)}!`;
      let steps = 0;
      expect(matches(pattern, value, (count) => (steps += count))).toBe(false);
      expect(steps).toBeLessThanOrEqual(pattern.steps.length * (value.length + 1));
    },
  );
});

/** A schema with so many levels of JSON. */
function nested(levels: number): Json {
  return levels === 1 ? {} : { not: nested(levels - 1) };
}

/** A schema that looks at a value 2^depth times. */
function doubling(depth: number): Json {
  const both = (name: string) => ({ allOf: [{ $ref: `#/$defs/${name}` }, { $ref: `#/$defs/${name}` }] });
  const parts = Array.from({ length: depth }, (_, index) => [`d${index}`, both(`d${index + 1}`)]);
  return { $ref: "#/$defs/d0", $defs: { ...Object.fromEntries(parts), [`d${depth}`]: { type: "integer" } } };
}

function next(name: string | undefined): Json {
  return name === undefined ? {} : { $ref: `#/$defs/${name}` };
}

function zeros(length: number): Json {
  return Array.from({ length }, () => 0);
}

function texts(count: number, length: number): Json {
  return Array.from({ length: count }, (_, index) => String(index).padEnd(length, "x"));
}
