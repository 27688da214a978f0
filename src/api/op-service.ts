import type { ServiceImpl } from "@connectrpc/connect";
import type { OpService } from "../../gen/signalbox/v1/op_service_pb.ts";
import { checkInputs, prepareInputs } from "../core/ops/check-inputs.ts";
import type { Op } from "../core/ops/op.ts";
import type { Engine } from "../engine/engine.ts";
import type { OpPlace, Store } from "../store/store.ts";
import { fromOp } from "./mapping/from-proto-op.ts";
import { fromOpChange } from "./mapping/from-proto-op-change.ts";
import { fromNamespace } from "./mapping/from-proto-run.ts";
import { fromValues } from "./mapping/from-proto-value.ts";
import { toOp } from "./mapping/to-proto-op.ts";
import { toValues } from "./mapping/to-proto-value.ts";
import { isOpPlace, listPage, opSizeBytes } from "./pages.ts";
import { answered, requestOf, required, translated } from "./requests.ts";
import { toConnectError } from "./status.ts";
import { tokenScope } from "./token.ts";

type Methods = ServiceImpl<typeof OpService>;
type Read = "getOp" | "listOps" | "validateInputs" | "prepareInputs";

/** The registry of operations, as its contract says. */
export function opService(engine: Engine): Methods {
  return { ...changes(engine), ...reads(engine.store) };
}

function changes(engine: Engine): Omit<Methods, Read> {
  return {
    async registerOp({ op, requestId }) {
      if (op === undefined) throw required("op");
      const content = translated((faults) => faults.within("op", () => fromOp(op, faults)));
      const stated = { namespace: fromNamespace(op.namespace), name: op.name, content };
      const request = requestOf(requestId, stated);
      const { answer } = answered(await engine.execute({ kind: "registerOp", request, ...stated }));
      return { op: toOp(answer.op) };
    },

    async updateOp({ op, updateMask, requestId }) {
      if (op === undefined) throw required("op");
      const change = translated((faults) => fromOpChange(op, updateMask, faults));
      const stated = { namespace: fromNamespace(op.namespace), name: op.name, ...change };
      const request = requestOf(requestId, stated);
      const { answer } = answered(await engine.execute({ kind: "updateOp", request, ...stated }));
      return { op: toOp(answer.op) };
    },

    async deleteOp({ namespace, name, version, force, requestId }) {
      const stated = { namespace: fromNamespace(namespace), name, version, force };
      const request = requestOf(requestId, stated);
      const { answer } = answered(await engine.execute({ kind: "deleteOp", request, ...stated }));
      return { versionCount: answer.versionCount };
    },
  };
}

function reads(store: Store): Pick<Methods, Read> {
  return {
    async getOp({ namespace, name, version, versionName }) {
      if (version !== 0 && versionName !== "") {
        const violations = [{ field: "version_name", description: "not together with version" }];
        throw toConnectError({ reason: "INVALID_REQUEST", violations });
      }
      if (versionName === "") return { op: toOp(await findOp(store, { namespace, name, version })) };
      const op = await store.opNamed(fromNamespace(namespace), name, versionName);
      if (op === undefined)
        throw toConnectError({ reason: "OP_NOT_FOUND", op: name, version: 0, versionName });
      return { op: toOp(op) };
    },

    async listOps(request) {
      const { allVersions, namePrefix } = request;
      const filter = { namespace: fromNamespace(request.namespace), allVersions, namePrefix };
      const { items, nextPageToken } = await listPage<Op, OpPlace>({
        ...request,
        scope: tokenScope("ops", filter, store.feedId),
        read: (after, limit) => store.listOps({ ...filter, after, limit }),
        placeOf: ({ name, version }) => ({ name, version }),
        isPlace: isOpPlace,
        sizeOf: opSizeBytes,
      });
      return { ops: items.map(toOp), nextPageToken };
    },

    async validateInputs(request) {
      const inputs = translated((faults) => fromValues("inputs", request.inputs, faults));
      const op = await findOp(store, request);
      refuseInvalid(op, checkInputs(op.inputs, inputs));
      return {};
    },

    async prepareInputs(request) {
      const inputs = translated((faults) => fromValues("inputs", request.inputs, faults));
      const op = await findOp(store, request);
      const prepared = prepareInputs(op.inputs, inputs);
      refuseInvalid(op, prepared.violations);
      return { inputs: toValues(prepared.inputs), version: op.version };
    },
  };
}

function refuseInvalid({ name, version }: Op, violations: ReturnType<typeof checkInputs>): void {
  if (violations.length > 0)
    throw toConnectError({ reason: "INPUTS_INVALID", op: name, version, violations });
}

async function findOp(
  store: Store,
  { namespace, name, version }: { namespace: string; name: string; version: number },
): Promise<Op> {
  const op = await store.op(fromNamespace(namespace), name, version);
  if (op === undefined) throw toConnectError({ reason: "OP_NOT_FOUND", op: name, version });
  return op;
}
