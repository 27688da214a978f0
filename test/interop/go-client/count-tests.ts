/**
 * Counts the tests of a `go test -json` log, prints what failed with its output, and as its last line
 * `tests: N passed, N failed`. A package that does not build, or ends without a word, counts as a failed
 * test.
 *
 * Usage: node count-tests.ts LOG
 */
import { readFileSync } from "node:fs";

interface Line {
  readonly Action: string;
  readonly Package?: string;
  readonly Test?: string;
  readonly Output?: string;
}

const [log = ""] = process.argv.slice(2);
const lines = readFileSync(log, "utf8")
  .split("\n")
  .filter((line) => line.startsWith("{"))
  .map((line) => JSON.parse(line) as Line);

const outputs = new Map<string, string[]>();
const failures: string[] = [];
let passed = 0;
for (const { Action, Package = "", Test, Output = "" } of lines) {
  const name = Test === undefined ? Package : `${Package} ${Test}`;
  if (Action === "output" || Action === "build-output") {
    outputs.set(name, [...(outputs.get(name) ?? []), Output]);
  } else if (Action === "pass" && Test !== undefined) {
    passed += 1;
  } else if (Action === "fail" || Action === "build-fail") {
    failures.push(name);
  }
}
// A package fails with its tests; by itself it counts if none of them did.
const counted = failures.filter((name) => !failures.some((other) => other.startsWith(`${name} `)));
for (const name of failures) {
  console.log(`not ok - ${name}\n${(outputs.get(name) ?? []).join("")}`);
}
console.log(`tests: ${passed} passed, ${counted.length + (lines.length === 0 ? 1 : 0)} failed`);
