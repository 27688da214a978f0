/**
 * Proves that the committed `gen/` is what `proto/` generates: generates into a temporary folder with the
 * same
 * `buf.gen.yaml` and compares every file. `gen/` itself is not touched.
 *
 * Usage: node scripts/check-generated.ts; ends with 1 and the names of the files that differ.
 */
import { execFileSync } from "node:child_process";
import { globSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const root = join(import.meta.dirname, "..");
const bin = join(root, "node_modules/.bin");

/** Every file below a folder, by its path from there. */
function readTree(folder: string): Map<string, string> {
  const files = globSync("**", { cwd: folder, withFileTypes: true }).filter((entry) => entry.isFile());
  return new Map(
    files.map((entry) => {
      const path = join(entry.parentPath, entry.name);
      return [path.slice(folder.length + 1), readFileSync(path, "utf8")];
    }),
  );
}

const folder = mkdtempSync(join(tmpdir(), "signalbox-gen-"));
try {
  const env = { ...process.env, PATH: `${bin}:${process.env["PATH"] ?? ""}` };
  execFileSync(join(bin, "node"), ["scripts/vendor-protos.ts"], { cwd: root, env, stdio: "inherit" });
  execFileSync(join(bin, "buf"), ["generate", "--output", folder], { cwd: root, env, stdio: "inherit" });

  const expected = readTree(join(folder, "gen"));
  const found = readTree(join(root, "gen"));
  const paths = [...new Set([...expected.keys(), ...found.keys()])].sort();
  const stale = paths.filter((path) => expected.get(path) !== found.get(path));
  if (expected.size === 0) throw new Error("proto/ generates nothing");
  if (stale.length > 0) {
    console.error("gen/ is not what proto/ generates; run npm run generate. These files differ:");
    for (const path of stale) console.error(`  gen/${path}`);
    process.exitCode = 1;
  } else {
    console.log(`gen/ is current: ${expected.size} files`);
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}
