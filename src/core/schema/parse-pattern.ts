import { patternLengthMax } from "../../limits.ts";

/** A pattern as a tree. */
export type Node =
  | { readonly kind: "character"; readonly fits: (codePoint: number) => boolean }
  | { readonly kind: "assertion"; readonly what: "start" | "end" | "border" | "no border" }
  | { readonly kind: "sequence"; readonly parts: readonly Node[] }
  | { readonly kind: "choice"; readonly parts: readonly Node[] }
  | {
      readonly kind: "repeat";
      readonly part: Node;
      readonly min: number;
      readonly max: number | undefined;
    };

/**
 * Reads a pattern of ECMAScript with the flag `u`, or says why it cannot be used. That it is one is left to
 * JavaScript, and so is what a single character class means: here only the parts are found.
 */
export function parsePattern(source: string): { readonly node: Node } | { readonly fault: string } {
  if (source.length > patternLengthMax) return { fault: `is longer than ${patternLengthMax} characters` };
  try {
    new RegExp(source, "u");
  } catch {
    return { fault: "is no regular expression of ECMAScript" };
  }
  const reader = new Reader(source);
  const node = reader.choice();
  return reader.fault === undefined ? { node } : { fault: reader.fault };
}

/** An escape: those with more than one character behind the backslash, then any. */
const escape = new RegExp(
  [
    /\\u\{[0-9a-fA-F]+\}/,
    // Two halves of one character.
    /\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}/,
    /\\u[0-9a-fA-F]{4}/,
    /\\x[0-9a-fA-F]{2}/,
    /\\c[A-Za-z]/,
    /\\[pP]\{[^}]*\}/,
    /\\[^]/,
  ]
    .map(({ source }) => source)
    .join("|"),
  "uy",
);
const characterClass = /\[(?:\\[^]|[^\]\\])*\]/uy;
const quantifier = /(?:[*+?]|\{(\d+)(,(\d*))?\})\??/uy;
const group = /\((?:\?:|\?<[^>=!]+>)?/uy;

/** Goes through the text of a pattern, of which JavaScript has said that it is one. */
class Reader {
  fault: string | undefined;
  readonly #source: string;
  #at = 0;

  constructor(source: string) {
    this.#source = source;
  }

  choice(): Node {
    const parts = [this.#sequence()];
    while (this.#takes("|")) parts.push(this.#sequence());
    const [only] = parts;
    return parts.length === 1 && only !== undefined ? only : { kind: "choice", parts };
  }

  #sequence(): Node {
    const parts: Node[] = [];
    while (this.#at < this.#source.length && !/[|)]/.test(this.#source[this.#at] ?? "")) {
      parts.push(this.#repeated(this.#atom()));
    }
    return { kind: "sequence", parts };
  }

  #repeated(part: Node): Node {
    const found = this.#match(quantifier);
    if (found === undefined) return part;
    switch (found[0][0]) {
      case "*":
        return { kind: "repeat", part, min: 0, max: undefined };
      case "+":
        return { kind: "repeat", part, min: 1, max: undefined };
      case "?":
        return { kind: "repeat", part, min: 0, max: 1 };
      default: {
        const min = Number(found[1]);
        const most = found[3] === "" ? undefined : Number(found[3]);
        return { kind: "repeat", part, min, max: found[2] === undefined ? min : most };
      }
    }
  }

  #atom(): Node {
    if (this.#takes("^")) return { kind: "assertion", what: "start" };
    if (this.#takes("$")) return { kind: "assertion", what: "end" };
    if (this.#source[this.#at] === "(") return this.#group();
    const found = this.#match(characterClass) ?? this.#match(escape);
    if (found !== undefined) return this.#escaped(found[0]);
    const character = String.fromCodePoint(this.#source.codePointAt(this.#at) ?? 0);
    this.#at += character.length;
    return characterOf(character);
  }

  #group(): Node {
    const opening = this.#match(group)?.[0] ?? "(";
    if (opening === "(" && this.#source[this.#at] === "?") {
      this.fault ??= "uses look-around or modifiers, which are not supported";
      this.#at = this.#source.length;
    }
    const node = this.choice();
    this.#takes(")");
    return node;
  }

  #escaped(source: string): Node {
    if (source === "\\b") return { kind: "assertion", what: "border" };
    if (source === "\\B") return { kind: "assertion", what: "no border" };
    if (/^\\[1-9k]/.test(source)) {
      this.fault ??= "refers back to a group, which is not supported";
      this.#at = this.#source.length;
    }
    return this.fault === undefined ? characterOf(source) : { kind: "sequence", parts: [] };
  }

  #takes(character: string): boolean {
    if (this.#source[this.#at] !== character) return false;
    this.#at += 1;
    return true;
  }

  #match(expression: RegExp): RegExpExecArray | undefined {
    expression.lastIndex = this.#at;
    const found = expression.exec(this.#source) ?? undefined;
    if (found !== undefined) this.#at += found[0].length;
    return found;
  }
}

/** One character, a dot, an escape or a class: JavaScript knows what it stands for. */
function characterOf(source: string): Node {
  const one = new RegExp(`^(?:${source})$`, "u");
  const known: (boolean | undefined)[] = [];
  return {
    kind: "character",
    fits: (point) => {
      if (point >= 128) return one.test(String.fromCodePoint(point));
      known[point] ??= one.test(String.fromCharCode(point));
      return known[point];
    },
  };
}
