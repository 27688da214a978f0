import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { expect, test } from "vitest";
import { root } from "./tree.ts";

test("the generated pages say what the code's own tables say", () => {
  const script = join(root, "scripts/generate-docs.ts");
  const told = execFileSync(process.execPath, [script, "--check"], { encoding: "utf8" });
  expect(told).toContain("docs/errors.md is current");
  expect(told).toContain("docs/configuration.md is current");
  expect(told).toContain("docs/coverage-gyoza.md is current");
});
