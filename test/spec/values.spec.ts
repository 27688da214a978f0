import { describe, expect, test } from "vitest";
import {
  areEqual,
  asJson,
  canonical,
  fitted,
  sizeBytes,
  type Value,
  valuesSizeBytes,
} from "../../src/core/value.ts";
import { bool, float, int, json, text } from "../support/builders.ts";

describe("two values", () => {
  test.each([
    { one: int(1), other: int("1"), equal: true },
    { one: int(1), other: float(1), equal: false },
    { one: int(1), other: text("1"), equal: false },
    { one: float(0), other: float(-0), equal: true },
    {
      one: { kind: "float", value: "NaN" } as Value,
      other: { kind: "float", value: "NaN" } as Value,
      equal: true,
    },
    { one: { kind: "float", value: "NaN" } as Value, other: text("NaN"), equal: false },
    { one: json({ a: 1, b: { c: [] } }), other: json({ b: { c: [] }, a: 1 }), equal: true },
    { one: json({ a: [1, 2] }), other: json({ a: [2, 1] }), equal: false },
    { one: json("x"), other: text("x"), equal: false },
    { one: json(null), other: { kind: "null" } as Value, equal: false },
    { one: json({}), other: json([]), equal: false },
  ])("$one and $other are equal: $equal", ({ one, other, equal }) => {
    expect(areEqual(one, other)).toBe(equal);
    expect(areEqual(other, one)).toBe(equal);
  });
});

describe("a value", () => {
  test.each([
    { value: int(3), type: "float", gives: float(3) },
    { value: float(3), type: "int", gives: undefined },
    { value: text("3"), type: "int", gives: undefined },
    { value: bool(true), type: "json", gives: undefined },
    { value: json(true), type: "json", gives: json(true) },
  ] as const)("$value for a question of type $type is $gives", ({ value, type, gives }) => {
    expect(fitted(value, type)).toEqual(gives);
  });

  test.each([
    { value: { kind: "null" } as Value, gives: null },
    { value: int(7), gives: 7 },
    { value: int("9007199254740993"), gives: "9007199254740993" },
    { value: { kind: "float", value: "Infinity" } as Value, gives: "Infinity" },
    { value: { kind: "bytes", value: "AA==" } as Value, gives: "AA==" },
    {
      value: { kind: "reference", uri: "s3://x", sha256: "00", sizeBytes: "12" } as Value,
      gives: { uri: "s3://x", sha256: "00", sizeBytes: "12" },
    },
  ])("$value in JSON is $gives", ({ value, gives }) => {
    expect(asJson(value)).toEqual(gives);
  });

  test.each([
    { of: "an ASCII text", value: text("x".repeat(100)), bytes: 100 },
    { of: "a text of two bytes a letter", value: text("é".repeat(100)), bytes: 200 },
    { of: "a text of three bytes a letter", value: text("€".repeat(100)), bytes: 300 },
    { of: "a text of four bytes a letter", value: text("😀".repeat(100)), bytes: 400 },
    { of: "bytes", value: { kind: "bytes", value: "A".repeat(400) } as Value, bytes: 300 },
    { of: "JSON", value: json({ a: "é".repeat(100) }), bytes: 200 },
    {
      of: "a reference",
      value: { kind: "reference", uri: "u".repeat(100), sha256: "", sizeBytes: "9" } as Value,
      bytes: 164,
    },
    { of: "a number", value: int(7), bytes: 8 },
  ])("takes about as many bytes as on the wire: $of", ({ value, bytes }) => {
    expect(sizeBytes(value)).toBeGreaterThanOrEqual(bytes);
    expect(sizeBytes(value)).toBeLessThan(bytes + 20);
    const all = valuesSizeBytes({ one: value, other: value });
    expect(all).toBeGreaterThanOrEqual(2 * bytes + "oneother".length);
    expect(all).toBeLessThan(2 * bytes + 70);
  });

  test("has a text of its own, whatever the order of its names", () => {
    expect(canonical({ b: [1, { d: 2, c: undefined }], a: null })).toBe('{"a":null,"b":[1,{"d":2}]}');
  });
});
