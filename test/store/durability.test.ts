import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { DatabaseSync } from "node:sqlite";
import { fileURLToPath } from "node:url";
import { afterEach, describe, expect, test } from "vitest";
import { lastPosition, type Position } from "../../src/core/event.ts";
import { databaseFile } from "../../src/store/embedded/database.ts";
import { EmbeddedStore, type EmbeddedStoreOptions } from "../../src/store/embedded/embedded-store.ts";
import { StoreUnavailable } from "../../src/store/store.ts";
import {
  actionRow,
  attemptRow,
  conditionRow,
  conditionWith,
  counterRow,
  deadLetterRow,
  eventRow,
  givenAnswer,
  keptSignalRow,
  keyedSignalRow,
  keyOf,
  limitRow,
  opRow,
  postRow,
  runRow,
  sessionRow,
  shapedSpec,
  standingRow,
  subscriptionRow,
  taskSpec,
} from "../support/rows.ts";
import { type Script, type ScriptAnswer, scripted } from "../support/scripted-rules.ts";
import { newFolder, scriptedRules } from "./folders.ts";
import { anyCondition } from "./queries.ts";

const opened: EmbeddedStore[] = [];
const children: ChildProcess[] = [];

afterEach(async () => {
  for (const child of children.splice(0)) child.kill("SIGKILL");
  await Promise.all(opened.splice(0).map((store) => store.close()));
});

async function open(path: string, parts: Partial<EmbeddedStoreOptions> = {}): Promise<EmbeddedStore> {
  const store = await EmbeddedStore.open({ path, rules: scriptedRules, ...parts });
  opened.push(store);
  return store;
}

function say(store: EmbeddedStore, script: Script) {
  return store.transact<"publishEvents">(scripted(script), { nowMs: 0, chance: 0 });
}

/** Starts a process that writes; its lines, as they come. */
function startWriter(path: string, { first = 0, width = 50, sizeKiBMax = "unlimited" } = {}) {
  const script = fileURLToPath(new URL("./child-writer.ts", import.meta.url));
  const command = `ulimit -f ${sizeKiBMax}; exec "$@"`;
  const args = ["-c", command, "sh", process.execPath, script, path, String(first), String(width)];
  const child = spawn("/bin/sh", args, { stdio: ["ignore", "pipe", "inherit"] });
  children.push(child);
  return { child, lines: createInterface({ input: child.stdout }) };
}

/** The numbers of all runs in the feed, and whether its positions have no holes. */
async function readWritten(store: EmbeddedStore): Promise<{ written: Set<number>; isWhole: boolean }> {
  const written = new Set<number>();
  let isWhole = true;
  let after = 0n as Position;
  for (;;) {
    const page = await store.readFeed({ after, run: undefined, eventsMax: 1_000, bytesMax: 1_000_000 });
    for (const transaction of page.transactions) {
      isWhole &&= transaction.first === after + 1n;
      after = lastPosition(transaction);
      for (const event of transaction.events) written.add(Number(event.runId.slice(1)));
    }
    if (page.atHead) return { written, isWhole };
  }
}

