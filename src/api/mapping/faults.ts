import type { Violation } from "../../core/refusal.ts";

/** Where a value stands in a request: field names, indices of lists and keys of maps. */
type Segment = string | number | { readonly key: string };

/**
 * Collects what is wrong with a request while it is translated, so that all of it is told at once. Whoever
 * finds a fault goes on with any value of the right type: nothing is done with a request that has one.
 */
export class Faults {
  readonly #path: Segment[] = [];
  readonly #violations: Violation[] = [];

  /** Everything found so far, in the order in which it was found. */
  get violations(): readonly Violation[] {
    return this.#violations;
  }

  /** Translates a part, whose faults are told with its place in front. */
  within<T>(segment: Segment, translate: () => T): T {
    this.#path.push(segment);
    try {
      return translate();
    } finally {
      this.#path.pop();
    }
  }

  /** Translates each item of a list under its index. */
  each<From, To>(field: string, items: readonly From[], translate: (item: From) => To): To[] {
    return this.within(field, () => items.map((item, index) => this.within(index, () => translate(item))));
  }

  /**
   * Translates each value of a map under its key. A key named `__proto__` is a fault: JavaScript workers lose
   * it.
   */
  entries<From, To>(
    field: string,
    map: Readonly<Record<string, From>>,
    translate: (item: From) => To,
  ): Record<string, To> {
    const names = Object.keys(map);
    if (names.length === 0) return {};
    const translated: Record<string, To> = {};
    this.within(field, () => {
      for (const name of names) {
        const item = map[name] as From;
        this.within({ key: name }, () => {
          if (name === "__proto__") this.add("must not be named __proto__");
          else translated[name] = translate(item);
        });
      }
    });
    return translated;
  }

  /** Says what is wrong at the place where the translation stands. */
  add(description: string): void {
    this.#violations.push({ field: printPath(this.#path), description });
  }
}

function printPath(path: readonly Segment[]): string {
  let text = "";
  for (const segment of path) {
    if (typeof segment === "number") text += `[${segment}]`;
    else if (typeof segment === "object") text += `[${JSON.stringify(segment.key)}]`;
    else text += text === "" ? segment : `.${segment}`;
  }
  return text;
}
