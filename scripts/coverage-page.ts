import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";

const root = join(import.meta.dirname, "..");

/** One row of what another system does, as `test/acceptance/<system>/rows.json` lists them. */
export interface AcceptanceRow {
  readonly id: string;
  readonly item: string;
  readonly rule: string;
}

/** A test that shows rows. */
export interface ShowingTest {
  readonly file: string;
  readonly title: string;
}

/** The rows of a system, in the table's order. */
export function readRows(system: string): readonly AcceptanceRow[] {
  const path = join(root, `test/acceptance/${system}/rows.json`);
  return JSON.parse(readFileSync(path, "utf8")) as AcceptanceRow[];
}

/** The tests whose titles name a row, by the row's id. A title may name several, as `G-041 G-042 …`. */
export function findTests(): ReadonlyMap<string, readonly ShowingTest[]> {
  const testsById = new Map<string, ShowingTest[]>();
  for (const file of globSync("test/**/*.{test,spec}.ts", { cwd: root }).sort()) {
    const text = readFileSync(join(root, file), "utf8");
    for (const [, , title = ""] of text.matchAll(/(["'`])((?:[A-Z]-\d{3}[ ,]+)+(?:(?!\1)[^\\]|\\.)*)\1/g)) {
      for (const [id] of title.matchAll(/\b[A-Z]-\d{3}\b/g)) {
        const tests = testsById.get(id) ?? [];
        tests.push({ file, title });
        testsById.set(id, tests);
      }
    }
  }
  return testsById;
}

/** The page that lists the rows of a system with the tests that show each. */
export function printCoverage({ system, note }: { readonly system: string; readonly note: string }): string {
  const testsById = findTests();
  const rows = readRows(system);
  const shown = rows.filter(({ id }) => testsById.has(id)).length;
  const lines = rows.map(({ id, item, rule }) => {
    const tests = testsById.get(id) ?? [];
    const files = [...new Set(tests.map(({ file }) => file))];
    const told = files.map((file) => `[${file.replace(/^test\//, "")}](../${file})`).join("<br>");
    return `| ${id} | ${cell([item, rule].filter(Boolean).join(": "))} | ${told || "**none**"} |`;
  });
  return [
    `# What users of ${system} find here, row by row`,
    "",
    note,
    "",
    `${shown} of ${rows.length} rows are shown by tests that name them in their titles. Where Signalbox differs on`,
    `purpose, [${system}.md](${system}.md) says why, and the test shows what it does instead.`,
    "",
    "| row | what it asks | shown by |",
    "|--|--|--|",
    ...lines,
  ].join("\n");
}

function cell(text: string): string {
  return text.replaceAll("|", "\\|").replaceAll("\n", " ");
}
