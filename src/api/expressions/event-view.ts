import type { CelInput, CelMap } from "@bufbuild/cel";
import { celMap } from "@bufbuild/cel";
import { type DescField, type DescMessage, type Message, ScalarType } from "@bufbuild/protobuf";
import type { Event } from "../../../gen/signalbox/v1/event_pb.ts";
import { EventSchema } from "../../../gen/signalbox/v1/event_pb.ts";

const views = new WeakMap<Event, CelMap>();

/**
 * An event as expressions see it: a map of its fields by their names in the contract. Texts, numbers, flags,
 * lists and maps are always there; messages, and fields of which a message has one at a time, only if they are
 * set. Enums are their names without the prefix, whole numbers are all `int`, times are timestamps, JSON is
 * what it says. `kind` is the name of the detail. One view serves all expressions that look at the event.
 */
export function viewOf(event: Event): CelMap {
  const known = views.get(event);
  if (known !== undefined) return known;
  const view = viewMessage(EventSchema, event);
  const { case: detail } = event.detail;
  view.set("kind", detail === undefined ? "" : (detailNames.get(detail) ?? detail));
  const made = celMap(view as ReadonlyMap<string, CelInput>);
  views.set(event, made);
  return made;
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

/** Made when it is first asked for: most expressions look at few fields, and some are large. */
class View extends Map<string, unknown> {
  readonly #later = new Map<string, () => unknown>();

  /** Adds what is made when it is asked for. */
  setLater(name: string, make: () => unknown): void {
    this.#later.set(name, make);
    super.set(name, undefined);
  }

  override get(name: string): unknown {
    const make = this.#later.get(name);
    if (make !== undefined) {
      this.#later.delete(name);
      super.set(name, make());
    }
    return super.get(name);
  }

  override entries() {
    this.#makeAll();
    return super.entries();
  }

  override values() {
    this.#makeAll();
    return super.values();
  }

  override forEach(tell: (value: unknown, name: string, map: Map<string, unknown>) => void): void {
    this.#makeAll();
    super.forEach(tell);
  }

  override [Symbol.iterator]() {
    return this.entries();
  }

  #makeAll(): void {
    for (const name of this.#later.keys()) this.get(name);
  }
}

function viewMessage(desc: DescMessage, message: Message): View {
  const view = new View();
  const fields = message as unknown as Fields;
  for (const member of desc.members) {
    if (member.kind === "field") {
      addField(view, member, fields[member.localName]);
      continue;
    }
    const chosen = fields[member.localName] as { readonly case?: string; readonly value?: unknown };
    const field = member.fields.find(({ localName }) => localName === chosen.case);
    if (field !== undefined) addField(view, field, chosen.value);
  }
  return view;
}

function addField(view: View, field: DescField, value: unknown): void {
  switch (field.fieldKind) {
    case "scalar":
    case "enum":
      view.set(field.name, single(field, value));
      return;
    case "message":
      if (value !== undefined) view.setLater(field.name, () => single(field, value));
      return;
    case "list":
      view.setLater(field.name, () => (value as readonly unknown[]).map((item) => single(field, item)));
      return;
    case "map": {
      const entries = Object.entries(value as Fields);
      view.setLater(field.name, () => new Map(entries.map(([key, item]) => [key, single(field, item)])));
      return;
    }
  }
}

/** One value of a field, or one item of its list or map. */
function single(field: DescField, value: unknown): unknown {
  if (field.enum !== undefined) return namesOf(field).get(value as number) ?? String(value);
  if (field.message !== undefined) {
    return isOpaque(field.message) ? value : viewMessage(field.message, value as Message);
  }
  // Every other whole number is a bigint already; one with a fraction is a double.
  return typeof value === "number" && !isDouble(field) ? BigInt(value) : value;
}

function isDouble({ scalar }: DescField): boolean {
  return scalar === ScalarType.DOUBLE || scalar === ScalarType.FLOAT;
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
