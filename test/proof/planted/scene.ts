import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createClient, type SignalboxClient } from "../../../src/client/client.ts";
import { type RecordedReport, fencedReports } from "../../guarantees/acknowledged.ts";
import { Random } from "../../support/random.ts";
import { StartedServer } from "../../support/started-server.ts";
import { FaultyDisk } from "../faults/disk.ts";
import { History, nowUs } from "../history/history.ts";
import { judge } from "../history/judge.ts";
import type { FilterName, Request, Response } from "../history/lines.ts";
import { asRecorded } from "../history/recorded.ts";
import { Keys, LoadClient } from "../load/load-client.ts";
import { filters, isOver, overType } from "../load/subscriber.ts";

const script = join(import.meta.dirname, "planted-server.ts");
const flags = ["--lease-ms", "5000", "--pulse-interval-ms", "1000", "--bookmark-interval-ms", "200"];
/** 10 frames of a stream that may have no event: longer than any bug hides one. */
const framesMax = 10;

/** A server, maybe with a bug in it, and a history of what it was asked and what it said. */
export class Scene {
  readonly server: StartedServer;
  readonly client: SignalboxClient;
  readonly history: History;
  readonly reports: RecordedReport[] = [];
  readonly disk: FaultyDisk | undefined;
  readonly random = new Random(7);
  readonly #folder: string;
  #asking: LoadClient;

  private constructor(parts: {
    readonly server: StartedServer;
    readonly folder: string;
    readonly disk: FaultyDisk | undefined;
    readonly name: string;
  }) {
    this.server = parts.server;
    this.disk = parts.disk;
    this.#folder = parts.folder;
    this.history = new History(join(parts.folder, "history.jsonl"), { name: parts.name, seed: 7 });
    this.client = createClient({ address: parts.server.url, retry: { forMs: 20_000, backoffMsMax: 200 } });
    this.#asking = this.#as(this.client, "client");
  }

  /** Starts a server; with a library that makes disks fail, its power can be cut. */
  static async start(
    bug: string,
    { library }: { readonly library?: string | undefined } = {},
  ): Promise<Scene> {
    const folder = mkdtempSync(join(tmpdir(), "signalbox-planted-"));
    const data = join(folder, "data");
    const disk =
      library === undefined
        ? undefined
        : new FaultyDisk({ library, folder: data, scratch: folder, keepsJournal: true });
    const environment = { SIGNALBOX_TEST_PLANT: bug, ...disk?.environment };
    const place = disk === undefined ? [] : ["--data", data];
    const server = await StartedServer.start({ flags: [...flags, ...place], script, environment });
    return new Scene({ server, folder, disk, name: bug });
  }

  /** Asks one thing of a run whose only action is a condition, or whose condition waits for a task. */
  ask(key: string, request: Request): Promise<Response | undefined> {
    return this.#asking.ask("condition", key, request);
  }

  /** The same by another client. */
  askBy(client: SignalboxClient, key: string, request: Request): Promise<Response | undefined> {
    return this.#as(client, "other").ask("condition", key, request);
  }

  /** Publishes three events as one transaction. */
  async publish(type: string): Promise<void> {
    await this.client.events.publish(Array.from({ length: 3 }, () => ({ source: "scene", type })));
  }

  /**
   * Follows as a subscriber of a name until it was given so many events, from its beginning or from a cursor;
   * answers the last cursor.
   */
  async follow(
    subscriber: string,
    options: {
      readonly filter?: FilterName;
      readonly cursor?: string | undefined;
      readonly until: "over" | "head" | number;
    },
  ): Promise<string> {
    const { filter = "all", cursor, until } = options;
    const start = cursor === undefined ? ("beginning" as const) : { cursor };
    this.history.write({ type: "stream", subscriber, filter, start });
    const from = cursor === undefined ? { from: "beginning" as const } : { cursor };
    let last = cursor ?? "";
    let eventCount = 0;
    let silent = 0;
    for await (const frame of this.client.events.watch({ ...filters[filter], ...from })) {
      this.history.write({ type: "frame", subscriber, frame: asRecorded(frame) });
      last = frame.cursor;
      eventCount += frame.events.length;
      silent = frame.events.length === 0 ? silent + 1 : 0;
      if (typeof until === "number" && eventCount >= until) break;
      if (until === "over" && isOver(frame)) break;
      if (until === "head" && frame.atHead) break;
      if (silent > framesMax) break;
    }
    return last;
  }

  /** Reads the whole feed, and names every promise that was broken. `mustEnd` runs must have ended. */
  async judge({ mustEnd = false }: { readonly mustEnd?: boolean } = {}): Promise<readonly string[]> {
    await this.client.events.publish([{ source: "proof", type: overType }]);
    for (const filter of ["all", "ends"] as const) {
      const transactions: ReturnType<typeof asRecorded>["events"][] = [];
      for await (const event of this.client.events.list(filters[filter])) {
        transactions.push(asRecorded({ events: [event], cursor: "", atHead: false }).events);
      }
      this.history.write({ type: "reference", filter, transactions: together(transactions) });
    }
    if (mustEnd) this.history.write({ type: "over", at: nowUs() });
    const reports = fencedReports(this.reports).map((violation) => `Fenced: ${violation}`);
    return [...judge(this.history.lines).violations, ...reports];
  }

  /** Ends the server and deletes everything. */
  async remove(): Promise<void> {
    this.client.close();
    this.history.close();
    await this.server.remove();
    rmSync(this.#folder, { recursive: true, force: true });
  }

  #as(client: SignalboxClient, name: string): LoadClient {
    return new LoadClient({ client, history: this.history, name, random: this.random, keys: new Keys() });
  }
}

type Transactions = ReturnType<typeof asRecorded>["events"][];

/** Lists know no transactions: what a scene publishes together has a type of its own, and everything else one. */
function together(events: Transactions): Transactions {
  return events;
}
