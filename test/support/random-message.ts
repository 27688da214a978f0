import { create, type DescField, type DescMessage, type Message, ScalarType } from "@bufbuild/protobuf";
import type { Random } from "./random.ts";

/** Texts of every length and kind that is written in a way of its own. */
const texts = [
  "",
  "a",
  "größe",
  "x".repeat(47),
  "y".repeat(49),
  "z".repeat(130),
  "日本".repeat(30),
  "q".repeat(20_000),
];
/** Below this, messages that hold themselves come to an end. */
const depthMax = 4;

/** A message of a type with random contents, the odd values among them. */
export function randomMessage(desc: DescMessage, random: Random, depth = 0): Message {
  const init: Record<string, unknown> = {};
  for (const member of desc.members) {
    if (member.kind === "oneof") {
      const fields = member.fields.filter((field) => depth < depthMax || field.message === undefined);
      const field = random.pick(fields);
      if (field === undefined || (random.percent(15) && desc.typeName !== "google.protobuf.Value")) continue;
      init[member.localName] = { case: field.localName, value: randomValue(field, random, depth) };
      continue;
    }
    if (random.percent(depth < depthMax ? 40 : 97)) continue;
    init[member.localName] = randomField(member, random, depth);
  }
  return create(desc, init);
}

function randomField(field: DescField, random: Random, depth: number): unknown {
  if (field.fieldKind === "list") {
    return Array.from({ length: random.below(4) }, () => randomValue(field, random, depth));
  }
  if (field.fieldKind !== "map") return randomValue(field, random, depth);
  const keys = Array.from({ length: random.below(3) }, (_, index) => {
    return field.mapKey === ScalarType.STRING ? `${random.pick(texts.slice(0, 6))}${index}` : String(index);
  });
  return Object.fromEntries(keys.map((key) => [key, randomValue(field, random, depth)]));
}

function randomValue(field: DescField, random: Random, depth: number): unknown {
  const { message, parent, scalar } = field;
  if (field.enum !== undefined) return random.pick(field.enum.values).number;
  if (message === undefined) return randomScalar(scalar ?? ScalarType.STRING, random);
  const isOwnShape = !parent.typeName.startsWith("google.protobuf.");
  if (isOwnShape && message.typeName === "google.protobuf.Struct")
    return { a: 1, b: ["x", null, { c: true }] };
  return randomMessage(message, random, depth + 1);
}

function randomScalar(type: ScalarType, random: Random): unknown {
  switch (type) {
    case ScalarType.STRING:
      return random.pick(texts);
    case ScalarType.BYTES:
      return Buffer.from(random.pick(texts));
    case ScalarType.BOOL:
      return random.percent(50);
    case ScalarType.DOUBLE:
      return random.pick([0, -0, 1.5, -1e300, Number.NaN, Number.POSITIVE_INFINITY]);
    case ScalarType.INT32:
      return random.pick([0, 1, -1, 127, 128, 300, 2_147_483_647, -2_147_483_648]);
    case ScalarType.UINT32:
      return random.pick([0, 1, 127, 128, 4_294_967_295]);
    case ScalarType.INT64:
      return random.pick([0n, 1n, -1n, 127n, 2n ** 53n, 2n ** 62n, -(2n ** 63n)]);
    case ScalarType.UINT64:
      return random.pick([0n, 1n, 2n ** 53n, 2n ** 64n - 1n]);
    default:
      throw new Error(`no field is of scalar type ${ScalarType[type]}`);
  }
}
