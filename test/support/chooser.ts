import fc from "fast-check";

/**
 * A step of a random history: what kind of thing happens, and numbers that choose among what is there by
 * then.
 */
export interface Step<Kind extends string> {
  readonly kind: Kind;
  readonly choices: readonly number[];
  readonly chance: number;
}

/** Histories of up to so many steps. They shrink to few steps with small numbers. */
export function stepsOf<Kind extends string>(
  weights: Readonly<Record<Kind, number>>,
  maxLength: number,
): fc.Arbitrary<readonly Step<Kind>[]> {
  const kinds = Object.entries<number>(weights).map(([kind, weight]) => ({
    weight,
    arbitrary: fc.constant(kind as Kind),
  }));
  const choices = fc.array(fc.nat(1000), { minLength: 12, maxLength: 12 });
  const chance = fc.double({ min: 0, max: 0.999, noNaN: true });
  const step = fc.record({ kind: fc.oneof(...kinds), choices, chance });
  return fc.array(step, { maxLength, size: "max" });
}

/** Takes choices one by one, and begins again behind the last. */
export class Chooser {
  readonly #choices: readonly number[];
  #at = 0;

  constructor(choices: readonly number[]) {
    this.#choices = choices;
  }

  upTo(count: number): number {
    const choice = this.#choices[this.#at % this.#choices.length] ?? 0;
    // Each round reads them differently.
    const round = Math.floor(this.#at / this.#choices.length);
    this.#at += 1;
    return Math.floor(choice / 3 ** round) % count;
  }

  of<T>(items: readonly T[]): T | undefined {
    return items.length === 0 ? undefined : items[this.upTo(items.length)];
  }

  is(oneIn: number): boolean {
    return this.upTo(oneIn) === oneIn - 1;
  }
}
