import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { EmbeddedStore } from "../../src/store/embedded/embedded-store.ts";
import type { FromReader, ToReader } from "../messages.ts";
import type { BenchOptions } from "../options.ts";
import { type Conversation, type Part, startReader, startServer } from "../processes.ts";
import { profileFlags } from "../scene.ts";

/** How many transactions are on their way to the store at once. */
const lotSize = 250;

/** What came of one reading of the feed by some subscribers. */
export interface Followed {
  readonly subscribers: number;
  /** In all of them together. */
  readonly events: number;
  readonly perSecond: number;
  /** CPU for each event that was sent, in microseconds. */
  readonly cpuUs: { readonly server: number; readonly store: number; readonly reader: number };
}

/** A server whose feed holds published events, and a process that follows it. */
export class FeedScene {
  readonly #folder: string;
  readonly #server: Part;
  readonly #reader: Conversation<ToReader, FromReader>;

  /** Writes the feed and starts both. */
  static async open(options: BenchOptions): Promise<FeedScene> {
    mkdirSync(options.folder, { recursive: true });
    const folder = mkdtempSync(join(options.folder, "signalbox-bench-"));
    await publish(folder, options);
    const { part: server, address } = await startServer(folder, {
      flags: [...options.serverFlags, ...profileFlags(options, "server")],
    });
    const reader = await startReader(address, { flags: profileFlags(options, "reader") });
    return new FeedScene(folder, server, reader);
  }

  private constructor(folder: string, server: Part, reader: Conversation<ToReader, FromReader>) {
    this.#folder = folder;
    this.#server = server;
    this.#reader = reader;
  }

  /** Has so many read the whole feed at once, from its beginning to its head; a first time goes before it. */
  async follow(subscribers: number, expression = ""): Promise<Followed> {
    this.#reader.say({ kind: "read", streams: Math.min(subscribers, 10), expression });
    await this.#reader.hear("read");
    await delay(200);
    const before = this.#cpu();
    this.#reader.say({ kind: "read", streams: subscribers, expression });
    const { events, firstMs, lastMs } = await this.#reader.hear("read");
    const after = this.#cpu();
    return {
      subscribers,
      events,
      perSecond: events / ((lastMs - firstMs) / 1_000),
      cpuUs: {
        server: (after.server - before.server) / events,
        store: (after.store - before.store) / events,
        reader: (after.reader - before.reader) / events,
      },
    };
  }

  /** Ends both processes and removes the store. */
  async close(): Promise<void> {
    await this.#reader.stop();
    await this.#server.end(() => this.#server.child.kill("SIGTERM"));
    rmSync(this.#folder, { recursive: true, force: true });
  }

  #cpu() {
    const store = this.#server.threadCpuUs("signalbox-store");
    return { server: this.#server.cpuUs() - store, store, reader: this.#reader.cpuUs() };
  }
}

/** Fills a feed: events of about 150 bytes, a few in each transaction. */
async function publish(folder: string, options: BenchOptions): Promise<void> {
  const { feedEvents, perTransaction } = options;
  const store = await EmbeddedStore.open({ path: folder });
  const event = (number: number) => ({
    runId: "",
    action: "",
    published: {
      source: "bench/feed",
      type: "step.done",
      attributes: { shard: String(number % 8), worker: `w${number % 100}` },
      payload: { step: number, loss: number / 1_000 },
    },
  });
  try {
    for (let first = 0; first < feedEvents; first += lotSize * perTransaction) {
      const count = Math.min(lotSize, Math.ceil((feedEvents - first) / perTransaction));
      const transactions = Array.from({ length: count }, (_, index) => {
        const begin = first + index * perTransaction;
        const events = Array.from({ length: perTransaction }, (__, at) => event(begin + at));
        const request = { requestId: "", digest: "" };
        const command = { kind: "publishEvents", request, namespace: "default", events } as const;
        return store.transact(command, { nowMs: Date.now(), chance: 0.5 });
      });
      const refused = (await Promise.all(transactions)).find(({ ok }) => !ok);
      if (refused !== undefined) throw new Error(`events were refused: ${JSON.stringify(refused)}`);
    }
  } finally {
    await store.close();
  }
}
