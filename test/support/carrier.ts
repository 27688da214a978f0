import { connect as connectSocket, type Socket } from "node:net";
import { onTestFinished } from "vitest";
import type { Carrier, CarrierOptions } from "../../src/api/carrier/server.ts";
import { startCarrier } from "../../src/api/carrier/server.ts";
import type { Log } from "../../src/observe/log.ts";
import { openLog, silentLog } from "../../src/observe/log.ts";

/** Starts a carrier on a free port of this machine for the length of the test. */
export async function openCarrier(
  routes: CarrierOptions["routes"],
  options: Partial<CarrierOptions> = {},
): Promise<Carrier> {
  const carrier = await startCarrier({ host: "127.0.0.1", port: 0, log: silentLog(), routes, ...options });
  onTestFinished(() => carrier.close());
  return carrier;
}

/** A raw connection to the carrier and everything it says, as text. */
export interface RawConnection {
  readonly socket: Socket;
  /** All bytes received until the connection closed. */
  readonly closed: Promise<string>;
  /** Resolves with the bytes so far as soon as they match. */
  received(pattern: RegExp): Promise<string>;
}

/** Opens a raw connection for the length of the test. */
export function openRaw({ address }: Carrier): RawConnection {
  const socket = connectSocket({ host: address.host, port: address.port, noDelay: true });
  onTestFinished(() => {
    socket.destroy();
  });
  let text = "";
  socket.setEncoding("latin1");
  socket.on("data", (chunk: string) => {
    text += chunk;
  });
  socket.on("error", () => {});
  const closed = new Promise<string>((resolve) => socket.once("close", () => resolve(text)));
  return {
    socket,
    closed,
    received: (pattern) =>
      new Promise((resolve, reject) => {
        const look = () => {
          if (pattern.test(text)) {
            resolve(text);
          }
        };
        look();
        socket.on("data", look);
        socket.once("close", () => reject(new Error(`the connection closed before ${pattern}: ${text}`)));
      }),
  };
}

/** A log that keeps its lines as objects. */
export function keptLog(): { readonly log: Log; readonly lines: Record<string, unknown>[] } {
  const lines: Record<string, unknown>[] = [];
  const sink = { write: (line: string) => void lines.push(JSON.parse(line) as Record<string, unknown>) };
  return { log: openLog({ level: "debug", format: "json", sink }), lines };
}

/** All messages of a stream, once it has ended. */
export async function collect<Message>(messages: AsyncIterable<Message>): Promise<Message[]> {
  const all: Message[] = [];
  for await (const message of messages) {
    all.push(message);
  }
  return all;
}
