import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll } from "vitest";

/** The rules that do what a test's script says, for a store to load. */
export const scriptedRules = new URL("../support/scripted-rules.ts", import.meta.url);

const made: string[] = [];

/** A folder for one store, which is removed after the tests of the file. */
export function newFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "signalbox-store-"));
  made.push(folder);
  return folder;
}

afterAll(() => {
  for (const folder of made) rmSync(folder, { recursive: true, force: true });
});
