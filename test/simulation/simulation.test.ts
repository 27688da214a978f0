import { describe, expect, test } from "vitest";
import { corpus } from "./corpus.ts";
import { simulate, simulateSeed, stepsPerSeed } from "./simulation.ts";
import { faultKinds } from "./world/fault-plan.ts";

/** About 8 s on a quiet machine with two cores. Other seeds are for `simulate.ts`, by hand. */
const stepsInAll = 60_000;
const firstSeed = 1_000;

describe("a simulation", () => {
  test.each([{ seed: 1 }, { seed: 2 }])("of seed $seed is the same twice", async ({ seed }) => {
    const [one, other] = [
      await simulateSeed({ seed, steps: stepsPerSeed }),
      await simulateSeed({ seed, steps: stepsPerSeed }),
    ];
    expect(other.trace).toEqual(one.trace);
    expect(other.digest).toBe(one.digest);
    expect(one.steps).toBeGreaterThan(stepsPerSeed);
  });

  test("of another seed is another one", async () => {
    const one = await simulateSeed({ seed: 1, steps: 200 });
    const other = await simulateSeed({ seed: 2, steps: 200 });
    expect(other.digest).not.toBe(one.digest);
  });

  test.each(corpus)("keeps every promise where $name", async ({ seed, steps }) => {
    const { violations } = await simulateSeed({ seed, steps });
    expect(violations).toEqual([]);
  });
});

test("every promise is kept through every kind of fault, and everything ends once they cease", async () => {
  const { violations, faultsByKind, runs } = await simulate({ steps: stepsInAll, firstSeed });
  expect(violations).toEqual([]);
  expect(runs).toBeGreaterThan(100);
  expect(faultKinds.filter((kind) => (faultsByKind[kind] ?? 0) === 0)).toEqual([]);
}, 120_000);
