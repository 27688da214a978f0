import { accessSync, constants, statSync } from "node:fs";
import { delimiter, isAbsolute, join, resolve } from "node:path";

/**
 * The absolute path of a program: a name is looked for along PATH, a path with a slash is taken from `base`.
 * Undefined if there is nothing there that can be executed.
 */
export function resolveProgram(
  name: string,
  { base, path }: { readonly base: string; readonly path: string },
): string | undefined {
  if (name.includes("/")) {
    const stated = resolve(base, name);
    return isExecutable(stated) ? stated : undefined;
  }
  return path
    .split(delimiter)
    .filter((folder) => isAbsolute(folder))
    .map((folder) => join(folder, name))
    .find(isExecutable);
}

/** True for a folder that is there. */
export function isFolder(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() === true;
}

/** True for a folder that is there and in which folders can be made. */
export function isWritableFolder(path: string): boolean {
  try {
    accessSync(path, constants.W_OK | constants.X_OK);
    return isFolder(path);
  } catch {
    return false;
  }
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}
