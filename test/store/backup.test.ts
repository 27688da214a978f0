import { copyFileSync, existsSync, readdirSync, statSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterEach, describe, expect, test } from "vitest";
import type { Position } from "../../src/core/event.ts";
import { epochsPerRestore, feedAncestorsMax } from "../../src/limits.ts";
import { BackupError } from "../../src/store/embedded/backup/files.ts";
import { restoreBackup } from "../../src/store/embedded/backup/restore-backup.ts";
import { takeBackup } from "../../src/store/embedded/backup/take-backup.ts";
import { databaseFile } from "../../src/store/embedded/database.ts";
import { EmbeddedStore } from "../../src/store/embedded/embedded-store.ts";
import { beginEpoch, feedIdentityOf } from "../../src/store/embedded/meta.ts";
import { StoreUnavailable } from "../../src/store/store.ts";
import { eventRow, keyOf, runRow, subscriptionRow } from "../support/rows.ts";
import { type Script, type ScriptAnswer, scripted } from "../support/scripted-rules.ts";
import { newFolder, scriptedRules } from "./folders.ts";

const opened: EmbeddedStore[] = [];
afterEach(async () => {
  await Promise.all(opened.splice(0).map((store) => store.close()));
});

async function open(path: string): Promise<EmbeddedStore> {
  const store = await EmbeddedStore.open({ path, rules: scriptedRules });
  opened.push(store);
  return store;
}

function say(store: EmbeddedStore, script: Script) {
  return store.transact<"publishEvents">(scripted(script), { nowMs: 0, chance: 0 });
}

const nowMs = 1_800_000_000_000;

/** A folder with a store that has a run, a subscription and two events, open. */
async function filled(): Promise<{ folder: string; store: EmbeddedStore }> {
  const folder = newFolder();
  const store = await open(folder);
  const events = [eventRow("r", "1"), eventRow("r", "2", { timeMs: 1_700_000_000_000 })];
  await say(store, {
    change: { runs: [runRow("r")], subscriptions: [subscriptionRow("s")], events: events.slice(0, 1) },
  });
  await say(store, { change: { events: events.slice(1) } });
  return { folder, store };
}

describe("a backup", () => {
  test("has what was committed before, and not what comes after, while the store is open", async () => {
    const { folder, store } = await filled();
    const file = join(newFolder(), "copy.db");
    const contents = await takeBackup({ folder, file });
    expect(contents).toEqual({
      feedId: store.feedId,
      head: 2,
      lastEventTimeMs: 1_700_000_000_000,
      runCount: 1,
      liveRunCount: 1,
      subscriptionCount: 1,
    });
    await say(store, { change: { runs: [runRow("later")], events: [eventRow("later")] } });
    const data = join(newFolder(), "data");
    await restoreBackup({ from: file, folder: data, nowMs });
    const copy = await open(data);
    expect([await copy.head(), await copy.run(keyOf("later"))]).toEqual([2n, undefined]);
    expect(await copy.run(keyOf("r"))).toEqual(await store.run(keyOf("r")));
    const query = { after: 0n as Position, run: undefined, eventsMax: 9, bytesMax: 9_999 };
    const page = await store.readFeed(query);
    expect((await copy.readFeed(query)).transactions).toEqual(page.transactions.slice(0, 2));
    expect(await store.head()).toBe(3n);
  });

  test("is one file for its owner alone, and nothing is left beside it", async () => {
    const { folder } = await filled();
    const target = newFolder();
    await takeBackup({ folder, file: join(target, "copy.db") });
    expect(readdirSync(target)).toEqual(["copy.db"]);
    expect(statSync(join(target, "copy.db")).mode & 0o777).toBe(0o600);
  });

  test("of a folder that no server has open has what a killed one left in its log", async () => {
    const { folder } = await filled();
    const killed = newFolder();
    for (const ending of ["", "-wal"]) {
      copyFileSync(join(folder, `${databaseFile}${ending}`), join(killed, `${databaseFile}${ending}`));
    }
    const file = join(newFolder(), "copy.db");
    expect((await takeBackup({ folder: killed, file })).head).toBe(2);
  });

  test("is refused where there is no store, or the name is taken, and changes nothing", async () => {
    const { folder } = await filled();
    const target = newFolder();
    const file = join(target, "copy.db");
    await expect(takeBackup({ folder: newFolder(), file })).rejects.toThrow("holds no store");
    writeFileSync(file, "mine");
    await expect(takeBackup({ folder, file })).rejects.toThrow(`${file} is there already`);
    expect([readdirSync(target), statSync(file).size]).toEqual([["copy.db"], 4]);
    const missing = join(target, "no", "such", "folder.db");
    await expect(takeBackup({ folder, file: missing })).rejects.toThrow("cannot be copied");
  });
});

