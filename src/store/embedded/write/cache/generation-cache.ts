/**
 * Keeps what was used last. Entries stand in two generations; a use moves an entry into the young one. When
 * that is full, `age` makes it the old one and drops what nobody used since the time before. Nothing is ever
 * dropped but by `age`, `delete` and `clear`, so that what is not written yet can stay.
 */
export class GenerationCache<Value> {
  readonly #sizeMax: number;
  #young = new Map<string, Value>();
  #old = new Map<string, Value>();

  /** After `age` it holds at most twice as many entries as `sizeMax`, or one generation that grew larger. */
  constructor(sizeMax: number) {
    this.#sizeMax = sizeMax;
  }

  get(key: string): Value | undefined {
    const young = this.#young.get(key);
    if (young !== undefined) return young;
    const old = this.#old.get(key);
    if (old !== undefined) {
      this.#old.delete(key);
      this.#young.set(key, old);
    }
    return old;
  }

  set(key: string, value: Value): void {
    this.#young.set(key, value);
    if (this.#old.size > 0) this.#old.delete(key);
  }

  delete(key: string): void {
    this.#young.delete(key);
    this.#old.delete(key);
  }

  age(): void {
    if (this.#young.size < this.#sizeMax) return;
    this.#old = this.#young;
    this.#young = new Map();
  }

  clear(): void {
    this.#young = new Map();
    this.#old = new Map();
  }
}