describe("a store that is opened again", () => {
  test("has everything that it had, and goes on with its feed", async () => {
    const path = newFolder();
    const first = await open(path);
    const inputs = { text: { value: { kind: "string", value: "x".repeat(50_000) } } } as const;
    const large = actionRow("r", "large", { spec: taskSpec({ inputs }), state: "QUEUED" });
    const parked = actionRow("r", "parked", { state: "QUEUED", parkedOn: "default/slow/x" });
    const shaped = actionRow("r", "shaped", { state: "QUEUED", spec: shapedSpec("x", { opVersion: 1 }) });
    const post = postRow("r", "c");
    const asking = conditionRow("r", "b-open", {
      spec: conditionWith({ correlationKey: "order-2" }),
      standing: standingRow({ assignee: "bo", answers: [givenAnswer("ana")] }),
    });
    await say(first, {
      change: {
        runs: [runRow("r", { createdBy: "rita" })],
        newActions: [actionRow("r", "a"), actionRow("r", "a/x"), large, parked, shaped, asking],
        newEdges: [{ run: keyOf("r"), from: "a", to: "large" }],
        newAttempts: [attemptRow("r", "a", 1)],
        keptSignals: [keptSignalRow("r", "c")],
        keyedSignals: [keyedSignalRow("order-1")],
        posts: [post],
        answers: [{ key: "k", digest: "d", answer: { x: 1 }, timeMs: 2 }],
        newOps: [opRow("work", 1), opRow("gone", 7)],
        limits: [limitRow("slow")],
        counters: [counterRow("slow", "x", { heldCount: 3 })],
        subscriptions: [subscriptionRow("hook", { ahead: [[5, 6]] })],
        deadLetters: [deadLetterRow("hook", 4)],
        sessions: [sessionRow("s", { sharedNamespaces: ["other"] })],
        events: [eventRow("r", "1"), eventRow("r", "2")],
      },
    });
    await say(first, { change: { goneOps: [opRow("gone", 7)] } });
    const linkKey = await first.linkKey();
    await first.close();

    const again = await open(path);
    expect(again.feedId).toBe(first.feedId);
    expect(await again.linkKey()).toEqual(linkKey);
    expect(await again.head()).toBe(2n);
    const asked = await say(again, {
      asks: [
        ["run", keyOf("r")],
        ["children", keyOf("r"), "a"],
        ["children", keyOf("r"), ""],
        ["dependents", keyOf("r"), "a"],
        ["queued", "default", "work", "", 9],
        ["keptSignal", keyOf("r"), "c"],
        ["answer", "k"],
        ["op", "default", "work", 0],
        ["sessionOf", "default", "w"],
        ["queuedShapes", "default", "work"],
        ["parked", "default/slow/x", 9],
        ["liveTaskOf", "default", "work", 0],
        ["lastOpVersion", "default", "gone"],
        ["limits", "default"],
        ["counter", "default/slow/x"],
        ["subscription", "default", "hook"],
        ["deadLetters", "default", "hook", 9],
        ["keyedSignal", "default", "order-1"],
        ["keyedSignalCount", "default"],
        ["openByKey", "default", "order-2", 9],
        ["post", post.key],
      ],
      change: { events: [eventRow("r", "3")] },
    });
    expect(asked).toMatchObject({ ok: true, position: 3n });
    expect(asked.ok && (asked.answer as ScriptAnswer).asked).toMatchObject([
      { key: "default/r" },
      [{ name: "a/x" }],
      [{ name: "a" }, { name: "b-open" }, { name: "large" }, { name: "parked" }, { name: "shaped" }],
      ["large"],
      [{ name: "large", spec: { inputs } }],
      { action: "c" },
      { key: "k", answer: { x: 1 } },
      { version: 1 },
      { id: "s", sharedNamespaces: ["other"] },
      ["", "x"],
      [{ name: "parked" }],
      { name: "shaped" },
      7,
      [{ name: "slow" }],
      { heldCount: 3 },
      { ahead: [[5, 6]] },
      [{ position: 4 }],
      { by: { subject: "ana" }, expireMs: 9_000 },
      1,
      [{ name: "b-open", standing: { assignee: "bo", answers: [{ subject: "ana" }] } }],
      { about: "condition_paused" },
    ]);
    expect(await again.duePosts(2_000, 9)).toEqual({ posts: [post], nextMs: undefined });
    const ofBo = await again.listConditions({ ...anyCondition, assignee: "bo", order: "due" });
    expect(ofBo.items).toEqual([{ action: asking, runLabels: {}, requester: "rita", op: "" }]);
    expect(await again.listAttempts(keyOf("r"), "a")).toEqual([attemptRow("r", "a", 1)]);
  });

  test("is one file and its lock after a close, to be copied", async () => {
    const path = newFolder();
    const store = await open(path);
    await say(store, { change: { runs: [runRow("r")] } });
    expect(readdirSync(path)).toContain(`${databaseFile}-wal`);
    await store.close();
    expect(readdirSync(path).sort()).toEqual(["lock", databaseFile]);
  });

  test("has another feed once the row with its id is removed, as after a restore", async () => {
    const path = newFolder();
    const store = await open(path);
    await store.close();
    const database = new DatabaseSync(join(path, databaseFile));
    database.exec("DELETE FROM meta WHERE name = 'feed_id'");
    database.close();
    expect((await open(path)).feedId).not.toBe(store.feedId);
  });

  test("has everything that was acknowledged before kill -9, five times over", async () => {
    const path = newFolder();
    const acknowledged = new Set<number>();
    for (let round = 0; round < 5; round += 1) {
      const { child, lines } = startWriter(path, { first: round * 1_000_000 });
      const goal = acknowledged.size + 100 + 150 * round;
      for await (const line of lines) {
        const [word, number] = line.split(" ");
        if (word === "done") acknowledged.add(Number(number));
        if (acknowledged.size === goal) child.kill("SIGKILL");
      }
      const store = await open(path);
      const { written, isWhole } = await readWritten(store);
      expect([...acknowledged].filter((number) => !written.has(number))).toEqual([]);
      expect(isWhole).toBe(true);
      await store.close();
    }
  });
});

