/** One call of a client, with the time that it took. Times are of one clock, in any unit. */
export interface Operation<Input, Output> {
  /** Who called, for messages. */
  readonly process: string;
  readonly input: Input;
  /** What the caller was told; undefined if unknown: then it took effect at any time later, or never. */
  readonly output: Output | undefined;
  readonly invokedAt: number;
  /** Infinity if the caller was never told. */
  readonly endedAt: number;
}

/**
 * What a thing is, told one operation after the other. `step` gives every state that the thing may be in
 * behind an operation that had this output; none if it cannot have had it. For an output of undefined it
 * gives every state that the operation may lead to. A state is JSON.
 */
export interface Model<State, Input, Output> {
  readonly initial: State;
  step(state: State, input: Input, output: Output | undefined): readonly State[];
}

/** What the checker found. */
export type Linearity =
  | { readonly verdict: "linear"; readonly lookedAt: number }
  /** `deepest` operations, in this order, fit; what comes next then cannot be said. */
  | { readonly verdict: "not linear"; readonly deepest: readonly number[]; readonly lookedAt: number }
  | { readonly verdict: "too large"; readonly lookedAt: number };

/** 2,000,000 places in the search: a history of one key that needs more is cut into too few keys. */
const placesMax = 2_000_000;

/** A place in the search: which operations have taken effect, and what the thing is then. */
interface Place<State> {
  readonly done: bigint;
  /** How many of the operations that are known to have ended are among them. */
  readonly doneKnown: number;
  readonly state: State;
  readonly last: number;
  readonly before: Place<State> | undefined;
}

/**
 * Judges whether a history of one thing is linear: whether each operation can have taken effect at one moment
 * between its call and its end, so that the model explains every output.
 *
 * The method is Wing and Gong's with Lowe's memory, as Porcupine has it: operations are taken one after the
 * other, each no later than the end of every other that is not taken yet, and no place (the set of what was
 * taken, and the state) is looked at twice.
 */
export function judgeLinear<State, Input, Output>(
  model: Model<State, Input, Output>,
  history: readonly Operation<Input, Output>[],
): Linearity {
  const order = history.map((_, index) => index).sort((a, b) => endOf(history, a) - endOf(history, b));
  const knownCount = history.filter(({ output }) => output !== undefined).length;
  const seen = new Set<string>();
  let deepest: Place<State> | undefined;
  const open: Place<State>[] = [
    { done: 0n, doneKnown: 0, state: model.initial, last: -1, before: undefined },
  ];
  for (let place = open.pop(); place !== undefined; place = open.pop()) {
    if (place.doneKnown === knownCount) return { verdict: "linear", lookedAt: seen.size };
    if (place.doneKnown > (deepest?.doneKnown ?? -1)) deepest = place;
    if (seen.size > placesMax) return { verdict: "too large", lookedAt: seen.size };
    // What ends first is tried first, so it is pushed last; what never ended is tried when nothing else fits.
    for (const index of candidates(history, order, place.done).reverse()) {
      const { input, output } = history[index] as Operation<Input, Output>;
      const done = place.done | (1n << BigInt(index));
      const doneKnown = place.doneKnown + (output === undefined ? 0 : 1);
      for (const state of model.step(place.state, input, output)) {
        const key = `${done.toString(36)} ${JSON.stringify(state)}`;
        if (seen.has(key)) continue;
        seen.add(key);
        open.push({ done, doneKnown, state, last: index, before: place });
      }
    }
  }
  return { verdict: "not linear", deepest: pathTo(deepest), lookedAt: seen.size };
}

/** What may take effect next: what was called before anything else that is left has ended. */
function candidates(
  history: readonly Operation<unknown, unknown>[],
  order: readonly number[],
  done: bigint,
): number[] {
  const found: number[] = [];
  let firstEnd = Infinity;
  for (const index of order) {
    if (((done >> BigInt(index)) & 1n) === 1n) continue;
    const { invokedAt } = history[index] as Operation<unknown, unknown>;
    firstEnd = Math.min(firstEnd, endOf(history, index));
    if (invokedAt <= firstEnd) found.push(index);
  }
  return found;
}

function endOf(history: readonly Operation<unknown, unknown>[], index: number): number {
  const operation = history[index];
  return operation === undefined || operation.output === undefined ? Infinity : operation.endedAt;
}

function pathTo(place: Place<unknown> | undefined): readonly number[] {
  const path: number[] = [];
  for (let at = place; at !== undefined && at.last >= 0; at = at.before) path.unshift(at.last);
  return path;
}
