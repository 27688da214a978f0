import type { CelEnv, CelValue } from "@bufbuild/cel";
import { isCelList, isCelMap } from "@bufbuild/cel";
import { expressionStepsMax } from "../../limits.ts";

/** The name of the call that stands around each turn of a loop; no text of an expression can say it. */
export const turnFunction = "@turn";
/** The name of the call that stands around what a loop goes over. */
export const rangeFunction = "@range";

/** How many characters are compared or searched for the price of one step. */
const charactersPerStep = 64;
/** What of a text one step pays for when a regular expression looks at it. */
const matchedPerStep = 4;

/** An evaluation took more steps than one event is worth. */
class StepsSpent extends Error {
  constructor() {
    super(`more than ${expressionStepsMax} steps`);
    this.name = "StepsSpent";
  }
}

/**
 * Counts what an evaluation does, and ends it when that is too much: each call of a function costs a step and
 * what it looks at of its arguments, each turn of a loop what its body has in it. Evaluations do not wait for
 * anything, so one meter serves all of them, one after the other.
 */
export class Meter {
  #left = expressionStepsMax;

  /** Begins to count anew. */
  begin(): void {
    this.#left = expressionStepsMax;
  }

  /** Takes steps. Throws when there are none left. */
  spend(steps: number): void {
    this.#left -= steps;
    if (this.#left < 0) throw new StepsSpent();
  }

  /** The same environment with functions that are paid for. */
  around(env: CelEnv): CelEnv {
    const find: CelEnv["funcs"]["find"] = (name) => {
      if (name === turnFunction) return this.#inner(name, (args) => Number(args[1]));
      if (name === rangeFunction) return this.#inner(name, (args) => this.#sizeOf(args[0]));
      const group = env.funcs.find(name);
      if (group === undefined) return undefined;
      const perCharacter = name === "matches" ? matchedPerStep : charactersPerStep;
      const call: typeof group.call = (id, target, args) => {
        this.spend(1);
        this.#pay(target, perCharacter);
        for (const arg of args) this.#pay(arg, perCharacter);
        return group.call(id, target, args);
      };
      return Object.create(group, { call: { value: call } }) as typeof group;
    };
    const funcs = Object.create(env.funcs, { find: { value: find } }) as CelEnv["funcs"];
    return Object.create(env, { funcs: { value: funcs } }) as CelEnv;
  }

  /** A function of ours: costs what is said and gives its first argument. */
  #inner(name: string, costOf: (args: readonly CelValue[]) => number) {
    return {
      name,
      call: (_id: number, _target: CelValue | undefined, args: CelValue[]) => {
        this.spend(costOf(args));
        return args[0];
      },
      *[Symbol.iterator]() {},
    };
  }

  #sizeOf(value: CelValue | undefined): number {
    return isCelList(value) || isCelMap(value) ? value.size : 0;
  }

  /** Pays for a look at all of a value, which stops as soon as it is too much. */
  #pay(value: CelValue | undefined, charactersPer: number): void {
    if (typeof value === "string") this.spend(Math.floor(value.length / charactersPer));
    else if (value instanceof Uint8Array) this.spend(Math.floor(value.length / charactersPer));
    else if (isCelList(value)) {
      this.spend(value.size);
      for (const item of value) this.#pay(item, charactersPer);
    } else if (isCelMap(value)) {
      this.spend(value.size);
      for (const [, item] of value) this.#pay(item, charactersPer);
    }
  }
}
