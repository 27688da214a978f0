import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";

/** The repository's root. */
export const root = join(import.meta.dirname, "../..");

/** A text file of the tree. */
export interface SourceFile {
  /** Its path from the root, with slashes. */
  readonly path: string;
  readonly text: string;
}

/** Every file that matches one of the patterns, by path. A pattern that matches nothing is fine. */
export function readFiles(...patterns: readonly string[]): SourceFile[] {
  return globSync(patterns, { cwd: root, exclude: ["**/node_modules/**", "**/.venv/**"] })
    .sort()
    .map((path) => ({ path, text: readFileSync(join(root, path), "utf8") }));
}

/**
 * What a TypeScript file imports, as written, with the line it stands in. Types count: they bind as much as
 * values do.
 */
export function importsOf(file: SourceFile): { readonly from: string; readonly line: number }[] {
  const statement = /^(?:import|export)\b(?:[^;"'`]*?\bfrom)?\s*"([^"]+)"|\bimport\(\s*"([^"]+)"\s*\)/gm;
  return [...file.text.matchAll(statement)].map((match) => ({
    from: match[1] ?? match[2] ?? "",
    line: file.text.slice(0, match.index).split("\n").length,
  }));
}
