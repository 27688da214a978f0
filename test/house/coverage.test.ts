import { expect, test } from "vitest";
import { findTests, readRows } from "../../scripts/coverage-page.ts";

test.each(["gyoza"])("every row of what %s does has a test that names it", (system) => {
  const testsById = findTests();
  const missing = readRows(system).filter(({ id }) => !testsById.has(id));
  expect(missing.map(({ id }) => id)).toEqual([]);
});

test("every row that a test names is one of a table", () => {
  const known = new Set(readRows("gyoza").map(({ id }) => id));
  expect([...findTests().keys()].filter((id) => !known.has(id))).toEqual([]);
});
