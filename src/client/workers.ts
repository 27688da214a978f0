import { toWorker, type Worker } from "./views/worker.ts";
import { type CallOptions, type Calls, type ChangeOptions, required, toWireOptions } from "./wire/calls.ts";
import { listPages, type Pages } from "./wire/pages.ts";

/** Workers: the processes that execute tasks. */
export interface Workers {
  /** Lists the workers that are attached or whose leases run, by name. A namespace of `-` means all. */
  list(options?: CallOptions): Pages<Worker>;
  get(workerId: string, options?: CallOptions): Promise<Worker>;
  /** Asks a worker to take no more work and to leave when it has none. */
  drain(workerId: string, options?: ChangeOptions): Promise<Worker>;
}

/** The part of the client that is about workers. */
export function makeWorkers({ raw, namespace }: Calls): Workers {
  return {
    list: (options = {}) =>
      listPages(async ({ size, token }) => {
        const request = { namespace: options.namespace ?? namespace, pageSize: size, pageToken: token };
        const { workers, nextPageToken } = await raw.workers.listWorkers(request, toWireOptions(options));
        return { items: workers.map(toWorker), nextPageToken, last: nextPageToken === "" };
      }),
    async get(workerId, options = {}) {
      const request = { namespace: options.namespace ?? namespace, workerId };
      const { worker } = await raw.workers.getWorker(request, toWireOptions(options));
      return toWorker(required(worker));
    },
    async drain(workerId, { requestId = "", ...options } = {}) {
      const request = { namespace: options.namespace ?? namespace, workerId, requestId };
      const { worker } = await raw.workers.drainWorker(request, toWireOptions(options));
      return toWorker(required(worker));
    },
  };
}
