import { mkdtempSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { hashToken, readTokensFile } from "../../src/configuration-tokens.ts";
import { runCli } from "./cli-run.ts";

const folder = mkdtempSync(join(tmpdir(), "signalbox-tokens-"));
const at = (name: string) => ["--file", join(folder, name)];

test("a token is printed once, and its file keeps its hash and whom it stands for", async () => {
  const file = at("a.json");
  const { code, out } = await runCli(["token", "create", "--subject", "ci", "--group", "ops", ...file]);
  expect(code).toBe(0);
  const token = out.trim();
  const [, path = ""] = file;
  expect(readFileSync(path, "utf8")).not.toContain(token);
  expect(statSync(path).mode & 0o077).toBe(0);
  expect(readTokensFile(path)).toMatchObject([{ subject: "ci", groups: ["ops"], sha256: hashToken(token) }]);
  const json = await runCli(["token", "create", "--subject", "ana", "--json", ...file]);
  expect(JSON.parse(json.out)).toEqual({
    token: expect.stringMatching(/^sbx_/),
    subject: "ana",
    groups: [],
  });
  const listed = await runCli(["tokens", ...file]);
  expect(listed.out).toMatch(/^SUBJECT +GROUPS +AGE +SHA-256\nci +ops +\ds +[0-9a-f]{12}\nana /);
  const lines = (await runCli(["tokens", "--json", ...file])).out.trimEnd().split("\n");
  expect(lines.map((line) => JSON.parse(line))).toMatchObject([{ subject: "ci" }, { subject: "ana" }]);
});

test("tokens are revoked by whom they stand for, or by the beginning of their hash", async () => {
  const file = at("b.json");
  const create = async (subject: string) =>
    (await runCli(["token", "create", "--subject", subject, ...file])).out.trim();
  const [first] = [await create("ci"), await create("ana"), await create("ana")];
  expect((await runCli(["token", "revoke", "--subject", "ana", ...file])).out).toBe("revoked: 2\n");
  const prefix = hashToken(first ?? "").slice(0, 10);
  const last = await runCli(["token", "revoke", "--sha256", prefix, "--json", ...file]);
  expect(JSON.parse(last.out)).toEqual({ revokedCount: 1 });
  expect(await runCli(["tokens", ...file])).toMatchObject({ out: "", notes: "no tokens\n" });
});

test.each([
  { args: ["token", "create"], says: "token create needs --subject" },
  { args: ["token", "revoke"], says: "token revoke needs --subject or --sha256, one of them" },
  { args: ["token", "revoke", "--subject", "a", "--sha256", "00000000"], says: "one of them" },
  { args: ["token", "revoke", "--sha256", "12"], says: "must be 8 to 64 hexadecimal digits" },
  { args: ["token", "revoke", "--subject", "nobody"], says: "has no such token" },
])("$args is told to be wrong", async ({ args, says }) => {
  const ran = await runCli([...args, ...at("none.json")]);
  expect(ran).toMatchObject({ code: 2, out: "" });
  expect(ran.notes).toContain(says);
});

test("a file that cannot be read or written is told to be wrong", async () => {
  const path = join(folder, "bad.json");
  for (const content of ["{}", "no json", '{"tokens": [{"subject": 5}]}']) {
    writeFileSync(path, content);
    const ran = await runCli(["tokens", "--file", path]);
    expect(ran).toMatchObject({ code: 2, out: "" });
    expect(ran.notes).toContain(path);
  }
  const gone = await runCli(["token", "create", "--subject", "a", "--file", join(folder, "no/such/x")]);
  expect(gone.code).toBe(2);
  expect(gone.notes).toContain("ENOENT");
});
