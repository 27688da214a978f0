/**
 * Reads the fields of what a config file or a command line says, and collects everything that is wrong with
 * it, so that all of it can be told at once. A field that is wrong reads as one that is not there.
 */
export class ConfigCheck {
  readonly mistakes: string[] = [];

  /** The object at a place; what is not one, and fields that it may not have, are mistakes. */
  object(value: unknown, place: string, fields: readonly string[]): Fields {
    if (!isObject(value)) {
      this.mistake(place, "must be an object");
      return new Fields(this, {}, place);
    }
    for (const name of Object.keys(value)) {
      if (!fields.includes(name)) {
        this.mistake(place, `has no field ${JSON.stringify(name)}; it may have ${fields.join(", ")}`);
      }
    }
    return new Fields(this, value, place);
  }

  mistake(place: string, what: string): void {
    this.mistakes.push(`${place} ${what}`);
  }
}

/** The fields of one object. */
export class Fields {
  readonly #check: ConfigCheck;
  readonly #values: Readonly<Record<string, unknown>>;
  readonly #place: string;

  constructor(check: ConfigCheck, values: Readonly<Record<string, unknown>>, place: string) {
    this.#check = check;
    this.#values = values;
    this.#place = place;
  }

  /** True if the field is there, whatever it is. */
  has(name: string): boolean {
    return this.#values[name] !== undefined;
  }

  /** The field as it is. */
  raw(name: string): unknown {
    return this.#values[name];
  }

  /** Where the field stands, for what is said about it. */
  place(name: string): string {
    return `${this.#place}.${name}`;
  }

  mistake(name: string, what: string): void {
    this.#check.mistake(this.place(name), what);
  }

  text(name: string): string | undefined {
    return this.#read(name, "a text", (value) => typeof value === "string");
  }

  flag(name: string): boolean | undefined {
    return this.#read(name, "true or false", (value) => typeof value === "boolean");
  }

  /** A number between two bounds, both allowed; a whole one unless said. */
  number(name: string, bounds: { min: number; max: number; fraction?: boolean }): number | undefined {
    const { min, max, fraction = false } = bounds;
    const words = `${fraction ? "a number" : "a whole number"} from ${min} to ${max}`;
    return this.#read(
      name,
      words,
      (value) =>
        typeof value === "number" &&
        value >= min &&
        value <= max &&
        (fraction ? Number.isFinite(value) : Number.isSafeInteger(value)),
    );
  }

  word<W extends string>(name: string, words: readonly W[]): W | undefined {
    return this.#read(name, words.join(" or "), (value) => words.some((word) => word === value));
  }

  texts(name: string): readonly string[] {
    const isTexts = (value: unknown) => Array.isArray(value) && value.every((one) => typeof one === "string");
    return this.#read<readonly string[]>(name, "a list of texts", isTexts) ?? [];
  }

  /** An object whose fields are texts. */
  pairs(name: string): Readonly<Record<string, string>> {
    const isPairs = (value: unknown) =>
      isObject(value) && Object.values(value).every((one) => typeof one === "string");
    return this.#read<Record<string, string>>(name, "an object of texts", isPairs) ?? {};
  }

  /** The elements of a list of objects. */
  objects(name: string, fields: readonly string[]): readonly Fields[] {
    const list = this.#read<readonly unknown[]>(name, "a list", Array.isArray) ?? [];
    return list.map((one, index) => this.#check.object(one, `${this.place(name)}[${index}]`, fields));
  }

  #read<T>(name: string, words: string, isOne: (value: unknown) => boolean): T | undefined {
    const value = this.#values[name];
    if (value === undefined) {
      return undefined;
    }
    if (!isOne(value)) {
      this.mistake(name, `must be ${words}`);
      return undefined;
    }
    return value as T;
  }
}

/** True for a JSON object. */
export function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
