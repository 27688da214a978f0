import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import http2 from "node:http2";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { create, toBinary } from "@bufbuild/protobuf";
import { WatchEventsRequestSchema } from "../../gen/signalbox/v1/event_service_pb.ts";
import { createClient, type SignalboxClient } from "../../src/client/client.ts";
import { startServer } from "../processes.ts";
import { Counting } from "./counting.ts";

/** What is measured: subscribers that stop reading, and what is published while they do. */
export interface StalledOptions {
  readonly subscribers: number;
  readonly events: number;
}

/** What came of it. Memory is what the server's process has resident, in bytes. */
export interface Stalled {
  readonly subscribers: number;
  readonly events: number;
  /** Before the first subscriber came, and after as many events as were published with them. */
  readonly beforeBytes: number;
  readonly afterBytes: number;
  /** What the server did with the same events and nobody stalled, before. */
  readonly aloneBytes: number;
  /** What one of them got when it read on: all of them, if nothing was lost. */
  readonly received: number;
}

/** Events in one message. */
const lotSize = 1_000;

/**
 * Starts a server on a folder of its own, publishes, has subscribers come that read nothing, publishes as
 * much again, and lets one of them read on.
 */
export async function measureStalled({ subscribers, events }: StalledOptions): Promise<Stalled> {
  const folder = mkdtempSync(join(tmpdir(), "signalbox-stalled-"));
  const { part: server, address } = await startServer(folder, { flags: [] });
  const client = createClient({ address });
  const rssBytes = (): number => {
    const status = readFileSync(`/proc/${server.child.pid}/status`, "utf8");
    return Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1]) * 1024;
  };
  try {
    const startBytes = rssBytes();
    await publish(client, events);
    const beforeBytes = rssBytes();
    const stalled = await Promise.all(Array.from({ length: subscribers }, () => stall(address)));
    await publish(client, events);
    const afterBytes = rssBytes();
    const received = (await stalled[0]?.readOn(events)) ?? 0;
    for (const one of stalled) one.close();
    const aloneBytes = beforeBytes - startBytes;
    return { subscribers, events, beforeBytes, afterBytes, aloneBytes, received };
  } finally {
    client.close();
    await server.end(() => server.child.kill("SIGTERM"));
    rmSync(folder, { recursive: true, force: true });
  }
}

async function publish(client: SignalboxClient, count: number): Promise<void> {
  for (let first = 0; first < count; first += lotSize) {
    const lot = Array.from({ length: Math.min(lotSize, count - first) }, (_, index) => ({
      source: "bench/stalled",
      type: "filler",
      payload: { number: first + index, text: "x".repeat(100) },
    }));
    await client.events.publish(lot);
  }
}

/** One that follows from now on, on a connection of its own, and does not read what comes. */
async function stall(address: string) {
  const session = http2.connect(address);
  const stream = session.request({
    ":method": "POST",
    ":path": "/signalbox.v1.EventService/WatchEvents",
    "content-type": "application/grpc+proto",
    te: "trailers",
  });
  const message = toBinary(WatchEventsRequestSchema, create(WatchEventsRequestSchema, {}));
  const envelope = Buffer.alloc(5 + message.length);
  envelope.writeUInt32BE(message.length, 1);
  envelope.set(message, 5);
  stream.end(envelope);
  // The first frame says that it follows; it is left unread with all others.
  await new Promise((resolve, reject) => {
    stream.once("readable", resolve);
    stream.once("error", reject);
  });
  return {
    async readOn(count: number): Promise<number> {
      const counting = new Counting();
      for await (const chunk of stream) {
        counting.take(chunk as Buffer);
        if (counting.eventCount >= count) break;
      }
      return counting.eventCount;
    },
    close: () => session.destroy(),
  };
}

/** What came of it, for people. */
export function describeStalled(stalled: Stalled): string {
  const { subscribers, events, beforeBytes, afterBytes, aloneBytes, received } = stalled;
  const mebibytes = (bytes: number) => `${(bytes / 1024 / 1024).toFixed(1)} MiB`;
  const grown = afterBytes - beforeBytes;
  return [
    `${subscribers} stalled subscribers, ${events} events`,
    `resident before ${mebibytes(beforeBytes)}, after ${mebibytes(afterBytes)}: ${mebibytes(grown)} more`,
    `(${mebibytes(grown / Math.max(1, subscribers))} each; the same events with nobody stalled: ` +
      `${mebibytes(aloneBytes)} more)`,
    `one of them read on and got ${received} events`,
  ].join("\n");
}

if (import.meta.main) {
  const { values } = parseArgs({ options: { subscribers: { type: "string" }, events: { type: "string" } } });
  const stalled = await measureStalled({
    subscribers: Number(values.subscribers ?? 50),
    events: Number(values.events ?? 1_000_000),
  });
  process.stdout.write(`${describeStalled(stalled)}\n`);
  if (stalled.received !== stalled.events) process.exitCode = 1;
}
