/** A broken invariant: a bug of ours. What it was doing is abandoned whole; nothing of it is written. */
export class Bug extends Error {
  readonly facts: Readonly<Record<string, unknown>>;

  constructor(message: string, facts: Readonly<Record<string, unknown>>) {
    super(
      `${message} (${Object.entries(facts)
        .map(([name, value]) => `${name}: ${String(value)}`)
        .join(", ")})`,
    );
    this.name = "Bug";
    this.facts = facts;
  }
}

/** States what must hold here; throws a Bug with the facts where it does not. */
export function assert(
  holds: unknown,
  message: string,
  facts: Readonly<Record<string, unknown>> = {},
): asserts holds {
  if (!holds) throw new Bug(message, facts);
}

/** Marks a branch that the types rule out. */
export function unreachable(value: never): never {
  throw new Bug("unreachable", { value: JSON.stringify(value) });
}
