import { describe, expect, test } from "vitest";
import { IdSource, newId } from "../../src/engine/clock.ts";

describe("ids", () => {
  test("sort in the order in which they were made, whatever the clock does", () => {
    const ids = new IdSource();
    const times = [1_000, 1_000, 1_001, 900, 1_001, 1_002, 1_002, 5];
    const made = times.map((time) => ids.next("r", 1_700_000_000_000 + time));
    expect([...made].sort()).toEqual(made);
    expect(new Set(made).size).toBe(made.length);
  });

  test.each([
    { given: "no carry", chance: 0 },
    { given: "a carry through all digits into the time", chance: 1 - Number.EPSILON },
  ])("stay unique and in order within one millisecond with $given", ({ chance }) => {
    const ids = new IdSource({ next: () => chance });
    const made = Array.from({ length: 100 }, () => ids.next("r", 1_700_000_000_000));
    expect([...made].sort()).toEqual(made);
    expect(new Set(made).size).toBe(made.length);
  });

  test("are a prefix and 17 lower-case letters and digits", () => {
    for (const nowMs of [0, 1, 1_700_000_000_000, 2 ** 45 - 1]) {
      expect(new IdSource().next("s", nowMs)).toMatch(/^s[0-9a-z]{17}$/);
    }
  });

  test("of the process come from one source", () => {
    const one = newId("r", 1_700_000_000_000);
    expect(newId("r", 1_700_000_000_000) > one).toBe(true);
  });
});
