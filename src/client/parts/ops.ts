import type { MessageInitShape } from "@bufbuild/protobuf";
import type { OpSchema } from "../../../gen/signalbox/v1/op_pb.ts";
import type { UpdateOpRequestSchema } from "../../../gen/signalbox/v1/op_service_pb.ts";
import { fromValues, type JsValue, type JsValues, toValues } from "../js-value.ts";
import { type NewInputSpec, type NewOutputSpec, toInputSpecs, toOutputSpecs } from "../spec/op-specs.ts";
import {
  type NewDelivery,
  type NewPlacement,
  type NewResources,
  toDelivery,
  toPlacement,
  toResources,
} from "../spec/placement.ts";
import { type NewRetry, type NewTimeouts, toRetry, toTimeouts } from "../spec/retry.ts";
import { type Op, toOp } from "../views/op.ts";
import { type CallOptions, type Calls, type ChangeOptions, required, toWireOptions } from "../wire/calls.ts";
import { listPages, type Pages } from "../wire/pages.ts";
import { withoutUndefined } from "../without-undefined.ts";

/** An op to be registered; all but its name may be left out. */
export interface NewOp {
  readonly name: string;
  /** A semantic version of the caller's own, such as `1.2.0`. */
  readonly versionName?: string;
  readonly description?: string;
  readonly labels?: Readonly<Record<string, string>>;
  /** What it takes, by name; without any, inputs are not checked. */
  readonly inputs?: Readonly<Record<string, NewInputSpec>>;
  /** Take inputs that `inputs` does not name, too. */
  readonly allowExtraInputs?: boolean;
  /** What it puts out, by name. */
  readonly outputs?: Readonly<Record<string, NewOutputSpec>>;
  /** What a task of it asks of its worker, unless it says its own. */
  readonly resources?: NewResources;
  /** Which workers a task of it may go to, unless it says its own. */
  readonly placement?: NewPlacement;
  /** Where the events of a run of it go, unless the run says its own. */
  readonly delivery?: NewDelivery;
  /** The container image that executes it. */
  readonly image?: string;
  /** What executes it, as its workers understand it. */
  readonly handler?: string;
  /** What a task of it does after a failed attempt, unless it says its own. */
  readonly retry?: NewRetry;
  /** How long a task of it may take, unless it says its own. */
  readonly timeouts?: NewTimeouts;
}

/** Which version of an op is meant; the latest unless said. */
export interface OpVersion {
  readonly version?: number;
}

/** Which ops are wanted. */
export interface OpListOptions extends CallOptions {
  /** All versions, each op's latest first. */
  readonly allVersions?: boolean;
  /** Only ops whose names begin so. */
  readonly namePrefix?: string;
}

/** The registry of operations. */
export interface Ops {
  /** Registers an op: version 1, the same version for the same content, or the next one for other content. */
  register(op: NewOp, options?: ChangeOptions): Promise<Op>;
  /** Reads an op, its latest version unless said. */
  get(name: string, options?: CallOptions & OpVersion & { readonly versionName?: string }): Promise<Op>;
  /** Lists the latest version of each op, by name, or all versions. */
  list(options?: OpListOptions): Pages<Op>;
  /**
   * Makes the next version of an op from its latest one, with what is said here; what `clear` names becomes
   * empty.
   */
  update(change: NewOp, options?: ChangeOptions & { readonly clear?: readonly ClearedField[] }): Promise<Op>;
  /** Deletes an op with all its versions, or one; refused while tasks of it have not ended, unless forced. */
  delete(name: string, options?: ChangeOptions & OpVersion & { readonly force?: boolean }): Promise<void>;
  /** Checks inputs as they stand; a RefusedError names everything that is wrong. */
  validate(name: string, inputs: OpInputs, options?: CallOptions & OpVersion): Promise<void>;
  /** The inputs that a run of the op would start with: checked, and with the defaults of what is missing. */
  prepare(name: string, inputs: OpInputs, options?: CallOptions & OpVersion): Promise<JsValues>;
}

/** A field of an op that an update makes empty. */
type ClearedField = Exclude<keyof NewOp, "name">;

/** Inputs by name. */
export type OpInputs = Readonly<Record<string, JsValue>>;

