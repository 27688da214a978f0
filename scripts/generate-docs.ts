/**
 * Writes the pages that the code's own tables say: `docs/errors.md` from the refusals,
 * `docs/configuration.md` from the options, and `docs/coverage-*.md` from the rows of other systems and the
 * titles of tests.
 *
 * Usage: node scripts/generate-docs.ts [--check]. With `--check` nothing is written, and a page that is not
 * current ends it with 1.
 */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Code } from "@connectrpc/connect";
import { type RefusalRow, refusalRows } from "../src/api/refusals.ts";
import { printMarkdown } from "../src/configuration-print.ts";
import { printCoverage } from "./coverage-page.ts";

const note = "<!-- Written by `npm run docs`. Not for editing. -->";

/** The names of a row's facts: whatever is asked of this stand-in for the facts, there is something there. */
function factNames(row: RefusalRow<never>): string[] {
  const anything: unknown = new Proxy(() => "", {
    get: (_, property) => (property === Symbol.toPrimitive ? () => "" : anything),
    apply: () => anything,
  });
  return Object.keys(row.metadata(anything as never));
}

/** `FAILED_PRECONDITION` for `Code.FailedPrecondition`. */
function codeName(code: Code): string {
  return (Code[code] ?? "").replace(/(?<=[a-z])(?=[A-Z])/g, "_").toUpperCase();
}

function printErrors(): string {
  const sections = Object.entries(refusalRows as Record<string, RefusalRow<never>>).map(([reason, row]) => {
    const facts = factNames(row).map((name) => `\`${name}\``);
    return [
      `## ${reason}`,
      "",
      `\`${codeName(row.code)}\`${facts.length === 0 ? "" : ` with ${facts.join(", ")}`}`,
      "",
      `**What happened.** ${row.happened}`,
      "",
      `**What to do.** ${row.remedy}`,
      "",
    ].join("\n");
  });
  return [
    "# Errors",
    "",
    note,
    "",
    "A refused request carries a `google.rpc.ErrorInfo` whose domain is `signalbox`, whose reason is one of",
    "those below, and whose metadata holds the facts. Programs branch on the reason, never on the message.",
    "`google.rpc.BadRequest` names every field that is wrong; `google.rpc.RetryInfo` says how long to wait,",
    "where waiting helps.",
    "",
    ...sections,
  ].join("\n");
}

function printConfiguration(): string {
  return [
    "# Configuration",
    "",
    note,
    "",
    "The server reads its options from flags, the environment and a JSON file (`--config FILE` or",
    "`SIGNALBOX_CONFIG`). Flags win over the environment, the environment over the file. All mistakes are",
    "reported at once, and nothing is started while there is one.",
    "",
    printMarkdown(),
  ].join("\n");
}

const check = process.argv.includes("--check");
for (const [path, text] of [
  ["docs/errors.md", printErrors()],
  ["docs/configuration.md", printConfiguration()],
  ["docs/coverage-gyoza.md", printCoverage({ system: "gyoza", note })],
] as const) {
  const file = join(import.meta.dirname, "..", path);
  const found = existsSync(file) ? readFileSync(file, "utf8") : "";
  const wanted = `${text.trimEnd()}\n`;
  if (found === wanted) {
    console.log(`${path} is current`);
  } else if (check) {
    console.error(`${path} is not what the code says; run npm run docs`);
    process.exitCode = 1;
  } else {
    writeFileSync(file, wanted);
    console.log(`${path} written`);
  }
}
