import { onTestFinished } from "vitest";
import { type ClientOptions, createClient, type SignalboxClient } from "../../src/client/client.ts";
import { createWorker, type TaskFunction, type WorkerOptions } from "../../src/worker/worker.ts";
import { TestServer, type TestServerOptions } from "../support/test-server.ts";

/** A real server in this process, with a client of it and as many workers as a test starts. */
export interface LiveServer {
  readonly server: TestServer;
  readonly client: SignalboxClient;
  /** Makes a further client. */
  connect(options?: ClientOptions): SignalboxClient;
  /** Starts a worker and waits until it is attached. */
  work(tasks: Readonly<Record<string, TaskFunction>>, options?: Partial<WorkerOptions>): Promise<void>;
}

/** Waits little between tries, so that tests do. */
export const quickRetry = { forMs: 10_000, initialBackoffMs: 5, backoffMsMax: 50 };

/** Starts one; it ends with the test. */
export async function openLiveServer(options: TestServerOptions = {}): Promise<LiveServer> {
  const server = await TestServer.start(options);
  onTestFinished(() => server.close());
  const connect = (more: ClientOptions = {}) => {
    const client = createClient({ address: server.url, retry: quickRetry, ...more });
    onTestFinished(() => client.close());
    return client;
  };
  const quiet = { debug() {}, info() {}, warn() {}, error() {} };
  return {
    server,
    client: connect(),
    connect,
    async work(tasks, more = {}) {
      const worker = createWorker({ address: server.url, log: quiet, ...more });
      for (const [op, run] of Object.entries(tasks)) worker.task(op, run);
      onTestFinished(() => worker.stop({ graceMs: 0 }).catch(() => undefined));
      await worker.start();
    },
  };
}

/** The error that a call ends with; fails if it ends well. */
export async function thrownBy(call: Promise<unknown>): Promise<unknown> {
  const outcome = await call.then(
    () => undefined,
    (error: unknown) => ({ error }),
  );
  if (outcome === undefined) throw new Error("the call ended well");
  return outcome.error;
}
