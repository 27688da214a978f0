import {
  create,
  type DescEnum,
  type DescField,
  type DescMessage,
  type DescOneof,
  type MessageInitShape,
  ScalarType,
} from "@bufbuild/protobuf";
import { createValidator } from "@bufbuild/protovalidate";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { CreateRunRequestSchema } from "../../gen/signalbox/v1/run_service_pb.ts";
import { AttachRequestSchema, AttachSchema } from "../../gen/signalbox/v1/worker_service_pb.ts";
import { Acceptors } from "../../src/api/interceptors/acceptor.ts";
import { services } from "../../src/api/routes.ts";

const validator = createValidator();
const acceptors = new Acceptors();
const inputs = services.flatMap(({ methods }) => methods.map(({ input }) => input));

/**
 * Mostly an ordinary value; now and then one at or beyond a bound of the contract, or of another alphabet.
 */
function mostly<T>(usual: readonly T[], odd: readonly T[]): fc.Arbitrary<T> {
  return fc.oneof(
    { weight: 40, arbitrary: fc.constantFrom(...usual) },
    { weight: 1, arbitrary: fc.constantFrom(...odd) },
  );
}

const lengths = [0, 1, 63, 64, 65, 128, 129, 256, 257, 1_024, 2_049, 4_096, 4_097, 16_385];
const texts = mostly(
  ["a", "ab", "a1"],
  [...lengths.map((length) => "a".repeat(length)), "A b", "a/b", "-", "a\n", "é", "🚂".repeat(64), "\u0000"],
);
const bytes = mostly(
  [new Uint8Array(1)],
  [0, 2, 2 ** 20, 2 ** 20 + 1].map((length) => new Uint8Array(length)),
);
const oddNumbers = [-(2 ** 31), -1_001, -1, 0, 100, 1_000, 1_001, 10_001, 31_622_401, 2 ** 31 - 1];
const bigints = mostly([1n, 2n], oddNumbers.map(BigInt));
const unsignedBigints = mostly([1n, 2n], [0n, 10_001n, 2n ** 64n - 1n]);
const numbers = mostly([1, 2], oddNumbers);
const fractions = mostly([1, 2], [...oddNumbers, 0.5, Number.NaN, Number.POSITIVE_INFINITY]);

function scalarOf(scalar: ScalarType): fc.Arbitrary<unknown> {
  switch (scalar) {
    case ScalarType.STRING:
      return texts;
    case ScalarType.BYTES:
      return bytes;
    case ScalarType.BOOL:
      return fc.boolean();
    case ScalarType.DOUBLE:
    case ScalarType.FLOAT:
      return fractions;
    case ScalarType.INT64:
      return bigints;
    case ScalarType.UINT64:
      return unsignedBigints;
    default:
      return numbers;
  }
}

function enumOf({ values }: DescEnum): fc.Arbitrary<number> {
  const known = values.map(({ number }) => number);
  return mostly(known.length > 1 ? known.slice(1) : known, [...known, 99]);
}

/** Some message, not too deep. */
function messageOf(schema: DescMessage, depth: number): fc.Arbitrary<Record<string, unknown>> {
  if (schema.typeName === "google.protobuf.Duration") {
    return fc.record({ seconds: bigints, nanos: mostly([0], [1, 999_999_999]) });
  }
  if (schema.typeName.startsWith("google.protobuf.")) return fc.constant({});
  const members = schema.members.map((member): [string, fc.Arbitrary<unknown>] => [
    member.localName,
    member.kind === "oneof" ? chosenOf(member, depth) : presentOf(member, depth),
  ]);
  return fc.record(Object.fromEntries(members));
}

function chosenOf({ fields }: DescOneof, depth: number): fc.Arbitrary<unknown> {
  const shallow = fields.filter(({ message }) => message === undefined || depth > 0);
  const chosen = shallow.map((field) =>
    valueOf(field, depth).map((value) => ({ case: field.localName, value })),
  );
  const nothing = fc.constant({ case: undefined, value: undefined });
  return chosen.length === 0
    ? nothing
    : fc.oneof({ weight: 20, arbitrary: fc.oneof(...chosen) }, { weight: 1, arbitrary: nothing });
}

function presentOf(field: DescField, depth: number): fc.Arbitrary<unknown> {
  if (field.fieldKind === "list") {
    const item = depth > 0 || field.message === undefined ? itemOf(field, depth) : undefined;
    return item === undefined ? fc.constant([]) : fc.array(item, { maxLength: 3 });
  }
  if (field.fieldKind === "map") {
    const item = depth > 0 || field.message === undefined ? itemOf(field, depth) : undefined;
    return item === undefined ? fc.constant({}) : fc.dictionary(texts, item, { maxKeys: 2 });
  }
  if (field.message === undefined) return valueOf(field, depth);
  return depth > 0 ? fc.option(valueOf(field, depth), { nil: undefined, freq: 8 }) : fc.constant(undefined);
}

function itemOf(field: DescField, depth: number): fc.Arbitrary<unknown> {
  if (field.message !== undefined) return messageOf(field.message, depth - 1);
  return field.enum === undefined ? scalarOf(field.scalar ?? ScalarType.STRING) : enumOf(field.enum);
}

function valueOf(field: DescField, depth: number): fc.Arbitrary<unknown> {
  return itemOf(field, depth);
}

describe("an acceptor", () => {
  test.each(inputs.map((schema) => ({ name: schema.name, schema })))(
    "of $name accepts nothing that the validator refuses",
    ({ schema }) => {
      fc.assert(
        fc.property(messageOf(schema, 4), (init) => {
          const message = create(schema, init);
          if (acceptors.of(schema)(message)) expect(validator.validate(schema, message).kind).toBe("valid");
        }),
        { numRuns: 150, seed: 7 },
      );
    },
  );

  test("accepts nearly all that is valid, so that the validator is seldom asked", () => {
    const counts = { valid: 0, accepted: 0 };
    for (const schema of inputs) {
      for (const init of fc.sample(messageOf(schema, 4), { numRuns: 60, seed: 8 })) {
        const message = create(schema, init);
        if (validator.validate(schema, message).kind !== "valid") continue;
        counts.valid += 1;
        if (acceptors.of(schema)(message)) counts.accepted += 1;
      }
    }
    expect(counts.valid).toBeGreaterThan(200);
    expect(counts.accepted / counts.valid).toBeGreaterThan(0.9);
  });

  test.each([
    {
      what: "a run of one task",
      schema: CreateRunRequestSchema,
      init: { run: { work: { case: "task", value: { op: "work" } } }, requestId: "r-1" },
    },
    {
      what: "a report",
      schema: AttachRequestSchema,
      init: {
        frame: {
          case: "report",
          value: {
            reports: [
              {
                attempt: { runId: "r1", action: "main", attempt: 1, epoch: 1n },
                sequence: 1n,
                content: { case: "succeeded", value: {} },
              },
            ],
          },
        },
      },
    },
    { what: "an attach", schema: AttachSchema, init: { workerId: "w", incarnation: "i", ops: ["work"] } },
  ] as const)("accepts $what", ({ schema, init }) => {
    const message = create(schema as DescMessage, init as MessageInitShape<DescMessage>);
    expect(acceptors.of(schema)(message)).toBe(true);
  });
});
