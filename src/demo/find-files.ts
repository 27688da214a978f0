import { readdirSync } from "node:fs";

/** 900 files: each is one input of the manifest's task, of which there may be 1,000. */
export const filesMax = 900;

/**
 * The plain files below a folder, as paths relative to it with forward slashes, in order of path. Symbolic
 * links are left out, to files and to folders: so each file comes once, and none from outside of the folder.
 */
export function findFiles(folder: string): readonly string[] {
  const found: string[] = [];
  const folders = [""];
  for (let path = folders.pop(); path !== undefined; path = folders.pop()) {
    for (const entry of readdirSync(`${folder}/${path}`, { withFileTypes: true })) {
      if (entry.isDirectory()) folders.push(`${path}${entry.name}/`);
      else if (entry.isFile()) found.push(`${path}${entry.name}`);
    }
  }
  return found.sort();
}
