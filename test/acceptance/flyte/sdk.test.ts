import { readFileSync } from "node:fs";
import { expect, test } from "vitest";

/**
 * The suites of Flyte's SDK need Python and four environments: they are a step of their own. `npm test` holds
 * the facade to what the SDKs were recorded to send, and says loudly that it has not run them.
 */
const path = `${import.meta.dirname}/../../../.ci/run`;

test("the suites of Flyte's own SDK are run where changes are judged, and are not part of npm test", () => {
  if (process.env["CI"] !== "true") {
    console.warn("SKIPPED in npm test: the suites of Flyte's unmodified SDK; npm run test:flyte runs them");
  }
  expect(readFileSync(path, "utf8")).toContain("npm run --silent test:flyte");
});
