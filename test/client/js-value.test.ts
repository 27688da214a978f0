import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { describe, expect, test } from "vitest";
import { AttachRequestSchema, SucceededSchema } from "../../gen/signalbox/v1/worker_service_pb.ts";
import {
  fromValue,
  fromValues,
  jsonLevelsMax,
  Reference,
  toValue,
  toValueOfType,
  toValues,
} from "../../src/client/js-value.ts";

const sha256 = "0".repeat(64);

describe("a JavaScript value", () => {
  test.each([
    { given: "null", value: null, kind: "nullValue" },
    { given: "true", value: true, kind: "boolValue" },
    { given: "a whole number", value: 42, kind: "intValue" },
    { given: "a negative whole number", value: -42, kind: "intValue" },
    { given: "the largest safe number", value: Number.MAX_SAFE_INTEGER, kind: "intValue" },
    { given: "a number past the safe ones", value: 2 ** 53, kind: "floatValue" },
    { given: "a fraction", value: 0.5, kind: "floatValue" },
    { given: "minus zero", value: -0, kind: "floatValue" },
    { given: "infinity", value: Number.POSITIVE_INFINITY, kind: "floatValue" },
    { given: "no number", value: Number.NaN, kind: "floatValue" },
    { given: "a large bigint", value: 2n ** 62n, kind: "intValue" },
    { given: "text", value: "approve", kind: "stringValue" },
    { given: "bytes", value: new Uint8Array([1, 2, 3]), kind: "bytesValue" },
    { given: "a list", value: [1, "two", null, [true]], kind: "jsonValue" },
    { given: "an object", value: { a: { b: [1.5] }, ["__proto__"]: 1 }, kind: "jsonValue" },
    {
      given: "a reference",
      value: new Reference({ uri: "s3://b/k", sha256, sizeBytes: 7 }),
      kind: "reference",
    },
  ])("$given is a $kind and comes back as it was", ({ value, kind }) => {
    const message = toValue(value);
    expect(message.kind.case).toBe(kind);
    expect(fromValue(message)).toStrictEqual(value);
  });

  test("that is a small bigint comes back as a number", () => {
    expect(fromValue(toValue(7n))).toBe(7);
  });

  test("leaves undefined fields out", () => {
    expect(fromValues(toValues({ a: 1, b: undefined }))).toStrictEqual({ a: 1 });
    expect(fromValue(toValue({ a: 1, b: undefined }))).toStrictEqual({ a: 1 });
  });

  test.each([
    { given: "undefined", value: undefined, says: /the value is undefined/ },
    { given: "a function", value: () => 1, says: /the value is .*function/ },
    { given: "a Date", value: new Date(0), says: /the value is a Date/ },
    { given: "a Map in a list", value: [new Map()], says: /the value\[0\] is a Map/ },
    { given: "a bigint in an object", value: { count: 1n }, says: /the value\.count is the bigint 1/ },
    { given: "no number in an object", value: { a: [Number.NaN] }, says: /the value\.a\[0\] is NaN/ },
    { given: "bytes in an object", value: { a: new Uint8Array(1) }, says: /the value\.a is a Uint8Array/ },
    { given: "a bigint of 65 bits", value: 2n ** 64n, says: /does not fit 64 bits/ },
  ])("that is $given is refused, and the error says where", ({ value, says }) => {
    expect(() => toValue(value)).toThrow(says);
  });

  test("that contains itself is refused", () => {
    const ring: unknown[] = [];
    ring.push(ring);
    expect(() => toValue(ring)).toThrow(/nested deeper/);
  });

  test("nested as deep as it may be can be read inside a frame", () => {
    let value: unknown = 1;
    for (let level = 0; level < jsonLevelsMax; level += 1) value = { in: value };
    const outputs = { value: toValue(value) };
    const report = { content: { case: "succeeded" as const, value: create(SucceededSchema, { outputs }) } };
    const frame = create(AttachRequestSchema, { frame: { case: "report", value: { reports: [report] } } });
    expect(() => fromBinary(AttachRequestSchema, toBinary(AttachRequestSchema, frame))).not.toThrow();
    expect(() => toValue([value])).toThrow(/nested deeper/);
  });
});

describe("a value of a stated type", () => {
  test.each([
    { type: "float", value: 5, kind: "floatValue" },
    { type: "int", value: 5, kind: "intValue" },
    { type: "bool", value: false, kind: "boolValue" },
    { type: "string", value: "yes", kind: "stringValue" },
    { type: "json", value: "yes", kind: "jsonValue" },
    { type: "json", value: null, kind: "jsonValue" },
  ] as const)("is a $kind for $type", ({ type, value, kind }) => {
    const message = toValueOfType(value, type);
    expect(message.kind.case).toBe(kind);
    expect(fromValue(message)).toStrictEqual(value);
  });

  test.each([
    { type: "int", value: 0.5 },
    { type: "bool", value: "true" },
    { type: "string", value: 1 },
    { type: "float", value: "1" },
  ] as const)("is refused if it is not a $type", ({ type, value }) => {
    expect(() => toValueOfType(value, type, "the answer")).toThrow(/^the answer is to be a /);
  });
});
