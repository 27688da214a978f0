import {
  type DescEnum,
  type DescField,
  type DescFile,
  type DescMessage,
  type DescMethod,
  getOption,
  hasOption,
  ScalarType,
} from "@bufbuild/protobuf";
import { nestedTypes } from "@bufbuild/protobuf/reflect";
import {
  type FieldRules,
  field as fieldRules,
} from "@bufbuild/protovalidate/gen/buf/validate/validate_pb.js";
import { describe, expect, test } from "vitest";
import { ReasonSchema } from "../../gen/signalbox/v1/reason_pb.ts";
import { readFiles, root } from "./tree.ts";

/** Fields that may be naked, each with what bounds it instead. */
const exemptions: Readonly<Record<string, string>> = {
  "signalbox.v1.Value.int_value": "the whole range of 64 bits is the caller's",
  "signalbox.v1.Value.float_value": "NaN and the infinities are values too",
  "signalbox.v1.Value.null_value": "an enum of one value, and any number means the same",
  "signalbox.v1.ActionLogged.level": "a level that is not known counts as INFO, and the line is kept",
  "signalbox.v1.Leave.reconnect_after": "only the server says it; a worker's is not looked at",
};

const files = await Promise.all(
  readFiles("gen/signalbox/v1/*_pb.ts").map(async ({ path }) => {
    const module = (await import(`${root}/${path}`)) as Record<string, unknown>;
    const file = Object.entries(module).find(([name]) => name.startsWith("file_"));
    return file?.[1] as DescFile;
  }),
);
const protos = readFiles("proto/signalbox/v1/*.proto");

const messages: DescMessage[] = [];
const enums: DescEnum[] = [];
const methods: DescMethod[] = [];
for (const file of files) {
  for (const type of nestedTypes(file)) {
    if (type.kind === "message") messages.push(type);
    if (type.kind === "enum") enums.push(type);
    if (type.kind === "service") methods.push(...type.methods);
  }
}

/** The messages of our package that a caller can send: those that requests are made of. */
const sendable = new Set<DescMessage>();
function addSendable(message: DescMessage): void {
  if (sendable.has(message) || !message.typeName.startsWith("signalbox.")) return;
  sendable.add(message);
  for (const field of message.fields) if (field.message !== undefined) addSendable(field.message);
}
for (const method of methods) addSendable(method.input);

/** One place where a value stands: a field, an item of a list, a key or a value of a map. */
interface Place {
  readonly name: string;
  readonly type: ScalarType | "enum" | "duration" | "other";
  readonly rules: FieldRules["type"] | undefined;
}

function typeOf(field: DescField): Place["type"] {
  if (field.scalar !== undefined) return field.scalar;
  if (field.enum !== undefined) return "enum";
  return field.message?.typeName === "google.protobuf.Duration" ? "duration" : "other";
}

/** The places of a field, and what its own list or map lacks. */
function placesOf(field: DescField): Place[] {
  const name = `${field.parent.typeName}.${field.name}`;
  const rules = hasOption(field, fieldRules) ? getOption(field, fieldRules).type : undefined;
  if (field.fieldKind === "list") {
    const items = rules?.case === "repeated" ? rules.value.items?.type : undefined;
    return [{ name: `${name}[]`, type: typeOf(field), rules: items }];
  }
  if (field.fieldKind === "map") {
    const { keys, values } = rules?.case === "map" ? rules.value : {};
    return [
      { name: `${name}{key}`, type: field.mapKey, rules: keys?.type },
      { name: `${name}{value}`, type: typeOf(field), rules: values?.type },
    ];
  }
  return [{ name, type: typeOf(field), rules }];
}

const numbers: ReadonlySet<Place["type"]> = new Set([
  ScalarType.DOUBLE,
  ScalarType.FLOAT,
  ScalarType.INT32,
  ScalarType.INT64,
  ScalarType.UINT32,
  ScalarType.UINT64,
  ScalarType.SINT32,
  ScalarType.SINT64,
  ScalarType.FIXED32,
  ScalarType.FIXED64,
  ScalarType.SFIXED32,
  ScalarType.SFIXED64,
]);
const unsigned: ReadonlySet<Place["type"]> = new Set([
  ScalarType.UINT32,
  ScalarType.UINT64,
  ScalarType.FIXED32,
  ScalarType.FIXED64,
]);

