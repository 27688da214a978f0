import type { CelInput, CelMap } from "@bufbuild/cel";
import { celList, celMap } from "@bufbuild/cel";
import { type DescField, type DescMessage, type Message, ScalarType } from "@bufbuild/protobuf";
import type { Event } from "../../../gen/signalbox/v1/event_pb.ts";
import { EventSchema } from "../../../gen/signalbox/v1/event_pb.ts";

const kept = Symbol("the view");

/** An event, with its view. */
interface ViewedEvent extends Event {
  [kept]?: CelMap;
}

/**
 * An event as expressions see it: a map of its fields by their names in the contract. Texts, numbers, flags,
 * lists and maps are always there; messages, and fields of which a message has one at a time, only if they
 * are set. Enums are their names without the prefix, whole numbers are all `int`, times are timestamps, JSON
 * is what it says. `kind` is the name of the detail. One view serves all expressions that look at the event.
 */
export function viewOf(event: ViewedEvent): CelMap {
  event[kept] ??= mapOf(EventSchema, event);
  return event[kept];
}

/** The names that a field of an enum can have here; undefined if it has none. */
export function enumNamesOf(field: DescField): ReadonlySet<string> | undefined {
  return field.enum === undefined ? undefined : new Set(namesOf(field).values());
}

/** The kinds of events. */
export const detailNames: ReadonlyMap<string, string> = new Map(
  EventSchema.oneofs.flatMap(({ fields }) => fields.map(({ localName, name }) => [localName, name])),
);

/** True for a message that expressions see as something else than its fields. */
export function isOpaque({ typeName }: DescMessage): boolean {
  return typeName.startsWith("google.protobuf.");
}

type Fields = Readonly<Record<string, unknown>>;
type Read = (fields: Fields) => CelInput | undefined;

/** A message as a map of its fields. What is asked for is looked up then: most expressions look at little. */
class View {
  readonly #reads: ReadonlyMap<string, Read>;
  readonly #message: Fields;
  /** Maps and messages that were made once. */
  #made: Map<string, CelInput> | undefined;

  constructor(desc: DescMessage, message: Message) {
    this.#reads = readsOf(desc);
    this.#message = message;
  }

  get(name: string): CelInput | undefined {
    const known = this.#made?.get(name);
    if (known !== undefined) return known;
    const value = this.#reads.get(name)?.(this.#message);
    if (typeof value === "object" && value !== null) {
      this.#made ??= new Map();
      this.#made.set(name, value);
    }
    return value;
  }

  has(name: string): boolean {
    return this.get(name) !== undefined;
  }

  get size(): number {
    return [...this.keys()].length;
  }

  *keys(): Generator<string> {
    for (const name of this.#reads.keys()) if (this.has(name)) yield name;
  }

  *values(): Generator<CelInput> {
    for (const [, value] of this) yield value;
  }

  *entries(): Generator<[string, CelInput]> {
    for (const name of this.#reads.keys()) {
      const value = this.get(name);
      if (value !== undefined) yield [name, value];
    }
  }

  [Symbol.iterator]() {
    return this.entries();
  }

  forEach(tell: (value: CelInput, name: string) => void): void {
    for (const [name, value] of this) tell(value, name);
  }
}

/** The library reads it as it reads a map of JavaScript, whose methods it has as far as they are used. */
function mapOf(desc: DescMessage, message: Message): CelMap {
  return celMap(new View(desc, message) as unknown as ReadonlyMap<string, CelInput>);
}

const readsByMessage = new WeakMap<DescMessage, ReadonlyMap<string, Read>>();

/** How each field of a message is read, by its name. */
function readsOf(desc: DescMessage): ReadonlyMap<string, Read> {
  const known = readsByMessage.get(desc);
  if (known !== undefined) return known;
  const reads = new Map(desc.fields.map((field) => [field.name, readOf(field)]));
  if (desc === EventSchema) reads.set("kind", readKind);
  readsByMessage.set(desc, reads);
  return reads;
}

function readKind({ detail }: Fields): string {
  const name = (detail as Event["detail"]).case ?? "";
  return detailNames.get(name) ?? name;
}

function readOf(field: DescField): Read {
  const { localName, oneof } = field;
  const toValue = fromSingle(field);
  switch (field.fieldKind) {
    case "list":
      return (fields) => celList((fields[localName] as readonly unknown[]).map(toValue));
    case "map":
      return (fields) => {
        const entries = Object.entries(fields[localName] as Fields);
        return celMap(new Map(entries.map(([key, item]) => [key, toValue(item)])));
      };
    default:
      if (oneof === undefined) {
        return (fields) => (fields[localName] === undefined ? undefined : toValue(fields[localName]));
      }
      return (fields) => {
        const chosen = fields[oneof.localName] as { readonly case?: string; readonly value?: unknown };
        return chosen.case === localName ? toValue(chosen.value) : undefined;
      };
  }
}

/** How one value of a field is seen, or one item of its list or map. */
function fromSingle(field: DescField): (value: unknown) => CelInput {
  const { message, scalar } = field;
  if (field.enum !== undefined) {
    const names = namesOf(field);
    return (value) => names.get(value as number) ?? String(value);
  }
  if (message !== undefined) {
    if (isOpaque(message)) return (value) => value as CelInput;
    return (value) => mapOf(message, value as Message);
  }
  // Every whole number is an int: those of 32 bits are no bigint yet.
  const isWhole = scalar !== ScalarType.DOUBLE && scalar !== ScalarType.FLOAT;
  return (value) => (isWhole && typeof value === "number" ? BigInt(value) : (value as CelInput));
}

const enumNames = new WeakMap<object, ReadonlyMap<number, string>>();

function namesOf({ enum: desc }: DescField): ReadonlyMap<number, string> {
  if (desc === undefined) return new Map();
  let names = enumNames.get(desc);
  if (names === undefined) {
    const prefix = desc.sharedPrefix?.length ?? 0;
    names = new Map(desc.values.map(({ number, name }) => [number, name.slice(prefix)]));
    enumNames.set(desc, names);
  }
  return names;
}
