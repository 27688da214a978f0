/** Texts that were met lately: the longest unused is forgotten for a new one. */
export class RecentSet {
  readonly #texts = new Set<string>();
  readonly #countMax: number;

  constructor(countMax: number) {
    this.#countMax = countMax;
  }

  /** True for a text that is among them. */
  has(text: string): boolean {
    return this.#texts.has(text);
  }

  /** Takes a text in, or notes that it was met again. */
  add(text: string): void {
    this.#texts.delete(text);
    this.#texts.add(text);
    if (this.#texts.size <= this.#countMax) return;
    for (const oldest of this.#texts) {
      this.#texts.delete(oldest);
      return;
    }
  }
}
