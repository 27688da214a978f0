import { readdirSync } from "node:fs";

/** 900 files: each is one input of the manifest's task, of which there may be 1,000. */
export const filesMax = 900;

/** The plain files below a folder, as paths relative to it with forward slashes, in order of path. */
export function findFiles(folder: string): readonly string[] {
  const found = readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => `${entry.parentPath}/${entry.name}`.replaceAll("\\", "/"));
  const root = `${folder.replaceAll("\\", "/").replace(/\/+$/, "")}/`;
  return found.map((path) => (path.startsWith(root) ? path.slice(root.length) : path)).sort();
}