describe("a folder", () => {
  test("is open for one server only, which is said with its name", async () => {
    const path = join(newFolder(), "made", "by", "open");
    const first = await open(path);
    await expect(open(path)).rejects.toThrow(`another server has the folder ${path} open`);
    await first.close();
    await open(path);
  });

  test("is refused while another process has it open, and free once that is killed", async () => {
    const path = newFolder();
    const { child, lines } = startWriter(path);
    await once(lines, "line");
    await expect(open(path)).rejects.toThrow(StoreUnavailable);
    child.kill("SIGKILL");
    await once(child, "exit");
    await open(path);
  });

  test("that holds something else is refused, and is free again", async () => {
    const path = newFolder();
    writeFileSync(
      join(path, databaseFile),
      "this is not a database, but it is long enough to be looked at".repeat(20),
    );
    await expect(open(path)).rejects.toThrow(`the store in ${path} cannot be opened`);
    await expect(open(path)).rejects.toThrow("not a database");
  });

  test("that a newer Signalbox wrote is refused", async () => {
    const path = newFolder();
    await (await open(path)).close();
    const database = new DatabaseSync(join(path, databaseFile));
    const files = database.prepare("SELECT number FROM schema_files ORDER BY number").all();
    expect(files.map((file) => file["number"])).toEqual([1, 2, 3, 4, 5, 6]);
    database.exec("INSERT INTO schema_files (number, name) VALUES (9999, 'later.sql')");
    database.close();
    await expect(open(path)).rejects.toThrow(
      "the database has schema 9999, this version of Signalbox knows 6 at most",
    );
  });

  test("is free again when the rules cannot be loaded", async () => {
    const path = newFolder();
    const rules = new URL("./no-such-rules.ts", import.meta.url);
    await expect(open(path, { rules })).rejects.toThrow(StoreUnavailable);
    await open(path);
  });
});

describe("a disk that fails", () => {
  test("breaks the store for good: nothing is acknowledged afterwards, and all that was is there", async () => {
    const path = newFolder();
    const { lines } = startWriter(path, { sizeKiBMax: "3500" });
    const said: string[][] = [];
    for await (const line of lines) said.push(line.split(" "));
    const broken = said.findIndex(([word]) => word === "broken");
    const done = said.filter(([word]) => word === "done").map(([, number]) => Number(number));
    expect(said[broken]).toEqual(["broken", "StoreUnavailable"]);
    // So many fit even if each of them was committed by itself.
    expect(done.length).toBeGreaterThan(50);
    const after = said.slice(broken + 1).map(([word, , ...rest]) => [word, rest.at(-1)]);
    expect(after.filter(([word]) => word === "done")).toEqual([]);
    expect(
      said.filter(([word]) => word === "failed").every(([, , name]) => name === "StoreUnavailable"),
    ).toBe(true);
    expect(said.slice(-2).map(([word, name]) => [word, name])).toEqual([
      ["again", "StoreUnavailable:"],
      ["read", "StoreUnavailable:"],
    ]);
    const { written, isWhole } = await readWritten(await open(path));
    expect([isWhole, done.filter((number) => !written.has(number))]).toEqual([true, []]);
  });

  test("at the sync of a commit rejects what was in it, and all that comes after", async () => {
    const broken: Error[] = [];
    const rules = new URL("./failing-sync-rules.ts", import.meta.url);
    const store = await open(newFolder(), { rules, onBroken: (error) => broken.push(error) });
    await say(store, { change: { runs: [runRow("before")] } });
    const said = await Promise.allSettled([
      say(store, { change: { runs: [runRow("one")] } }),
      say(store, { change: { runs: [runRow("break the disk")] } }),
      say(store, { change: { runs: [runRow("two")] } }),
    ]);
    expect(said.map(({ status }) => status)).toEqual(["rejected", "rejected", "rejected"]);
    await expect(say(store, {})).rejects.toThrow(StoreUnavailable);
    await expect(store.run(keyOf("before"))).rejects.toThrow("disk I/O error");
    expect(broken).toHaveLength(1);
  });
});

test("a closed store leaves nothing that keeps its process alive", async () => {
  const path = newFolder();
  const { child, lines } = startWriter(path, { width: 0 });
  const said: string[] = [];
  for await (const line of lines) said.push(line);
  expect(said).toEqual(["open", "again done", "read done"]);
  expect(child.exitCode ?? (await once(child, "exit"))[0]).toBe(0);
});
