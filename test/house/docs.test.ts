import { execFileSync } from "node:child_process";
import { existsSync, readFileSync, statSync } from "node:fs";
import { join, posix } from "node:path";
import { describe, expect, test } from "vitest";
import { readFiles, root, type SourceFile } from "./tree.ts";

const pages = readFiles("*.md", "docs/**/*.md", "test/**/*.md", "bench/**/*.md", "clients/**/*.md");
const pageAt = new Map(pages.map((page) => [page.path, page]));

/** The page's text without its code, where a bracket is no link and a `#` no heading. */
function prose(page: SourceFile): string {
  return page.text
    .replace(/^( *)(```+)[^\n]*\n[\s\S]*?^\1\2 *$/gm, "")
    .replace(/`[^`\n]+`/g, (code) => code.replace(/[[\]()]/g, " "));
}

/** The relative links of a page, as paths from the root with the part after `#` apart. */
function linksOf(
  page: SourceFile,
): { readonly path: string; readonly anchor: string; readonly raw: string }[] {
  const targets = [
    ...[...prose(page).matchAll(/\]\(<?([^)\s>]+)>?(?:\s+"[^"]*")?\)/g)].map((match) => match[1] ?? ""),
    ...[...prose(page).matchAll(/^\[[^\]]+\]:\s*(\S+)/gm)].map((match) => match[1] ?? ""),
  ];
  return targets
    .filter((raw) => !/^[a-z][a-z+.-]*:/i.test(raw))
    .map((raw) => {
      const [file = "", anchor = ""] = raw.split("#", 2);
      const path = file === "" ? page.path : posix.join(posix.dirname(page.path), decodeURI(file));
      return { path: path.replace(/\/$/, ""), anchor, raw };
    });
}

/** The anchors that a page's headings have. */
function anchorsOf(page: SourceFile): Set<string> {
  const headings = [...page.text.replace(/^```[\s\S]*?^```/gm, "").matchAll(/^#{1,6}\s+(.+?)\s*#*$/gm)];
  const seen = new Map<string, number>();
  return new Set(
    headings.map((match) => {
      const words = (match[1] ?? "").replace(/\[([^\]]*)\]\([^)]*\)/g, "$1").toLowerCase();
      const slug = words.replace(/[^\p{L}\p{N}\s_-]/gu, "").replace(/\s/g, "-");
      const count = seen.get(slug) ?? 0;
      seen.set(slug, count + 1);
      return count === 0 ? slug : `${slug}-${count}`;
    }),
  );
}

describe("the pages", () => {
  test("link to files and headings that exist", () => {
    const broken = pages.flatMap((page) =>
      linksOf(page)
        .filter(({ path, anchor }) => {
          if (!existsSync(join(root, path))) return true;
          const target = pageAt.get(path);
          return anchor !== "" && target !== undefined && !anchorsOf(target).has(anchor);
        })
        .map(({ raw }) => `${page.path}: ${raw}`),
    );
    expect(broken).toEqual([]);
  });

  test("can all be reached by links from README.md or ARCHITECTURE.md", () => {
    const reached = new Set<string>();
    const visit = (path: string): void => {
      if (reached.has(path) || !existsSync(join(root, path))) return;
      reached.add(path);
      // A link to a folder shows the folder's pages.
      if (statSync(join(root, path)).isDirectory()) {
        for (const page of pages) if (posix.dirname(page.path) === path) visit(page.path);
      }
      const page = pageAt.get(path);
      if (page !== undefined) for (const link of linksOf(page)) visit(link.path);
    };
    visit("README.md");
    visit("ARCHITECTURE.md");
    const lost = pages.filter((page) => page.path.startsWith("docs/") && !reached.has(page.path));
    expect(lost.map((page) => page.path)).toEqual([]);
  });

  test.each(["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "CHANGELOG.md", "LICENSE"])(
    "%s exists",
    (path) => {
      expect(existsSync(join(root, path))).toBe(true);
    },
  );

  test("name only npm scripts that exist", () => {
    const { scripts } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as { scripts: object };
    const named = pages.flatMap((page) =>
      [...page.text.matchAll(/\bnpm run (?:--silent )?([a-z][a-z:-]*)/g)].map((match) => ({
        page,
        name: match[1] ?? "",
      })),
    );
    const unknown = named.filter(({ name }) => !(name in scripts));
    expect(unknown.map(({ page, name }) => `${page.path}: npm run ${name}`)).toEqual([]);
  });

  test("of decisions are short and numbered without a gap", () => {
    const decisions = pages.filter((page) => /^docs\/adr\/\d/.test(page.path));
    const numbers = decisions.map((page) => Number(/\d+/.exec(posix.basename(page.path))?.[0]));
    expect(numbers).toEqual(numbers.map((_, index) => index + 1));
    expect(decisions.filter((page) => page.text.split("\n").length > 81).map((page) => page.path)).toEqual(
      [],
    );
  });
});

test("no file that is or will be committed names a place outside the repository", () => {
  // Put together here so that this file does not name them itself.
  const places = [
    ["/work", "(main|shared|\\.library|\\.mirror)"],
    ["/tmp", "brief"],
    ["/root", ""],
  ].map((parts) => parts.join("/"));
  const hosts = [
    ["registry", "npmjs", "org"],
    ["registry", "yarnpkg", "com"],
    ["npm", "pkg", "github", "com"],
    ["pypi", "org"],
    ["pythonhosted", "org"],
    ["proxy", "golang", "org"],
    ["sum", "golang", "org"],
    ["crates", "io"],
  ].map((parts) => parts.join("\\."));
  const forbidden = new RegExp([...places, ...hosts].join("|"));

  const listed = execFileSync("git", ["ls-files", "-z", "--cached", "--others", "--exclude-standard"], {
    cwd: root,
    encoding: "utf8",
    maxBuffer: 16 * 1024 * 1024,
  });
  const found = listed
    .split("\0")
    .filter((path) => path !== "" && existsSync(join(root, path)))
    .flatMap((path) =>
      readFileSync(join(root, path), "utf8")
        .split("\n")
        .flatMap((line, index) =>
          forbidden.test(line) ? [`${path}:${index + 1}: ${forbidden.exec(line)?.[0]}`] : [],
        ),
    );
  expect(found).toEqual([]);
});
