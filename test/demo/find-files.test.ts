import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { findFiles } from "../../src/demo/find-files.ts";

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "signalbox-files-"));
});

afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
});

describe("the files of the demo", () => {
  test("are found at every depth, whatever their names, in order of path", () => {
    mkdirSync(join(folder, "deep", "深い"), { recursive: true });
    const names = ["a b.txt", "deep/z", "deep/深い/☃", "line\nbreak"];
    for (const name of names) writeFileSync(join(folder, name), "");
    expect(findFiles(folder)).toEqual(names);
  });

  test("leave out symbolic links, so that a link to a folder above does not repeat them", () => {
    mkdirSync(join(folder, "deep"));
    writeFileSync(join(folder, "deep", "file"), "");
    symlinkSync(folder, join(folder, "deep", "loop"));
    symlinkSync(join(folder, "deep", "file"), join(folder, "link"));
    symlinkSync("nowhere", join(folder, "dangling"));
    expect(findFiles(folder)).toEqual(["deep/file"]);
  });

  test.skipIf(process.platform === "win32")("keep a backslash that is part of a name", () => {
    writeFileSync(join(folder, "back\\slash"), "");
    expect(findFiles(folder)).toEqual(["back\\slash"]);
  });
});
