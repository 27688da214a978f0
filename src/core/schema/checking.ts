import type { Json } from "../value.ts";
import { below, type Fault } from "./fault.ts";
import type { Schema } from "./schema.ts";

/** Where a check stands in the value, and where its faults go. What has none is not spelt out. */
export class At {
  readonly faults: Fault[];
  readonly #owner: At | undefined;
  readonly #name: string | number;

  constructor(faults: Fault[], owner?: At, name: string | number = "") {
    this.faults = faults;
    this.#owner = owner;
    this.#name = name;
  }

  /** A step further into the value. */
  below(name: string | number): At {
    return new At(this.faults, this, name);
  }

  /** Says what is wrong here. */
  says(description: string): void {
    this.faults.push({ pointer: this.#pointer(), description });
  }

  #pointer(): string {
    return this.#owner === undefined ? "" : below(this.#owner.#pointer(), this.#name);
  }
}

/** Which parts of a value some schemas have looked at: names of an object, and places of a list. */
export interface Seen {
  readonly names: Set<string>;
  /** All items before this one. */
  itemCount: number;
  readonly items: Set<number>;
}

/** One value being checked: what the checks of single keywords need of the whole. */
export interface Checking {
  readonly schema: Schema;
  /** Notes that something costs; ends the check when too much has been spent. */
  spend(steps: number): void;
  /** Checks a value by one schema; says what it has looked at, if anybody asks for that. */
  evaluate(schema: Json, value: Json, at: At): Seen | undefined;
  /** True if a value is good by a schema; what it has looked at counts only then. */
  isGood(schema: Json, value: Json, seen: Seen | undefined): boolean;
}