function hasLength({ rules }: Place): boolean {
  if (rules?.case !== "string" && rules?.case !== "bytes") return false;
  const { value } = rules;
  if (value.in.length > 0 || value.const.length > 0 || value.len > 0n || value.maxLen > 0n) return true;
  return rules.case === "string" && (rules.value.maxBytes > 0n || rules.value.lenBytes > 0n);
}

/** Whether a number or duration is bounded from below, or has no room below. */
function hasRange({ type, rules }: Place): boolean {
  if (unsigned.has(type)) return true;
  if (rules?.value === undefined || !("greaterThan" in rules.value)) return false;
  return rules.value.greaterThan.case !== undefined || ("in" in rules.value && rules.value.in.length > 0);
}

const fields = messages.flatMap((message) => message.fields);
const sent = fields.filter((field) => sendable.has(field.parent));

function naked(candidates: readonly DescField[], isBroken: (place: Place) => boolean): string[] {
  return candidates
    .flatMap(placesOf)
    .filter((place) => isBroken(place) && exemptions[place.name] === undefined)
    .map((place) => place.name);
}

describe("the contract", () => {
  test("was read", () => {
    expect(files.length).toBe(protos.length);
  });

  test("bounds the length of every string and of all bytes", () => {
    const isLong = ({ type }: Place) => type === ScalarType.STRING || type === ScalarType.BYTES;
    expect(naked(fields, (place) => isLong(place) && !hasLength(place))).toEqual([]);
  });

  test("bounds the size of every list and map", () => {
    const unbounded = fields.filter((field) => {
      if (field.fieldKind !== "list" && field.fieldKind !== "map") return false;
      const rules = getOption(field, fieldRules).type;
      if (rules.case === "repeated") return rules.value.maxItems === 0n;
      return rules.case !== "map" || rules.value.maxPairs === 0n;
    });
    expect(unbounded.map((field) => `${field.parent.typeName}.${field.name}`)).toEqual([]);
  });

  test("gives every number that a caller sends a range, and every count", () => {
    expect(naked(sent, (place) => numbers.has(place.type) && !hasRange(place))).toEqual([]);
    const counts = fields.filter((field) => field.name.endsWith("_count"));
    expect(naked(counts, (place) => !hasRange(place))).toEqual([]);
  });

  test("gives every duration that a caller sends a range", () => {
    expect(naked(sent, (place) => place.type === "duration" && !hasRange(place))).toEqual([]);
  });

  test("takes no undefined enum value from a caller", () => {
    const isOpen = ({ type, rules }: Place) =>
      type === "enum" && !(rules?.case === "enum" && rules.value.definedOnly);
    expect(naked(sent, isOpen)).toEqual([]);
  });

  test("keeps positions inside cursors", () => {
    expect(fields.filter((field) => /^(position|offset)$/.test(field.name)).map(String)).toEqual([]);
  });

  test("makes every call that changes something safe to repeat", () => {
    // A link is made and not kept: it changes nothing.
    const changing =
      /^(Create(?!AnswerLink)|Update|Cancel|Retry|Rerun|Signal|Publish|Register|Delete|Drain|Claim|Release|Delegate|Snooze|Extend)/;
    const unsafe = methods.filter(
      (method) =>
        changing.test(method.name) && !method.input.fields.some((field) => field.name === "request_id"),
    );
    expect(unsafe.map(String)).toEqual([]);
  });
});

describe("the comment of every call", () => {
  const calls = protos.flatMap(({ path, text }) =>
    [...text.matchAll(/((?:^ *\/\/.*\n)*)^ *rpc (\w+)/gm)].map((match) => ({
      name: `${path}: ${match[2]}`,
      comment: (match[1] ?? "").replace(/^ *\/\/ ?/gm, ""),
    })),
  );

  test("says Effect, Repeat and Refuses", () => {
    expect(calls.length).toBe(methods.length);
    const silent = calls.filter(
      ({ comment }) => !/^Effect: [\s\S]*^Repeat: [\s\S]*^Refuses: /m.test(comment),
    );
    expect(silent.map(({ name }) => name)).toEqual([]);
  });

  test("names only reasons that exist", () => {
    const reasons = new Set(ReasonSchema.values.map((value) => value.name.replace(/^REASON_/, "")));
    const unknown = calls.flatMap(
      ({ name, comment }) =>
        (comment.split(/^Refuses: /m)[1] ?? "")
          .match(/\b[A-Z]{2,}(?:_[A-Z]+)+\b/g)
          ?.filter((word) => !reasons.has(word))
          .map((word) => `${name}: ${word}`) ?? [],
    );
    expect(unknown).toEqual([]);
  });
});
