/** Numbers that look random and are the same for the same seed. */
export class Seeded {
  #state: number;

  constructor(seed: number) {
    this.#state = seed >>> 0;
  }

  /** A whole number from 0 to below `end`. */
  below(end: number): number {
    // Mulberry32: small, and good enough to choose places with.
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let mixed = this.#state;
    mixed = Math.imul(mixed ^ (mixed >>> 15), mixed | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) % Math.max(1, end);
  }

  /** Some of the items, each once, in their order. */
  some<T>(items: readonly T[], count: number): readonly T[] {
    const chosen = new Set<number>();
    for (let tries = 0; chosen.size < Math.min(count, items.length) && tries < 10 * count; tries += 1) {
      chosen.add(this.below(items.length));
    }
    return items.filter((_, index) => chosen.has(index));
  }
}
