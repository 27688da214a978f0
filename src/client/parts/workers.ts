import { toWorker, type Worker } from "../views/worker.ts";
import { type CallOptions, type Calls, type ChangeOptions, required, toWireOptions } from "../wire/calls.ts";
import { listPages, type Pages } from "../wire/pages.ts";

/** Workers: the processes that execute tasks. */
export interface Workers {
  /** Lists the workers that are attached or whose leases run, by name. A namespace of `-` means all. */
  list(options?: CallOptions & { readonly labels?: Readonly<Record<string, string>> }): Pages<Worker>;
  get(workerId: string, options?: CallOptions): Promise<Worker>;
  /** Asks a worker to take no more work and to leave when it has none. */
  drain(workerId: string, options?: ChangeOptions): Promise<Worker>;
  /**
   * Takes everything from a worker at once: what runs has failed and is tried again as its policy says. Says
   * how many attempts it held.
   */
  evict(workerId: string, options?: ChangeOptions & { readonly cause?: string }): Promise<number>;
}

/** The part of the client that is about workers. */
export function makeWorkers({ raw, namespace }: Calls): Workers {
  return {
    list: ({ labels = {}, ...options } = {}) =>
      listPages(async ({ size, token }) => {
        const which = { namespace: options.namespace ?? namespace, labels: { ...labels } };
        const request = { ...which, pageSize: size, pageToken: token };
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
    async evict(workerId, { requestId = "", cause = "", ...options } = {}) {
      const request = { namespace: options.namespace ?? namespace, workerId, requestId, cause };
      return (await raw.workers.evictWorker(request, toWireOptions(options))).releasedCount;
    },
  };
}
