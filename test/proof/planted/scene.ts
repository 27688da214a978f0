import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createClient, type NewRun, type SignalboxClient } from "../../../src/client/client.ts";
import { fencedReports, type RecordedReport } from "../../guarantees/acknowledged.ts";
import type { RecordedEvent } from "../../guarantees/record.ts";
import { Random } from "../../support/random.ts";
import { FaultyDisk } from "../faults/disk.ts";
import { Program } from "../faults/program.ts";
import { History, nowUs } from "../history/history.ts";
import { judge } from "../history/judge.ts";
import type { FilterName, Request, Response, RunKind } from "../history/lines.ts";
import { asRecorded } from "../history/recorded.ts";
import { Keys, LoadClient } from "../load/load-client.ts";
import { filters, isOver, overType } from "../load/subscriber.ts";

const script = join(import.meta.dirname, "planted-server.ts");
const flags = ["--lease-ms", "5000", "--pulse-interval-ms", "1000", "--bookmark-interval-ms", "200"];
/** 10 frames of a stream that may have no event: longer than any bug hides one. */
const framesMax = 10;

/** A server, maybe with a bug in it, and a history of what it was asked and what it said. */
export class Scene {
  readonly client: SignalboxClient;
  readonly history: History;
  readonly reports: RecordedReport[] = [];
  readonly disk: FaultyDisk | undefined;
  readonly random = new Random(7);
  readonly port: number;
  readonly bug: string;
  readonly #folder: string;
  readonly #asking: LoadClient;
  #server: Program;

  private constructor(parts: {
    readonly server: Program;
    readonly port: number;
    readonly folder: string;
    readonly disk: FaultyDisk | undefined;
    readonly bug: string;
  }) {
    this.#server = parts.server;
    this.port = parts.port;
    this.disk = parts.disk;
    this.bug = parts.bug;
    this.#folder = parts.folder;
    this.history = new History(join(parts.folder, "history.jsonl"), { name: parts.bug, seed: 7 });
    this.client = createClient({ address: this.url, retry: { forMs: 20_000, backoffMsMax: 200 } });
    this.#asking = this.#as(this.client, "client");
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
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
    const server = spawnServer({ bug, folder, disk, port: 0 });
    return new Scene({ server, port: await portOf(server), folder, disk, bug });
  }

  /** Kills the server and starts it again; with a disk of its own, the power is cut between. */
  async restart(): Promise<void> {
    await this.#server.kill();
    this.disk?.losePower(this.random);
    const parts = { bug: this.bug, folder: this.#folder, disk: this.disk, port: this.port };
    this.#server = spawnServer(parts);
    await portOf(this.#server);
  }

  /** Asks one thing of a run whose only action is a condition. */
  async ask(key: string, request: Request): Promise<void> {
    const plan = [{ name: "approve", condition: { type: "int" as const } }];
    if (request.f === "create") await this.create({ runId: key, plan });
    else await this.#asking.ask("condition", key, request);
  }

  /** Creates a run of any plan, and records that. */
  async create(run: NewRun & { readonly runId: string }, kind: RunKind = "condition"): Promise<void> {
    await this.history.record({
      process: "client/0",
      kind,
      key: run.runId,
      request: { f: "create" },
      perform: async () => {
        const { state, retryCount } = await this.client.runs.create(run);
        return { state, retryCount };
      },
    });
  }

  /** The stream that was begun last was refused: there was none. */
  forgetLastStream(): void {
    const { lines } = this.history;
    lines.splice(
      lines.findLastIndex(({ type }) => type === "stream"),
      1,
    );
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
      const transactions: RecordedEvent[][] = [];
      let before = "";
      for await (const event of this.client.events.list(filters[filter])) {
        const { events } = asRecorded({ events: [event], cursor: "", atHead: false });
        // A list knows no transactions: what a scene publishes together has a type of its own.
        const type = event.kind === "PUBLISHED" ? event.detail.type : "";
        if (type !== "" && type === before) transactions.at(-1)?.push(...events);
        else transactions.push([...events]);
        before = type;
      }
      this.history.write({ type: "reference", filter, transactions });
    }
    if (mustEnd) this.history.write({ type: "over", at: nowUs() });
    const reports = fencedReports(this.reports).map((violation) => `Fenced: ${violation}`);
    return [...judge(this.history.lines).violations, ...reports];
  }

  /** Ends the server and deletes everything. */
  async remove(): Promise<void> {
    this.client.close();
    this.history.close();
    await this.#server.kill();
    rmSync(this.#folder, { recursive: true, force: true });
  }

  #as(client: SignalboxClient, name: string): LoadClient {
    return new LoadClient({ client, history: this.history, name, random: this.random, keys: new Keys() });
  }
}

function spawnServer(parts: {
  readonly bug: string;
  readonly folder: string;
  readonly disk: FaultyDisk | undefined;
  readonly port: number;
}): Program {
  const place = ["--host", "127.0.0.1", "--port", `${parts.port}`, "--data", join(parts.folder, "data")];
  return Program.spawn({
    name: "server",
    script,
    args: [...place, ...flags],
    environment: { SIGNALBOX_TEST_PLANT: parts.bug, ...parts.disk?.environment },
  });
}

async function portOf(server: Program): Promise<number> {
  const [, port] = await server.said(/^signalbox listens on http:\/\/127\.0\.0\.1:(\d+)$/m);
  return Number(port);
}
