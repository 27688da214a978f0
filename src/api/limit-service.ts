import type { ServiceImpl } from "@connectrpc/connect";
import type { LimitUse } from "../../gen/signalbox/v1/limit_pb.ts";
import type { LimitService } from "../../gen/signalbox/v1/limit_service_pb.ts";
import { type Counter, counterKey, type Limit } from "../core/limits/limit.ts";
import { nextStartMs } from "../core/limits/rate.ts";
import type { Engine } from "../engine/engine.ts";
import { limitUsesMax } from "../limits.ts";
import { fromLimit } from "./mapping/from-proto-limit.ts";
import { fromNamespace } from "./mapping/from-proto-run.ts";
import { toLimit, toLimitUse } from "./mapping/to-proto-limit.ts";
import { isNamePlace, listPage } from "./pages.ts";
import { answered, requestOf, required, translated } from "./requests.ts";
import { toConnectError } from "./status.ts";
import { tokenScope } from "./token.ts";

/** About how many bytes a limit takes in a page; its names are bounded. */
const limitSizeBytes = 600;

/** Limits on how many tasks run at once and how often they start, as their contract says. */
export function limitService(engine: Engine): ServiceImpl<typeof LimitService> {
  const { store } = engine;
  return {
    async setLimit({ limit, requestId }) {
      if (limit === undefined) throw required("limit");
      const content = translated((faults) => faults.within("limit", () => fromLimit(limit, faults)));
      const stated = { namespace: fromNamespace(limit.namespace), name: limit.name, content };
      const request = requestOf(requestId, stated);
      const { answer } = answered(await engine.execute({ kind: "setLimit", request, ...stated }));
      return { limit: toLimit(answer.limit) };
    },

    async getLimit({ namespace, name }) {
      const limit = await store.limit(fromNamespace(namespace), name);
      if (limit === undefined) throw toConnectError({ reason: "LIMIT_NOT_FOUND", limit: name });
      const counters = await store.listCounters(limit.namespace, limit.name, limitUsesMax);
      return { limit: toLimit(limit), uses: usesOf(limit, counters, engine.nowMs()) };
    },

    async listLimits(request) {
      const namespace = fromNamespace(request.namespace);
      const { items, nextPageToken } = await listPage<Limit, string>({
        ...request,
        scope: tokenScope("limits", { namespace }, store.feedId),
        read: (after, limit) => store.listLimits({ namespace, after, limit }),
        placeOf: (limit) => limit.name,
        isPlace: isNamePlace,
        sizeOf: () => limitSizeBytes,
      });
      return { limits: items.map(toLimit), nextPageToken };
    },

    async deleteLimit({ namespace, name, requestId }) {
      const stated = { namespace: fromNamespace(namespace), name };
      const request = requestOf(requestId, stated);
      answered(await engine.execute({ kind: "deleteLimit", request, ...stated }));
      return {};
    },
  };
}

/** How much of a limit is in use. One that has a single counter shows it even while nothing is held. */
function usesOf(limit: Limit, counters: readonly Counter[], nowMs: number): LimitUse[] {
  const { namespace, name, scope } = limit;
  const isSingle = scope.kind !== "label" || scope.value !== undefined;
  const untouched = { heldCount: 0, fullTimeMs: 0, dueMs: undefined };
  const shown: readonly Counter[] =
    isSingle && counters.length === 0
      ? [{ key: counterKey(namespace, name, ""), namespace, limit: name, value: "", ...untouched }]
      : counters;
  return shown.map((counter) => {
    const startMs = Math.ceil(nextStartMs(counter, limit));
    return toLimitUse(counter, startMs > nowMs ? startMs : undefined);
  });
}
