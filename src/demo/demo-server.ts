import { createServer } from "node:net";
import { fileURLToPath } from "node:url";
import { type Supervised, supervise } from "./supervise.ts";

const defaultPort = 7233;

/** The demo's server process, and where it listens. */
export interface DemoServer {
  readonly process: Supervised;
  readonly address: string;
}

/** What the server is started with. */
export interface DemoServerOptions {
  /** The folder of its store. */
  readonly data: string;
  /** Undefined takes the default port, or a free one if that is taken. */
  readonly port: number | undefined;
  onRestart(how: string): void;
  onLost(how: string): void;
}

/**
 * Starts the server and waits until it listens. When it dies it is started again on the same port and data.
 * Short leases: a worker that was killed is missed within seconds, so that the demo can be watched.
 */
export async function startDemoServer(options: DemoServerOptions): Promise<DemoServer> {
  let port = options.port ?? ((await isFree(defaultPort)) ? defaultPort : 0);
  const listening = Promise.withResolvers<string>();
  const process = supervise({
    script: fileURLToPath(new URL("./demo-server-process.ts", import.meta.url)),
    args: () => [
      "--data",
      options.data,
      "--port",
      String(port),
      "--lease-ms",
      "5000",
      "--pulse-interval-ms",
      "1000",
      "--log-level",
      "warn",
      "--log-format",
      "pretty",
    ],
    onLine(line) {
      const address = /^signalbox listens on (\S+)$/.exec(line)?.[1];
      if (address === undefined) return;
      port = Number(new URL(address).port);
      listening.resolve(address);
    },
    onRestart: options.onRestart,
    onLost(how) {
      listening.reject(new Error(`the server does not start (${how})`));
      options.onLost(how);
    },
  });
  return { process, address: await listening.promise };
}

function isFree(port: number): Promise<boolean> {
  const probe = createServer();
  return new Promise((resolve) => {
    probe.once("error", () => resolve(false));
    probe.listen(port, "127.0.0.1", () => probe.close(() => resolve(true)));
  });
}