describe("a restore", () => {
  async function backUp(): Promise<{ file: string; feedId: string }> {
    const { folder, store } = await filled();
    const file = join(newFolder(), "copy.db");
    await takeBackup({ folder, file });
    return { file, feedId: store.feedId };
  }

  test("begins a new epoch of the feed, with leases that nobody can have", async () => {
    const { file, feedId } = await backUp();
    const folder = join(newFolder(), "made", "by", "it");
    const restored = await restoreBackup({ from: file, folder, nowMs });
    expect(restored).toMatchObject({ feedId, head: 2, runCount: 1 });
    expect(readdirSync(folder).sort()).toEqual(["lock", databaseFile]);
    const store = await open(folder);
    expect(store.feedId).toBe(restored.newFeedId);
    expect(store.feedId).not.toBe(feedId);
    expect(store.feedOrigin).toEqual({ timeMs: nowMs, ancestors: [{ feedId, through: 2n }] });
    const outcome = await say(store, { asks: [["epochBase"]], change: { events: [eventRow("r", "3")] } });
    expect(outcome).toMatchObject({ ok: true, position: 3n });
    expect(outcome.ok && (outcome.answer as ScriptAnswer).asked).toEqual([nowMs]);
  });

  test("of the same backup twice gives two epochs, and no lease twice", async () => {
    const { file } = await backUp();
    const bases: unknown[] = [];
    const feedIds = new Set<string>();
    for (const timeMs of [1_000, 1_000 + epochsPerRestore, 2 ** 40]) {
      const folder = newFolder();
      feedIds.add((await restoreBackup({ from: file, folder, nowMs: timeMs })).newFeedId);
      const outcome = await say(await open(folder), { asks: [["epochBase"]] });
      bases.push(...(outcome.ok ? (outcome.answer as ScriptAnswer).asked : []));
    }
    expect(feedIds.size).toBe(3);
    expect(bases).toEqual([epochsPerRestore, epochsPerRestore + 1_000, 2 ** 40]);
  });

  test("is refused into a folder that holds something, or that a server has open", async () => {
    const { file } = await backUp();
    const { folder } = await filled();
    await expect(restoreBackup({ from: file, folder, nowMs })).rejects.toThrow("is not empty");
    const other = newFolder();
    writeFileSync(join(other, "notes.txt"), "mine");
    await expect(restoreBackup({ from: file, folder: other, nowMs })).rejects.toThrow("(notes.txt)");
    expect(readdirSync(other)).toEqual(["notes.txt"]);
    const locked = newFolder();
    const lock = new DatabaseSync(join(locked, "lock"));
    lock.exec("BEGIN EXCLUSIVE");
    await expect(restoreBackup({ from: file, folder: locked, nowMs })).rejects.toThrow(StoreUnavailable);
    lock.close();
    await restoreBackup({ from: file, folder: locked, nowMs });
  });

  test("goes over what a restore left that was cut off", async () => {
    const { file } = await backUp();
    const folder = newFolder();
    for (const ending of ["", "-journal", "-wal"])
      writeFileSync(join(folder, `${databaseFile}.partial${ending}`), "x");
    await restoreBackup({ from: file, folder, nowMs });
    expect(readdirSync(folder).sort()).toEqual(["lock", databaseFile]);
  });

  test.each<{ given: string; spoil: (file: string) => void; says: RegExp }>([
    {
      given: "a file that is none",
      spoil: (file) => writeFileSync(file, "no database".repeat(99)),
      says: /not a database/,
    },
    {
      given: "one that is cut off",
      spoil: (file) => truncateSync(file, 20 * 4_096),
      says: /malformed|damaged/,
    },
    {
      given: "a database of others",
      spoil: (file) => spoilWith(file, "DROP TABLE meta"),
      says: /no database of Signalbox/,
    },
    {
      given: "one of a newer version",
      spoil: (file) => spoilWith(file, "INSERT INTO schema_files (number, name) VALUES (9999, 'later.sql')"),
      says: /the database has schema 9999/,
    },
    {
      given: "one with a hole in its feed",
      spoil: (file) => spoilWith(file, "DELETE FROM feed WHERE first = 1"),
      says: /1 events missing/,
    },
    {
      given: "one with a subscription that was further",
      spoil: (file) => spoilWith(file, "UPDATE subscriptions SET through = 99"),
      says: /1 subscriptions ahead/,
    },
    {
      given: "one with a task of no run",
      spoil: (file) =>
        spoilWith(
          file,
          "DELETE FROM runs",
          "INSERT INTO attempts SELECT 'default/r', 'a', 1, 'FAILED', 1, NULL, NULL, NULL, NULL, 0, '', NULL, NULL, NULL, NULL",
        ),
      says: /1 ended attempts without their action/,
    },
  ])("is refused of $given, and leaves nothing behind", async ({ spoil, says }) => {
    const { file } = await backUp();
    spoil(file);
    const folder = newFolder();
    const refused = restoreBackup({ from: file, folder, nowMs });
    await expect(refused).rejects.toThrow(says);
    await expect(refused).rejects.toThrow(BackupError);
    expect(readdirSync(folder).filter((name) => !name.startsWith("lock"))).toEqual([]);
  });

  test("is made of the folder of another server too, and of nothing where there is nothing", async () => {
    const { folder, store } = await filled();
    const data = newFolder();
    expect(await restoreBackup({ from: folder, folder: data, nowMs })).toMatchObject({
      feedId: store.feedId,
    });
    const gone = join(newFolder(), "gone.db");
    await expect(restoreBackup({ from: gone, folder: newFolder(), nowMs })).rejects.toThrow(
      `${gone} is not there`,
    );
    expect(existsSync(gone)).toBe(false);
  });

  test("remembers a bounded number of epochs before", async () => {
    const { folder, store } = await filled();
    await store.close();
    const database = new DatabaseSync(join(folder, databaseFile));
    for (let count = 0; count < feedAncestorsMax + 5; count += 1) beginEpoch(database, 2, nowMs + count);
    const { origin } = feedIdentityOf(database, 0);
    expect(origin.ancestors.length).toBe(feedAncestorsMax);
    expect(origin.ancestors.some(({ feedId }) => feedId === store.feedId)).toBe(false);
    database.close();
  });
});

/** Changes a database behind the back of Signalbox. */
function spoilWith(file: string, ...statements: readonly string[]): void {
  const database = new DatabaseSync(file);
  for (const sql of statements) database.exec(sql);
  database.close();
}
