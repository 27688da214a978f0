import { describe, expect, test } from "vitest";
import { Random } from "../support/random.ts";
import { judgeLinear, type Model, type Operation } from "./linearizable.ts";

type Input = { readonly set: number } | "get";

/** A register: what was set last is what is got. */
const register: Model<number, Input, number> = {
  initial: 0,
  step(state, input, output) {
    if (input !== "get") return [input.set];
    return output === undefined || output === state ? [state] : [];
  },
};

/** A call over a time, as `set 1` or `get 1`; without an end its outcome is unknown. */
function call(
  process: string,
  what: string,
  invokedAt: number,
  endedAt = Infinity,
): Operation<Input, number> {
  const [verb, number] = what.split(" ");
  const value = Number(number);
  const input: Input = verb === "set" ? { set: value } : "get";
  return { process, input, output: endedAt === Infinity ? undefined : value, invokedAt, endedAt };
}

describe("a history of a register", () => {
  test.each([
    { name: "nothing", history: [], verdict: "linear" },
    {
      name: "a get behind its set",
      history: [call("a", "set 1", 0, 1), call("b", "get 1", 2, 3)],
      verdict: "linear",
    },
    {
      name: "a get of what was before a set that had ended",
      history: [call("a", "set 1", 0, 1), call("b", "get 0", 2, 3)],
      verdict: "not linear",
    },
    {
      name: "gets beside a set, the old value first",
      history: [call("a", "set 1", 0, 9), call("b", "get 0", 1, 2), call("b", "get 1", 3, 4)],
      verdict: "linear",
    },
    {
      name: "gets beside a set, the new value first",
      history: [call("a", "set 1", 0, 9), call("b", "get 1", 1, 2), call("b", "get 0", 3, 4)],
      verdict: "not linear",
    },
    {
      name: "two sets at once, seen in either order by two readers",
      history: [
        call("a", "set 1", 0, 9),
        call("b", "set 2", 0, 9),
        call("c", "get 1", 10, 11),
        call("d", "get 2", 12, 13),
      ],
      verdict: "not linear",
    },
    {
      name: "a set of unknown outcome that took effect late",
      history: [call("a", "set 1", 0), call("b", "get 0", 1, 2), call("b", "get 1", 3, 4)],
      verdict: "linear",
    },
    {
      name: "a set of unknown outcome that never took effect",
      history: [call("a", "set 1", 0), call("b", "get 0", 1, 2), call("b", "get 0", 3, 4)],
      verdict: "linear",
    },
    {
      name: "a set of unknown outcome that took effect twice",
      history: [
        call("a", "set 1", 0),
        call("b", "get 1", 1, 2),
        call("b", "set 2", 3, 4),
        call("b", "get 1", 5, 6),
      ],
      verdict: "not linear",
    },
    {
      name: "a get of what nobody has set yet",
      history: [call("b", "get 1", 1, 2), call("a", "set 1", 3)],
      verdict: "not linear",
    },
    {
      name: "calls that end in the moment in which others begin",
      history: [call("a", "set 1", 0, 5), call("b", "get 0", 5, 6)],
      verdict: "linear",
    },
  ] as const)("of $name is $verdict", ({ history, verdict }) => {
    expect(judgeLinear(register, history).verdict).toBe(verdict);
  });

  test("that is not linear says how far it could be told", () => {
    const history = [call("a", "set 1", 0, 1), call("b", "get 1", 2, 3), call("b", "get 2", 4, 5)];
    expect(judgeLinear(register, history)).toMatchObject({ verdict: "not linear", deepest: [0, 1] });
  });

  test("of a thousand calls with twenty unknown ones is judged", () => {
    const history: Operation<Input, number>[] = [];
    for (let round = 0; round < 500; round += 1) {
      if (round % 25 === 0) history.push(call("u", `set ${1_000 + round}`, 4 * round));
      history.push(call("a", `set ${round}`, 4 * round, 4 * round + 1));
      history.push(call("b", `get ${round}`, 4 * round + 2, 4 * round + 3));
    }
    expect(judgeLinear(register, history).verdict).toBe("linear");
  });
});

/** A thing that may move by itself: closes at any moment, and stays closed. */
const door: Model<"open" | "closed", "look" | "close", "open" | "closed"> = {
  initial: "open",
  step(state, input, output) {
    if (input === "close") return output === undefined || output === "closed" ? ["closed"] : [];
    if (output === undefined) return [state];
    if (output === "closed") return ["closed"];
    return state === "open" ? ["open"] : [];
  },
};

test("a model may have more than one state behind an operation, and fewer than one", () => {
  const look = (output: "open" | "closed", at: number) =>
    ({ process: "a", input: "look", output, invokedAt: at, endedAt: at + 1 }) as const;
  expect(judgeLinear(door, [look("open", 0), look("closed", 2), look("closed", 4)]).verdict).toBe("linear");
  expect(judgeLinear(door, [look("closed", 0), look("open", 2)]).verdict).toBe("not linear");
});

/** Tries every order of every choice of the unknown operations, by nothing but the definition. */
function judgeByForce(history: readonly Operation<Input, number>[]): boolean {
  const known = history.filter(({ output }) => output !== undefined);
  const isTold = (taken: readonly Operation<Input, number>[], state: number): boolean => {
    if (known.every((operation) => taken.includes(operation))) return true;
    return history.some((operation) => {
      if (taken.includes(operation)) return false;
      const isLate = known.some((other) => !taken.includes(other) && other.endedAt < operation.invokedAt);
      if (isLate) return false;
      return register
        .step(state, operation.input, operation.output)
        .some((next) => isTold([...taken, operation], next));
    });
  };
  return isTold([], register.initial);
}

test("random small histories are judged as by trying everything", () => {
  const random = new Random(20_261_121);
  const verdicts = { linear: 0, "not linear": 0, "too large": 0 };
  for (let round = 0; round < 3_000; round += 1) {
    const history = Array.from({ length: 1 + random.below(6) }, (_, index) => {
      const invokedAt = random.below(8);
      const end = random.percent(20) ? Infinity : invokedAt + random.below(5);
      const verb = random.percent(50) ? "set" : "get";
      return call(`p${index}`, `${verb} ${random.below(3)}`, invokedAt, end);
    });
    const { verdict } = judgeLinear(register, history);
    verdicts[verdict] += 1;
    expect({ history, linear: verdict === "linear" }).toEqual({ history, linear: judgeByForce(history) });
  }
  expect(verdicts.linear).toBeGreaterThan(300);
  expect(verdicts["not linear"]).toBeGreaterThan(300);
});
