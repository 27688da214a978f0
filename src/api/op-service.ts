import type { ServiceImpl } from "@connectrpc/connect";
import type { OpService } from "../../gen/signalbox/v1/op_service_pb.ts";
import type { Engine } from "../engine/engine.ts";
import { fromNamespace, fromOp } from "./mapping/from-proto-run.ts";
import { toOp } from "./mapping/to-proto-run.ts";
import { isNamePlace, listPage } from "./pages.ts";
import { answered, requestOf, required } from "./requests.ts";
import { toConnectError } from "./status.ts";
import { tokenScope } from "./token.ts";

/** About how many bytes an op takes in a page; nothing in it is large. */
const opSizeBytes = 1_024;

/** The registry of operations, as its contract says. */
export function opService(engine: Engine): ServiceImpl<typeof OpService> {
  const { store } = engine;
  return {
    async registerOp({ op, requestId }) {
      if (op === undefined) throw required("op");
      const stated = { namespace: fromNamespace(op.namespace), name: op.name, content: fromOp(op) };
      const request = requestOf(requestId, stated);
      const { answer } = answered(await engine.execute({ kind: "registerOp", request, ...stated }));
      return { op: toOp(answer.op) };
    },

    async getOp({ namespace, name, version }) {
      const op = await store.op(fromNamespace(namespace), name, version);
      if (op === undefined) throw toConnectError({ reason: "OP_NOT_FOUND", op: name, version });
      return { op: toOp(op) };
    },

    async listOps(request) {
      const namespace = fromNamespace(request.namespace);
      const { items, nextPageToken } = await listPage({
        ...request,
        scope: tokenScope("ops", { namespace }, store.feedId),
        read: (after: string | undefined, limit) => store.listOps({ namespace, after, limit }),
        placeOf: (op) => op.name,
        isPlace: isNamePlace,
        sizeOf: () => opSizeBytes,
      });
      return { ops: items.map(toOp), nextPageToken };
    },
  };
}
