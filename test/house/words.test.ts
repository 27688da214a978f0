import { describe, expect, test } from "vitest";
import { readFiles, type SourceFile } from "./tree.ts";

const sources = readFiles("src/**/*.ts", "scripts/**/*.ts", "bench/**/*.ts");
const tests = readFiles("test/**/*.ts");

/** The places where a pattern stands in the files, as `path:line: text`. */
function find(files: readonly SourceFile[], pattern: RegExp): string[] {
  return files.flatMap((file) =>
    file.text.split("\n").flatMap((line, index) => {
      const match = pattern.exec(line);
      return match === null ? [] : [`${file.path}:${index + 1}: ${match[0].trim()}`];
    }),
  );
}

describe("the sources", () => {
  test("say what each exported thing is, in a comment above it", () => {
    const bare = sources.flatMap((file) => {
      const lines = file.text.split("\n");
      return lines.flatMap((line, index) => {
        const name =
          /^export (?:declare |abstract |async )*(?:function\*?|class|const|interface|type) (\w+)/.exec(line);
        if (name === null) return [];
        // Short declarations that stand together share the comment above the first of them.
        let first = index - 1;
        while (/^(?:export )?(?:const|type) .*;$/.test(lines[first] ?? "")) first -= 1;
        const above = lines[first]?.trim() ?? "";
        // The further signatures of an overloaded function stand under the comment of its first.
        const isOverload = above.startsWith(`export function ${name[1]}`);
        return above.endsWith("*/") || isOverload ? [] : [`${file.path}:${index + 1}: ${name[1]}`];
      });
    });
    expect(bare).toEqual([]);
  });

  test("name no Manager, Helper, Util or Handler of their own", () => {
    const declared =
      /^export (?:async )?(?:function|class|const|interface|type) \w*(?:Manager|Helper|Utils?|Handler)\b/;
    expect(find(sources, declared)).toEqual([]);
  });

  test("keep no notes to self", () => {
    expect(find(sources, /\b(?:TODO|FIXME|XXX|HACK)\b/)).toEqual([]);
  });
});

test("titles of tests are sentences that are true, not wishes", () => {
  expect(find(tests, /\b(?:test|it|describe)(?:\.\w+)*\(\s*["'`][^"'`]*\bshould\b/)).toEqual([]);
});
