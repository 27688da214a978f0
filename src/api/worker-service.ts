import type { ServiceImpl } from "@connectrpc/connect";
import type { Worker, WorkerService } from "../../gen/signalbox/v1/worker_service_pb.ts";
import type { Action } from "../core/action.ts";
import type { Session } from "../core/session.ts";
import type { Engine } from "../engine/engine.ts";
import { heldListedMax } from "../limits.ts";
import type { WebhookTargets } from "./delivery/webhook-targets.ts";
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
  targets: WebhookTargets,
): ServiceImpl<typeof WorkerService> {
  const { store } = engine;
  return {
    attach: (requests, { signal }) => serveWorker(engine, requests, { signal, stopping, limits, targets }),

    async listWorkers(request) {
      const filter = { namespace: fromNamespaces(request.namespace), labels: request.labels };
      const { items, nextPageToken } = await listPage<Session, string>({
        ...request,
        scope: tokenScope("workers", filter, store.feedId),
        read: (after, limit) => store.listSessions({ ...filter, after, limit }),
        placeOf: (session) => `${session.namespace}/${session.workerId}`,
        isPlace: isNamePlace,
        sizeOf: sessionSizeBytes,
      });
      const workers = await Promise.all(items.map((session) => workerOf(engine, session, [])));
      return { workers, nextPageToken };
    },

    async getWorker({ namespace, workerId }) {
      const session = await store.sessionOf(fromNamespace(namespace), workerId);
      if (session === undefined) throw toConnectError({ reason: "WORKER_NOT_FOUND", workerId });
      const held = await store.listHeld(session.id, heldListedMax);
      return { worker: await workerOf(engine, session, held) };
    },

    async drainWorker({ namespace, workerId, requestId }) {
      const stated = { namespace: fromNamespace(namespace), workerId };
      const request = requestOf(requestId, stated);
      const { answer } = answered(await engine.execute({ kind: "drainWorker", request, ...stated }));
      return { worker: await workerOf(engine, answer.session, []) };
    },

    async evictWorker({ namespace, workerId, requestId, cause }) {
      const stated = { namespace: fromNamespace(namespace), workerId, cause };
      const request = requestOf(requestId, stated);
      const { answer } = answered(await engine.execute({ kind: "evictWorker", request, ...stated }));
      return { releasedCount: answer.releasedCount };
    },
  };
}

async function workerOf(
  { store, sessions }: Engine,
  session: Session,
  held: readonly Action[],
): Promise<Worker> {
  const heldCount = await store.heldCount(session.id);
  return toWorker(session, { heldCount, credit: sessions.creditOf(session.id) ?? 0, held });
}

/** About how many bytes a worker takes in a page. */
function sessionSizeBytes({ ops, labels, taints, sharedNamespaces, capacity, reserved }: Session): number {
  let bytes = 400;
  for (const text of [...ops, ...sharedNamespaces]) bytes += text.length + 2;
  for (const [name, value] of Object.entries(labels)) bytes += name.length + value.length + 6;
  for (const { key, value } of taints) bytes += key.length + value.length + 6;
  for (const { kind } of capacity.devices) bytes += kind.length + 16;
  return bytes + 16 * reserved.devices.length;
}
