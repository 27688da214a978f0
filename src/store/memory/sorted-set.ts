/** Values in the order of a comparison, which tells any two of them apart by the parts it looks at. */
export class SortedSet<T> {
  readonly #compare: (one: T, other: T) => number;
  readonly #values: T[] = [];

  constructor(compare: (one: T, other: T) => number) {
    this.#compare = compare;
  }

  get size(): number {
    return this.#values.length;
  }

  add(value: T): void {
    const place = this.placeOf(value);
    const there = this.#values[place];
    if (there !== undefined && this.#compare(there, value) === 0) this.#values[place] = value;
    else this.#values.splice(place, 0, value);
  }

  delete(value: T): void {
    const place = this.placeOf(value);
    const there = this.#values[place];
    if (there !== undefined && this.#compare(there, value) === 0) this.#values.splice(place, 1);
  }

  /** How many come before a value, whether it is among them or not. */
  placeOf(value: T): number {
    let low = 0;
    let high = this.#values.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#compare(this.#values[middle] as T, value) < 0) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** The first so many. */
  first(count: number): readonly T[] {
    return this.#values.slice(0, count);
  }
}

/** Compares texts as their characters are numbered. */
export function compareTexts(one: string, other: string): number {
  return one < other ? -1 : one > other ? 1 : 0;
}
