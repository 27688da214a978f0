/**
 * Builds `dist/`, what the published package runs: Node strips types everywhere but under `node_modules`.
 *
 * `dist/` mirrors the tree, so that every relative path holds in both: modules as JavaScript with
 * declarations, all other files under `src/` (schema files) as they are, and a `package.json` that says the
 * version.
 *
 * Usage: node scripts/build.ts
 */
import { execFileSync } from "node:child_process";
import { copyFileSync, globSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";

const root = join(import.meta.dirname, "..");
const dist = join(root, "dist");

rmSync(dist, { recursive: true, force: true });
execFileSync(join(root, "node_modules/.bin/tsc"), ["-p", "tsconfig.build.json"], {
  cwd: root,
  stdio: "inherit",
});

for (const entry of globSync("src/**", { cwd: root, withFileTypes: true })) {
  if (!entry.isFile() || entry.name.endsWith(".ts")) continue;
  const from = join(entry.parentPath, entry.name);
  const to = join(dist, from.slice(root.length));
  mkdirSync(dirname(to), { recursive: true });
  copyFileSync(from, to);
}

const { name, version, type } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
writeFileSync(join(dist, "package.json"), `${JSON.stringify({ name, version, type }, null, 2)}\n`);
