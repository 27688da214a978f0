import { describe, expect, test } from "vitest";
import { AnswerLinks, type NewLink } from "../../src/api/callbacks/answer-links.ts";
import { runKey } from "../../src/core/name.ts";

const nowMs = 1_700_000_000_000;
const key = new Uint8Array(32).fill(7);
const links = new AnswerLinks({ key, publicUrl: "https://box.example/" });

const claims: NewLink = {
  run: runKey("team-a", "run-1"),
  action: "build/approve",
  instance: 2,
  subject: "ana@example.com",
  expireMs: nowMs + 60_000,
};

function tokenOf(link: string): string {
  return link.slice(link.lastIndexOf("/") + 1);
}

describe("an answer link", () => {
  test.each([
    { given: "everything", parts: {} },
    { given: "no expiry and nobody's name", parts: { expireMs: undefined, subject: "" } },
    { given: "texts beyond ASCII", parts: { subject: "Zoë 🦉 Ångström" } },
    {
      given: "the longest names",
      parts: {
        run: runKey("n".repeat(63), "r".repeat(128)),
        action: "a".repeat(1032),
        subject: "🦉".repeat(256),
        instance: 2 ** 31 - 1,
      },
    },
  ])("with $given says the same when it comes back", ({ parts }) => {
    const stated = { ...claims, ...parts };
    const link = links.mint(stated);
    expect(link).toMatch(/^https:\/\/box\.example\/answer\/[\w-]+\.[\w-]{43}$/);
    expect(link.length).toBeLessThan(8192);
    expect(links.verify(tokenOf(link), nowMs)).toEqual({ ok: true, claims: stated });
  });

  test("is good until it expires, and expired from then on", () => {
    const token = tokenOf(links.mint(claims));
    expect(links.verify(token, nowMs + 59_999)).toMatchObject({ ok: true });
    expect(links.verify(token, nowMs + 60_000)).toEqual({
      ok: false,
      refusal: { reason: "LINK_EXPIRED", expireTime: "2023-11-14T22:14:20.000Z" },
      claims,
    });
  });

  test("is invalid as soon as any character of it is another one, is missing or is added", () => {
    const token = tokenOf(links.mint(claims));
    for (let at = 0; at < token.length; at += 1) {
      const [before, found, behind] = [token.slice(0, at), token[at], token.slice(at + 1)];
      expect(links.verify(`${token}.${behind}`, nowMs)).toMatchObject({ ok: false });
      const others = ["A", "B", "g", "_", "-", ".", "=", "+", "/", "", `${found}A`].filter(
        (one) => one !== found,
      );
      for (const other of others) {
        const changed = `${before}${other}${behind}`;
        expect(links.verify(changed, nowMs)).toMatchObject({
          ok: false,
          refusal: { reason: "LINK_INVALID" },
        });
      }
    }
  });

  test("is invalid with each bit of its bytes turned over", () => {
    const [payload = "", signature = ""] = tokenOf(links.mint(claims)).split(".");
    for (const [part, isPayload] of [
      [payload, true],
      [signature, false],
    ] as const) {
      const bytes = Buffer.from(part, "base64url");
      for (let bit = 0; bit < bytes.length * 8; bit += 1) {
        const turned = Buffer.from(bytes);
        turned[bit >> 3] = (turned[bit >> 3] as number) ^ (1 << (bit & 7));
        const text = turned.toString("base64url");
        const token = isPayload ? `${text}.${signature}` : `${payload}.${text}`;
        expect(links.verify(token, nowMs)).toMatchObject({ refusal: { reason: "LINK_INVALID" } });
      }
    }
  });

  test.each([
    { token: "" },
    { token: "." },
    { token: "a.b" },
    { token: "a.b.c" },
    { token: "ÿ".repeat(80) },
    { token: "A".repeat(100_000) },
    { token: `${"A".repeat(40)}.${"A".repeat(43)}` },
  ])("is invalid as $token.length characters of anything", ({ token }) => {
    expect(links.verify(token, nowMs)).toMatchObject({ ok: false, refusal: { reason: "LINK_INVALID" } });
  });

  test("of another store is invalid, and so is one with the parts of two", () => {
    const others = new AnswerLinks({ key: new Uint8Array(32).fill(8), publicUrl: "https://box.example" });
    expect(links.verify(tokenOf(others.mint(claims)), nowMs)).toMatchObject({ ok: false });
    const [payload] = tokenOf(links.mint({ ...claims, instance: 3 })).split(".");
    const [, signature] = tokenOf(links.mint(claims)).split(".");
    expect(links.verify(`${payload}.${signature}`, nowMs)).toEqual({
      ok: false,
      refusal: { reason: "LINK_INVALID" },
      // What it says may be recorded, not believed.
      claims: { ...claims, instance: 3 },
    });
  });

  test("is the same with the same nonce, another with another one, and never the same without", () => {
    expect(links.mint({ ...claims, nonce: "a" })).toBe(links.mint({ ...claims, nonce: "a" }));
    expect(links.mint({ ...claims, nonce: "a" })).not.toBe(links.mint({ ...claims, nonce: "b" }));
    expect(links.mint(claims)).not.toBe(links.mint(claims));
  });

  test("leads to the public address, or to where the server listens if there is none", () => {
    const open = new AnswerLinks({ key, publicUrl: "" });
    expect(() => open.mint(claims)).toThrow("links are made when it is known where they lead to");
    open.leadTo("http://127.0.0.1:7233");
    open.leadTo("http://127.0.0.1:1");
    expect(open.mint(claims)).toMatch(/^http:\/\/127\.0\.0\.1:7233\/answer\//);
    const proxied = new AnswerLinks({ key, publicUrl: "https://a.example/box/" });
    proxied.leadTo("http://127.0.0.1:7233");
    expect(proxied.mint(claims)).toMatch(/^https:\/\/a\.example\/box\/answer\//);
    expect([open.pathPrefix, links.pathPrefix, proxied.pathPrefix]).toEqual(["", "", "/box"]);
  });
});
