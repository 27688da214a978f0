import { mkdtemp, rm } from "node:fs/promises";
import { join } from "node:path";
import { createClient, type SignalboxClient } from "../client/client.ts";
import { createWorker, type TaskFunction, type Worker, type WorkerLog } from "../worker/worker.ts";
import type { ExecutorConfig } from "./config/executor-config.ts";
import { stopGraceMsDefault } from "./executor-limits.ts";
import { FlyteRunner } from "./flyte/flyte-runner.ts";
import { flyteOp } from "./flyte/flyte-task.ts";
import { RunFactsByRun, type RunLookup } from "./flyte/run-facts.ts";
import { toFlyteEndpoint } from "./flyte/task-environment.ts";
import { Sentinel } from "./process/sentinel.ts";
import { ProgramRunner } from "./program-runner.ts";

/** How an executor is started. */
export interface ExecutorOptions {
  readonly config: ExecutorConfig;
  /** The server, as the worker SDK takes it. */
  readonly address: string;
  readonly namespace: string;
  /** Who the worker is to the server; empty for a server that does not ask. */
  readonly token: string;
  /** The environment of the worker. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly log: WorkerLog;
}

/**
 * A worker that runs ops by spawning processes and containers: what it runs stands in its config, and the
 * server chooses no program. What it has started ends with it, even if it is killed.
 */
export class Executor {
  /** The worker's name. */
  readonly workerId: string;
  /** Resolves when the server has first answered. */
  readonly attached: Promise<void>;
  /**
   * Resolves when the worker has stopped and nothing that it ran goes on; rejects then if it stopped for a
   * reason that needs somebody's attention.
   */
  readonly closed: Promise<void>;
  readonly #worker: Worker;

  private constructor(worker: Worker, closed: Promise<void>) {
    this.#worker = worker;
    this.workerId = worker.workerId;
    this.closed = closed;
    closed.catch(() => undefined);
    this.attached = worker.start();
    this.attached.catch(() => undefined);
  }

  /** Starts a worker; it attaches for as long as it takes. */
  static async start({
    config,
    address,
    namespace,
    token,
    environment,
    log,
  }: ExecutorOptions): Promise<Executor> {
    const { programs, flyte, keepFolders, workerId: stated, concurrency, ...announced } = config;
    const worker = createWorker({
      address,
      namespace,
      token,
      concurrency,
      labels: announced.labels,
      taints: announced.taints,
      sharedNamespaces: announced.sharedNamespaces,
      log,
      ...(announced.capacity && { capacity: announced.capacity }),
      ...(stated !== undefined && { workerId: stated }),
    });
    const { workerId } = worker;
    const root = await mkdtemp(join(config.folders, "signalbox-worker-"));
    const docker = flyte?.docker ?? programs.find(({ kind }) => kind === "docker");
    const dockerPath = docker?.path ?? "docker";
    const sentinel = await Sentinel.start({ root, dockerPath, keepFolders, environment }, () =>
      log.error({ workerId, root }, "has lost its sentinel: what it runs may outlive it"),
    );
    const runner = new ProgramRunner({ root, keepFolders, environment, workerId, log });
    for (const program of programs) {
      const run: TaskFunction = (context, inputs) => runner.run(program, context, inputs);
      worker.task(program.op, run, { autoHeartbeat: false });
    }
    const client = flyte && createClient({ address, namespace, token });
    if (flyte !== undefined && client !== undefined) {
      const runs = new RunFactsByRun(lookUpWith(client));
      const endpoint = toFlyteEndpoint(address);
      const tasks = new FlyteRunner({ settings: flyte, runner, runs, endpoint, environment, workerId });
      // What Flyte's SDK runs has no word for being alive.
      worker.task(flyteOp, (context, inputs) => tasks.run(context, inputs), { autoHeartbeat: true });
    }
    const close = () => client?.close();
    return new Executor(worker, closeAfter(worker, { runner, sentinel, root, keepFolders, close }));
  }

  /** Takes no more work, and leaves when what runs has ended. */
  drain(): Promise<void> {
    void this.#worker.drain().catch(() => undefined);
    return this.closed;
  }

  /** Like `drain`, but what has not ended within `graceMs` (10 s if not said) is ended and given back. */
  stop({ graceMs = stopGraceMsDefault }: { readonly graceMs?: number } = {}): Promise<void> {
    void this.#worker.stop({ graceMs }).catch(() => undefined);
    return this.closed;
  }
}

function lookUpWith({ runs }: SignalboxClient): RunLookup {
  return {
    async createTimeOf({ runId, namespace }) {
      return (await runs.get(runId, { namespace })).createTime;
    },
    async inputOf({ runId, namespace }, action, input) {
      return (await runs.action(runId, action, { namespace })).inputs[input];
    },
  };
}

async function closeAfter(
  worker: Worker,
  kept: {
    readonly runner: ProgramRunner;
    readonly sentinel: Sentinel;
    readonly root: string;
    readonly keepFolders: boolean;
    readonly close: () => void;
  },
): Promise<void> {
  const { runner, sentinel, root, keepFolders, close } = kept;
  try {
    await worker.closed;
  } finally {
    await runner.idle();
    close();
    await sentinel.close();
    // The sentinel has done so, unless it was lost.
    if (!keepFolders) await rm(root, { recursive: true, force: true });
  }
}