/** The message for an op. Throws a TypeError or RangeError for a default that no value stands for. */
export function toOpMessage(op: NewOp, namespace: string): MessageInitShape<typeof OpSchema> {
  const { inputs, outputs, resources, placement, delivery, retry, timeouts } = op;
  return withoutUndefined({
    namespace,
    name: op.name,
    versionName: op.versionName ?? "",
    description: op.description ?? "",
    labels: { ...op.labels },
    inputs: inputs && toInputSpecs(inputs),
    allowExtraInputs: op.allowExtraInputs ?? false,
    outputs: outputs && toOutputSpecs(outputs),
    resources: resources && toResources(resources),
    placement: placement && toPlacement(placement),
    delivery: delivery && toDelivery(delivery),
    image: op.image ?? "",
    handler: op.handler ?? "",
    retry: retry && toRetry(retry),
    timeouts: timeouts && toTimeouts(timeouts),
  });
}

/**
 * The message and the mask for a change of an op: what is said is taken, what is cleared is taken as empty,
 * and what is neither stays.
 */
export function toOpChange(
  change: NewOp,
  { namespace, clear = [] }: { readonly namespace: string; readonly clear?: readonly ClearedField[] },
): Pick<MessageInitShape<typeof UpdateOpRequestSchema>, "op" | "updateMask"> {
  const kept = Object.entries(change).filter(([name]) => !clear.some((cleared) => cleared === name));
  const said = kept.filter(([name, value]) => name !== "name" && value !== undefined).map(([name]) => name);
  return {
    op: toOpMessage(Object.fromEntries(kept) as unknown as NewOp, namespace),
    updateMask: { paths: [...said, ...clear].map(toFieldName) },
  };
}

/** The part of the client that is about ops. */
export function makeOps(calls: Calls): Ops {
  const { raw, namespace } = calls;
  return {
    async register(op, { requestId = "", ...options } = {}) {
      const message = toOpMessage(op, options.namespace ?? namespace);
      const answer = await raw.ops.registerOp({ op: message, requestId }, toWireOptions(options));
      return toOp(required(answer.op));
    },
    async get(name, { version = 0, versionName = "", ...options } = {}) {
      const request = { namespace: options.namespace ?? namespace, name, version, versionName };
      const { op } = await raw.ops.getOp(request, toWireOptions(options));
      return toOp(required(op));
    },
    list: ({ allVersions = false, namePrefix = "", ...options } = {}) =>
      listPages(async ({ size, token }) => {
        const which = { namespace: options.namespace ?? namespace, allVersions, namePrefix };
        const request = { ...which, pageSize: size, pageToken: token };
        const { ops, nextPageToken } = await raw.ops.listOps(request, toWireOptions(options));
        return { items: ops.map(toOp), nextPageToken, last: nextPageToken === "" };
      }),
    async update(change, { requestId = "", clear = [], ...options } = {}) {
      const changed = toOpChange(change, { namespace: options.namespace ?? namespace, clear });
      const answer = await raw.ops.updateOp({ ...changed, requestId }, toWireOptions(options));
      return toOp(required(answer.op));
    },
    ...opInputCalls(calls),
  };
}

function opInputCalls({ raw, namespace }: Calls): Pick<Ops, "delete" | "validate" | "prepare"> {
  return {
    async delete(name, { version = 0, force = false, requestId = "", ...options } = {}) {
      const request = { namespace: options.namespace ?? namespace, name, version, force, requestId };
      await raw.ops.deleteOp(request, toWireOptions(options));
    },
    async validate(name, inputs, { version = 0, ...options } = {}) {
      const request = {
        namespace: options.namespace ?? namespace,
        name,
        version,
        inputs: toValues(inputs, "the input"),
      };
      await raw.ops.validateInputs(request, toWireOptions(options));
    },
    async prepare(name, inputs, { version = 0, ...options } = {}) {
      const request = {
        namespace: options.namespace ?? namespace,
        name,
        version,
        inputs: toValues(inputs, "the input"),
      };
      return fromValues((await raw.ops.prepareInputs(request, toWireOptions(options))).inputs);
    },
  };
}

/** A field as the contract names it, in snake case. */
function toFieldName(name: string): string {
  return name.replace(/[A-Z]/g, (capital) => `_${capital.toLowerCase()}`);
}
