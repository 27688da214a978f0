import { posix } from "node:path";
import { describe, expect, test } from "vitest";
import { readFiles, type SourceFile } from "./tree.ts";

const lineCountMax = 300;
const columnCountMax = 110;
const literalColumnCountMax = 140;
const filesPerFolderMax = 15;

/**
 * A proto file says more: each element has its comment and its bounds, and requests stand beside their
 * service.
 */
const protoLineCountMax = 700;

/** Files that may be longer, each with its own bound and the reason why it is not two files. */
const longerFiles: Readonly<Record<string, { lines: number; because: string }>> = {};

/** Folders that may hold more files, each with its own bound and the reason why it is not two folders. */
const widerFolders: Readonly<Record<string, { files: number; because: string }>> = {
  "src/core": { files: 17, because: "the words that cross the door of the rules, and the draft" },
  "src/api": { files: 21, because: "a file for each service, and what all of them share" },
  "src/api/mapping": { files: 24, because: "a file for each noun of the contract and each direction" },
};

const sources = readFiles("src/**/*.{ts,sql}", "scripts/**/*.ts", "bench/**/*.ts", "bin/**/*.js");
const tests = readFiles("test/**/*.{ts,py,sh}");
const protos = readFiles("proto/**/*.proto");

function countLines({ text }: SourceFile): number {
  return text.replace(/\n$/, "").split("\n").length;
}

describe("a source file", () => {
  test(`has at most ${lineCountMax} lines, a proto ${protoLineCountMax}`, () => {
    const bound = ({ path }: SourceFile) =>
      longerFiles[path]?.lines ?? (path.endsWith(".proto") ? protoLineCountMax : lineCountMax);
    const tooLong = [...sources, ...protos].filter((file) => countLines(file) > bound(file));
    expect(tooLong.map((file) => `${file.path}: ${countLines(file)} lines`)).toEqual([]);
  });

  test(`has lines of at most ${columnCountMax} columns, tests too`, () => {
    // A long text, path or pattern that the formatter leaves whole may stick out, but not in a comment.
    const literal = /^(?!\s*(?:\*|\/\*|\/\/|--|#)).*(["'`/]).{45,}\1/;
    const tooWide = [...sources, ...protos, ...tests].flatMap((file) =>
      file.text.split("\n").flatMap((line, index) => {
        const columns = Array.from(line).length;
        const bound = literal.test(line) ? literalColumnCountMax : columnCountMax;
        return columns > bound ? [`${file.path}:${index + 1}: ${columns} columns`] : [];
      }),
    );
    expect(tooWide).toEqual([]);
  });

  test("is named in kebab-case", () => {
    const named = /^[a-z0-9]+(-[a-z0-9]+)*(\.(test|spec|d))?\.(ts|js|sql)$/;
    const misnamed = sources.filter((file) => !named.test(posix.basename(file.path)));
    expect(misnamed.map((file) => file.path)).toEqual([]);
  });
});

test(`a folder of sources has at most ${filesPerFolderMax} files`, () => {
  const counts = new Map<string, number>();
  for (const { path } of sources) counts.set(posix.dirname(path), (counts.get(posix.dirname(path)) ?? 0) + 1);
  const tooWide = [...counts].filter(
    ([path, files]) => files > (widerFolders[path]?.files ?? filesPerFolderMax),
  );
  expect(tooWide.map(([path, files]) => `${path}: ${files} files`)).toEqual([]);
});

test("an exception is still needed", () => {
  const longer = Object.keys(longerFiles).filter((path) => {
    const file = sources.find((candidate) => candidate.path === path);
    return file === undefined || countLines(file) <= lineCountMax;
  });
  const wider = Object.keys(widerFolders).filter(
    (folder) => sources.filter((file) => posix.dirname(file.path) === folder).length <= filesPerFolderMax,
  );
  expect([...longer, ...wider]).toEqual([]);
});
