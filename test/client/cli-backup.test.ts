import { mkdirSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { EmbeddedStore } from "../../src/store/embedded/embedded-store.ts";
import { runCli } from "./cli-run.ts";

const folder = mkdtempSync(join(tmpdir(), "signalbox-cli-backup-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const at = (name: string) => join(folder, name);

test("a backup is taken of a folder that is in use, into a file or a folder, and put back", async () => {
  const store = await EmbeddedStore.open({ path: at("data") });
  const { feedId } = store;
  const taken = await runCli(["backup", "--data", at("data"), "--to", at("one.db")]);
  expect(taken).toMatchObject({ code: 0, notes: "" });
  expect(taken.out).toMatch(new RegExp(`^backup +${at("one.db")}\nsize +\\d+ bytes\nfeed +${feedId}\n`));
  mkdirSync(at("many"));
  const json = await runCli(["backup", "--data", at("data"), "--to", at("many"), "--json"]);
  const file = join(at("many"), readdirSync(at("many"))[0] ?? "");
  expect(file).toMatch(/signalbox-\d{8}T\d{6}Z\.db$/);
  expect(JSON.parse(json.out)).toMatchObject({ file, feedId, head: 0, runCount: 0 });
  await store.close();

  const restored = await runCli(["restore", "--from", file, "--data", at("restored")]);
  expect(restored.code).toBe(0);
  expect(restored.out).toContain(`which goes on from ${feedId} behind event 0`);
  expect(restored.notes).toContain("CURSOR_EXPIRED");
  const again = await runCli(["restore", "--from", file, "--data", at("again"), "--json"]);
  expect(JSON.parse(again.out)).toMatchObject({
    feedId,
    newFeedId: expect.stringMatching(/^[0-9a-f-]{36}$/),
  });
});

test.each([
  { given: "no target", args: ["backup"], says: "backup needs --to" },
  { given: "no store", args: ["backup", "--data", at("none"), "--to", at("x.db")], says: "holds no store" },
  {
    given: "a folder that is not there to write in",
    args: ["backup", "--data", at("restored"), "--to", join(at("none"), "x.db")],
    says: "cannot be copied",
  },
  { given: "no backup", args: ["restore"], says: "restore needs --from" },
  { given: "a backup that is not there", args: ["restore", "--from", at("none.db")], says: "is not there" },
  {
    given: "a folder that holds something",
    args: ["restore", "--from", at("one.db"), "--data", at("restored")],
    says: "is not empty",
  },
])("$given is told as a mistake of the command line", async ({ args, says }) => {
  const { code, out, notes } = await runCli(args);
  expect([code, out]).toEqual([2, ""]);
  expect(notes).toContain(says);
});
