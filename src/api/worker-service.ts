import type { ServiceImpl } from "@connectrpc/connect";
import type { Worker, WorkerService } from "../../gen/signalbox/v1/worker_service_pb.ts";
import type { Session } from "../core/session.ts";
import type { Engine } from "../engine/engine.ts";
import { fromNamespace } from "./mapping/from-proto-run.ts";
import { toWorker } from "./mapping/to-proto-worker.ts";
import { isNamePlace, listPage } from "./pages.ts";
import { answered, fromNamespaces, requestOf } from "./requests.ts";
import { toConnectError } from "./status.ts";
import { tokenScope } from "./token.ts";
import type { WorkerStreamLimits } from "./worker/worker-stream.ts";
import { serveWorker } from "./worker/worker-stream.ts";

/** Workers and their streams, as their contract says. */
export function workerService(
  engine: Engine,
  stopping: AbortSignal,
  limits: WorkerStreamLimits,
): ServiceImpl<typeof WorkerService> {
  const { store } = engine;
  return {
    attach: (requests, { signal }) => serveWorker(engine, requests, { signal, stopping, limits }),

    async listWorkers(request) {
      const namespace = fromNamespaces(request.namespace);
      const { items, nextPageToken } = await listPage<Session, string>({
        ...request,
        scope: tokenScope("workers", { namespace }, store.feedId),
        read: (after, limit) => store.listSessions({ namespace, after, limit }),
        placeOf: (session) => `${session.namespace}/${session.workerId}`,
        isPlace: isNamePlace,
        sizeOf: sessionSizeBytes,
      });
      return { workers: await Promise.all(items.map((session) => workerOf(engine, session))), nextPageToken };
    },

    async getWorker({ namespace, workerId }) {
      const session = await store.sessionOf(fromNamespace(namespace), workerId);
      if (session === undefined) throw toConnectError({ reason: "WORKER_NOT_FOUND", workerId });
      return { worker: await workerOf(engine, session) };
    },

    async drainWorker({ namespace, workerId, requestId }) {
      const stated = { namespace: fromNamespace(namespace), workerId };
      const request = requestOf(requestId, stated);
      const { answer } = answered(await engine.execute({ kind: "drainWorker", request, ...stated }));
      return { worker: await workerOf(engine, answer.session) };
    },
  };
}

async function workerOf({ store, sessions }: Engine, session: Session): Promise<Worker> {
  const heldCount = await store.heldCount(session.id);
  return toWorker(session, { heldCount, credit: sessions.creditOf(session.id) ?? 0 });
}

/** About how many bytes a worker takes in a page. */
function sessionSizeBytes({ ops }: Session): number {
  return ops.reduce((total, op) => total + op.length + 2, 400);
}
