import { type NewRetry, type NewTimeouts, toRetry, toTimeouts } from "./plan.ts";
import { type Op, toOp } from "./views/op.ts";
import { type CallOptions, type Calls, type ChangeOptions, required, toWireOptions } from "./wire/calls.ts";
import { listPages, type Pages } from "./wire/pages.ts";

/** An op to be registered. */
export interface NewOp {
  readonly name: string;
  readonly description?: string;
  readonly labels?: Readonly<Record<string, string>>;
  /** What a task of it does after a failed attempt, unless it says its own. */
  readonly retry?: NewRetry;
  /** How long a task of it may take, unless it says its own. */
  readonly timeouts?: NewTimeouts;
}

/** The registry of operations. */
export interface Ops {
  /** Registers an op: version 1, the same version for the same content, or the next one for other content. */
  register(op: NewOp, options?: ChangeOptions): Promise<Op>;
  /** Reads an op, its latest version unless said. */
  get(name: string, options?: CallOptions & { readonly version?: number }): Promise<Op>;
  /** Lists the latest version of each op, by name. */
  list(options?: CallOptions): Pages<Op>;
}

/** The part of the client that is about ops. */
export function makeOps({ raw, namespace }: Calls): Ops {
  return {
    async register(
      { name, description = "", labels = {}, retry, timeouts },
      { requestId = "", ...options } = {},
    ) {
      const op = {
        namespace: options.namespace ?? namespace,
        name,
        description,
        labels,
        ...(retry === undefined ? {} : { retry: toRetry(retry) }),
        ...(timeouts === undefined ? {} : { timeouts: toTimeouts(timeouts) }),
      };
      const answer = await raw.ops.registerOp({ op, requestId }, toWireOptions(options));
      return toOp(required(answer.op));
    },
    async get(name, { version = 0, ...options } = {}) {
      const request = { namespace: options.namespace ?? namespace, name, version };
      const { op } = await raw.ops.getOp(request, toWireOptions(options));
      return toOp(required(op));
    },
    list: (options = {}) =>
      listPages(async ({ size, token }) => {
        const request = { namespace: options.namespace ?? namespace, pageSize: size, pageToken: token };
        const { ops, nextPageToken } = await raw.ops.listOps(request, toWireOptions(options));
        return { items: ops.map(toOp), nextPageToken, last: nextPageToken === "" };
      }),
  };
}
