import { patternStatesMax } from "../../limits.ts";
import { type Node, parsePattern } from "./parse-pattern.ts";

/**
 * Regular expressions of JSON Schema, matched in time that grows with the text and no faster.
 *
 * JavaScript's own engine goes back and tries again, which some patterns make take for ever: `^(a+)+$` takes
 * twice as long with each further `a`. Here all ways to match are followed at once, character by character,
 * so that a pattern costs at most its states for each of them. The price: no look-around and no
 * back-references.
 */
export interface Pattern {
  readonly steps: readonly Step[];
}

type Step =
  | { readonly kind: "character"; readonly fits: (codePoint: number) => boolean }
  | { readonly kind: "assertion"; readonly what: Assertion }
  | { readonly kind: "both"; readonly to: readonly [number, number] }
  | { readonly kind: "end" };

type Assertion = Extract<Node, { readonly kind: "assertion" }>["what"];

/** A pattern, ready to match, or why it cannot be used. */
export function compilePattern(source: string): Pattern | { readonly fault: string } {
  const parsed = parsePattern(source);
  if ("fault" in parsed) return parsed;
  const program = new Program();
  program.add(parsed.node);
  program.steps.push({ kind: "end" });
  if (program.steps.length > patternStatesMax) {
    return { fault: `is too large: it takes more than ${patternStatesMax} states` };
  }
  return { steps: program.steps };
}

/** Writes a tree as steps, each of which goes on to the next unless it says where. */
class Program {
  readonly steps: Step[] = [];

  add(node: Node): void {
    // What is too large is refused as a whole: no need to write it all.
    if (this.steps.length > patternStatesMax) return;
    switch (node.kind) {
      case "character":
      case "assertion":
        this.steps.push(node);
        return;
      case "sequence":
        for (const part of node.parts) this.add(part);
        return;
      case "choice":
        this.#addChoice(node.parts);
        return;
      case "repeat":
        this.#addRepeat(node);
        return;
    }
  }

  #addChoice(parts: readonly Node[]): void {
    const [first, ...rest] = parts;
    if (first === undefined) return;
    if (rest.length === 0) {
      this.add(first);
      return;
    }
    const fork = this.#hold();
    this.add(first);
    const jump = this.#hold();
    this.steps[fork] = { kind: "both", to: [fork + 1, this.steps.length] };
    this.#addChoice(rest);
    this.steps[jump] = { kind: "both", to: [this.steps.length, this.steps.length] };
  }

  #addRepeat({ part, min, max }: Extract<Node, { readonly kind: "repeat" }>): void {
    for (let count = 0; count < min && this.steps.length <= patternStatesMax; count += 1) this.add(part);
    if (max === undefined) {
      const fork = this.#hold();
      this.add(part);
      this.steps.push({ kind: "both", to: [fork, fork] });
      this.steps[fork] = { kind: "both", to: [fork + 1, this.steps.length] };
      return;
    }
    const forks: number[] = [];
    for (let count = min; count < max && this.steps.length <= patternStatesMax; count += 1) {
      forks.push(this.#hold());
      this.add(part);
    }
    for (const fork of forks) this.steps[fork] = { kind: "both", to: [fork + 1, this.steps.length] };
  }

  #hold(): number {
    return this.steps.push({ kind: "end" }) - 1;
  }
}

/** True if a pattern matches anywhere in a text; `spend` is told of the steps that it takes. */
export function matches({ steps }: Pattern, text: string, spend: (steps: number) => void): boolean {
  let current = new Threads(steps.length);
  let next = new Threads(steps.length);
  let place: Place = { before: undefined, after: text.codePointAt(0) };
  for (let index = 0; ; ) {
    // A match may begin at every character.
    if (follow(steps, 0, current, place)) return true;
    spend(current.count);
    const point = place.after;
    if (point === undefined) return false;
    index += point > 0xffff ? 2 : 1;
    place = { before: point, after: text.codePointAt(index) };
    for (let thread = 0; thread < current.count; thread += 1) {
      const at = current.list[thread] ?? 0;
      const step = steps[at];
      if (step?.kind !== "character" || !step.fits(point)) continue;
      if (follow(steps, at + 1, next, place)) return true;
    }
    [current, next] = [next, current];
    next.clear();
  }
}

/** The characters on both sides of a place in a text; undefined at its ends. */
interface Place {
  readonly before: number | undefined;
  readonly after: number | undefined;
}

/** Notes every step that can be reached from one without a character; true if the end is among them. */
function follow(steps: readonly Step[], from: number, threads: Threads, place: Place): boolean {
  const open = [from];
  for (let at = open.pop(); at !== undefined; at = open.pop()) {
    if (!threads.add(at)) continue;
    const step = steps[at];
    if (step === undefined || step.kind === "end") return true;
    if (step.kind === "both") open.push(step.to[1], step.to[0]);
    else if (step.kind === "assertion" && holds(step.what, place)) open.push(at + 1);
  }
  return false;
}

function holds(what: Assertion, { before, after }: Place): boolean {
  if (what === "start") return before === undefined;
  if (what === "end") return after === undefined;
  const isBorder = isWord(before) !== isWord(after);
  return isBorder === (what === "border");
}

function isWord(point: number | undefined): boolean {
  return point !== undefined && point < 128 && /\w/.test(String.fromCharCode(point));
}

/** A set of steps that is cleared at no cost. */
class Threads {
  readonly list: number[];
  count = 0;
  readonly #places: number[];

  constructor(size: number) {
    this.list = Array.from({ length: size }, () => 0);
    this.#places = Array.from({ length: size }, () => 0);
  }

  add(step: number): boolean {
    const place = this.#places[step] ?? 0;
    if (place < this.count && this.list[place] === step) return false;
    this.#places[step] = this.count;
    this.list[this.count] = step;
    this.count += 1;
    return true;
  }

  clear(): void {
    this.count = 0;
  }
}
