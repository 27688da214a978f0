import { transcriptLinesMax } from "./conformance-limits.ts";

/** What was said and done in one scenario, a line each, with milliseconds since its beginning. */
export class Transcript {
  readonly #startedAtMs = performance.now();
  readonly #lines: string[] = [];

  /** Notes what somebody did; `who` is `worker`, `server`, `network` or `kit`. */
  note(who: string, text: string): void {
    const atMs = Math.round(performance.now() - this.#startedAtMs);
    this.#lines.push(`${String(atMs).padStart(6)} ${who.padEnd(10)} ${text}`);
    if (this.#lines.length > transcriptLinesMax) this.#lines.shift();
  }

  /** The lines, in order. */
  get lines(): readonly string[] {
    return this.#lines;
  }
}
