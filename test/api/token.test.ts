import { describe, expect, test } from "vitest";
import { isRunPlace } from "../../src/api/pages.ts";
import type { TokenKind } from "../../src/api/token.ts";
import { printCursor, printToken, readCursor, readToken, tokenScope } from "../../src/api/token.ts";
import type { Position } from "../../src/core/event.ts";

const filter = { namespace: "default", labels: { env: "prod", team: "a" } };
const scope = tokenScope("runs", filter, "feed-1");
const place = { timeMs: 1_735_689_600_000, run: "default/r1" };
const token = printToken(scope, place);

/** Reads a token for a place among runs. */
function read(under: typeof scope, text: string) {
  return readToken(under, text, isRunPlace);
}

describe("a page token", () => {
  test("gives back its place", () => {
    expect(read(scope, token)).toEqual({ ok: true, place });
  });

  test("says nothing in clear text and is safe in a URL", () => {
    expect(token).toMatch(/^[A-Za-z0-9_-]+$/);
    expect(token).not.toContain("default");
  });

  test("is good under the same filter in another order", () => {
    const same = tokenScope("runs", { labels: { team: "a", env: "prod" }, namespace: "default" }, "feed-1");
    expect(read(same, token)).toEqual({ ok: true, place });
  });

  test.each<{ name: string; kind: TokenKind; under: object; feedId: string; cause: string }>([
    { name: "under another filter", kind: "runs", under: {}, feedId: "feed-1", cause: "FILTER_CHANGED" },
    { name: "of another method", kind: "actions", under: filter, feedId: "feed-1", cause: "TOKEN_INVALID" },
    { name: "of another feed", kind: "runs", under: filter, feedId: "feed-2", cause: "OTHER_FEED" },
    {
      name: "under another filter of another feed",
      kind: "runs",
      under: {},
      feedId: "feed-2",
      cause: "FILTER_CHANGED",
    },
  ])("$name is $cause", ({ kind, under, feedId, cause }) => {
    expect(read(tokenScope(kind, under, feedId), token)).toEqual({ ok: false, cause });
  });

  test("with any one character changed is TOKEN_INVALID", () => {
    for (let index = 0; index < token.length; index += 1) {
      const other = token[index] === "A" ? "B" : "A";
      const changed = token.slice(0, index) + other + token.slice(index + 1);
      expect(read(scope, changed)).toEqual({ ok: false, cause: "TOKEN_INVALID" });
    }
  });

  test.each([{}, null, "a", [1], { timeMs: "1", run: "a/b" }, { timeMs: 1 }, { timeMs: 1, run: { x: 1 } }])(
    "that was forged for %j, which is no place, is TOKEN_INVALID",
    (forged) => {
      expect(read(scope, printToken(scope, forged))).toEqual({ ok: false, cause: "TOKEN_INVALID" });
    },
  );

  test("that is a cursor of the same scope is TOKEN_INVALID", () => {
    const cursor = printCursor(scope, 7n as Position);
    expect(read(scope, cursor)).toEqual({ ok: false, cause: "TOKEN_INVALID" });
  });

  test.each([
    { name: "empty", text: "" },
    { name: "cut short", text: token.slice(0, -1) },
    { name: "with something behind it", text: `${token}A` },
    { name: "with padding", text: `${token}==` },
    { name: "with a space in front", text: ` ${token}` },
    { name: "of the other alphabet", text: token.replaceAll("_", "/").replaceAll("-", "+").concat("+/") },
    { name: "that is no base64", text: "not a token!" },
    { name: "that is short", text: "AQ" },
    { name: "that is long", text: "A".repeat(1024) },
  ])("that is $name is TOKEN_INVALID", ({ text }) => {
    expect(read(scope, text)).toEqual({ ok: false, cause: "TOKEN_INVALID" });
  });
});

describe("a cursor", () => {
  const events = tokenScope("events", filter, "feed-1");

  test.each([0n, 1n, 255n, 2n ** 53n + 1n, 2n ** 64n - 1n])("gives back position %s", (position) => {
    const cursor = printCursor(events, position as Position);
    expect(readCursor(events, cursor)).toEqual({ ok: true, place: position });
  });

  test("is short", () => {
    expect(printCursor(events, 1n as Position)).toHaveLength(40);
  });

  test("is not a page token of the same scope", () => {
    expect(readCursor(events, printToken(events, place))).toEqual({ ok: false, cause: "TOKEN_INVALID" });
  });

  test("from before a restore is of another feed", () => {
    const cursor = printCursor(events, 7n as Position);
    const restored = tokenScope("events", filter, "feed-2");
    expect(readCursor(restored, cursor)).toEqual({ ok: false, cause: "OTHER_FEED" });
  });
});
