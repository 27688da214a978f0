import { execFile } from "node:child_process";
import { mkdtempSync, readdirSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect, onTestFinished, test } from "vitest";
import { createClient, type Event, RefusedError, type SignalboxClient } from "../../src/client/client.ts";
import { createWorker } from "../../src/worker/worker.ts";
import { StartedServer } from "../support/started-server.ts";

const command = join(import.meta.dirname, "../../bin/signalbox.js");
/** 8 callers at once, and so many runs acknowledged before and after the backup. */
const callers = 8;
const runsBefore = 150;
const runsAfter = 100;

const silent = { debug() {}, info() {}, warn() {}, error() {} };

/** Runs the command to its end; what it printed, as JSON. */
async function run(...args: string[]): Promise<Record<string, unknown>> {
  const { stdout } = await promisify(execFile)(process.execPath, [command, ...args, "--json"]);
  return JSON.parse(stdout) as Record<string, unknown>;
}

async function start(options: Parameters<typeof StartedServer.start>[0] = {}): Promise<StartedServer> {
  const flags = ["--lease-ms", "3000", "--pulse-interval-ms", "1000"];
  const server = await StartedServer.start({ flags, ...options });
  onTestFinished(() => server.remove());
  return server;
}

/** Creates runs of a task each, several at once, until it is told to stop. */
class Creating {
  readonly acknowledged: string[] = [];
  readonly #client: SignalboxClient;
  readonly #callers: Promise<void>[];
  #isOver = false;
  #looks: (() => void)[] = [];

  constructor(client: SignalboxClient) {
    this.#client = client;
    this.#callers = Array.from({ length: callers }, (_, caller) => this.#create(caller));
  }

  async until(count: number): Promise<void> {
    while (this.acknowledged.length < count) await new Promise<void>((resolve) => this.#looks.push(resolve));
  }

  async stop(): Promise<void> {
    this.#isOver = true;
    await Promise.all(this.#callers);
  }

  async #create(caller: number): Promise<void> {
    for (let number = 0; !this.#isOver; number += 1) {
      const runId = `c${caller}-${number}`;
      await this.#client.runs.create({ runId, op: "double", input: { number }, retry: { maxAttempts: 9 } });
      this.acknowledged.push(runId);
      for (const look of this.#looks.splice(0)) look();
    }
  }
}

/** Keeps every event of a watch until it ends; how it ended. */
function follow(client: SignalboxClient) {
  const events: Event[] = [];
  const ended = (async () => {
    try {
      for await (const frame of client.events.watch({ from: "beginning" })) events.push(...frame.events);
      return undefined;
    } catch (error) {
      return error;
    }
  })();
  return { events, ended };
}

async function listAll(client: SignalboxClient): Promise<Event[]> {
  const events: Event[] = [];
  for await (const event of client.events.list()) events.push(event);
  return events;
}

test("a backup that is taken under load has all that was acknowledged before, and goes on where it ends", async () => {
  const server = await start();
  const client = createClient({ address: server.url, retry: { forMs: 30_000, backoffMsMax: 200 } });
  onTestFinished(() => client.close());
  const worker = createWorker({ address: server.url, workerId: "w", concurrency: 10, log: silent });
  worker.task<{ number: number }>("double", async (_ctx, { number }) => ({ number: number * 2 }));
  onTestFinished(() => worker.stop({ graceMs: 0 }).catch(() => undefined));
  await worker.start();
  const watch = follow(client);
  const creating = new Creating(client);

  await creating.until(runsBefore);
  const before = [...creating.acknowledged];
  const folder = mkdtempSync(join(tmpdir(), "signalbox-backup-"));
  const taken = await run("backup", "--data", server.data, "--to", folder);
  await creating.until(creating.acknowledged.length + runsAfter);
  await creating.stop();
  const [file = "", ...others] = readdirSync(folder);
  expect(others).toEqual([]);
  expect(join(folder, file)).toBe(taken["file"]);
  const seen = await listAll(client);
  const port = Number(server.url.split(":").at(-1));
  await server.kill();

  const data = join(folder, "data");
  const restored = await run("restore", "--from", join(folder, file), "--data", data);
  const head = Number(restored["head"]);
  expect(restored).toMatchObject({ feedId: taken["feedId"], head: taken["head"] });
  const again = await start({ data, port });

  // The watch resumed by itself, and is told that the feed is another one.
  const error = await watch.ended;
  expect(error).toBeInstanceOf(RefusedError);
  const { reason, metadata } = error as RefusedError;
  expect(reason).toBe("CURSOR_EXPIRED");
  expect(metadata["feed_epoch"]).toBe(restored["newFeedId"]);

  const kept = (await listAll(client)).slice(0, head);
  expect(seen.length).toBeGreaterThan(head);
  expect(kept).toEqual(seen.slice(0, head));
  expect(watch.events.slice(0, head)).toEqual(kept);
  for (const runId of before) expect((await client.runs.get(runId)).runId).toBe(runId);

  // It resumes right behind the last place that both have in common, and all that was begun comes to its end.
  await client.runs.create({ runId: "new", op: "double", input: { number: 1 } });
  const open = new Set([...before, "new"]);
  for (const runId of before) if ((await client.runs.get(runId)).state === "SUCCEEDED") open.delete(runId);
  const behind: Event[] = [];
  for await (const { events } of client.events.watch({ cursor: metadata["resume_cursor"] ?? "" })) {
    behind.push(...events);
    for (const event of events) if (event.kind === "RUN_ENDED") open.delete(event.runId);
    if (open.size === 0) break;
  }
  expect(Number(`0x${behind[0]?.eventId}`)).toBe(head + 1);
  for (const runId of before) expect((await client.runs.get(runId)).state).toBe("SUCCEEDED");
  expect(again.log).not.toMatch(/"level":"(error|fatal)"/);
});
