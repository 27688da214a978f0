import type { MessageInitShape } from "@bufbuild/protobuf";
import type { LimitSchema } from "../../../gen/signalbox/v1/limit_pb.ts";
import { toDuration } from "../spec/duration.ts";
import { type Limit, type LimitScope, type LimitUse, toLimit, toLimitUse } from "../views/limit.ts";
import { type CallOptions, type Calls, type ChangeOptions, required, toWireOptions } from "../wire/calls.ts";
import { listPages, type Pages } from "../wire/pages.ts";
import { withoutUndefined } from "../without-undefined.ts";

/** A limit to be set. */
export interface NewLimit {
  readonly name: string;
  readonly scope: LimitScope;
  /** How many may be assigned or running at once; any number unless said. */
  readonly concurrentMax?: number;
  /** So many starts in a period; as often as wanted unless said. */
  readonly rate?: { readonly count: number; readonly periodMs: number };
  /** For the whole namespace: its weight among the namespaces that share a worker; 1 unless said. */
  readonly shareWeight?: number;
}

/** Limits on how many tasks run at once, and on how often they start. */
export interface Limits {
  /** Makes a limit, or changes the one of its name. What runs already counts and is not stopped. */
  set(limit: NewLimit, options?: ChangeOptions): Promise<Limit>;
  /** Reads a limit and how much of it is in use: one row, or one for each value of its label. */
  get(name: string, options?: CallOptions): Promise<Limit & { readonly uses: readonly LimitUse[] }>;
  /** Lists the limits, by name. */
  list(options?: CallOptions): Pages<Limit>;
  /** Deletes a limit: what waited for it may be assigned. */
  delete(name: string, options?: ChangeOptions): Promise<void>;
}

/** The message for a limit. */
export function toLimitMessage(limit: NewLimit, namespace: string): MessageInitShape<typeof LimitSchema> {
  const { name, scope, concurrentMax = 0, rate, shareWeight = 0 } = limit;
  const period = toDuration(rate?.periodMs);
  return withoutUndefined({
    namespace,
    name,
    scope: toScope(scope),
    concurrentMax,
    shareWeight,
    rate: rate === undefined || period === undefined ? undefined : { count: rate.count, period },
  });
}

function toScope(scope: LimitScope): NonNullable<MessageInitShape<typeof LimitSchema>["scope"]> {
  if ("op" in scope) return { case: "op", value: scope.op };
  if ("wholeNamespace" in scope) return { case: "wholeNamespace", value: {} };
  return { case: "label", value: withoutUndefined({ name: scope.label, value: scope.value }) };
}

/** The part of the client that is about limits. */
export function makeLimits({ raw, namespace }: Calls): Limits {
  return {
    async set(limit, { requestId = "", ...options } = {}) {
      const message = toLimitMessage(limit, options.namespace ?? namespace);
      const answer = await raw.limits.setLimit({ limit: message, requestId }, toWireOptions(options));
      return toLimit(required(answer.limit));
    },
    async get(name, options = {}) {
      const request = { namespace: options.namespace ?? namespace, name };
      const { limit, uses } = await raw.limits.getLimit(request, toWireOptions(options));
      return { ...toLimit(required(limit)), uses: uses.map(toLimitUse) };
    },
    list: (options = {}) =>
      listPages(async ({ size, token }) => {
        const request = { namespace: options.namespace ?? namespace, pageSize: size, pageToken: token };
        const { limits, nextPageToken } = await raw.limits.listLimits(request, toWireOptions(options));
        return { items: limits.map(toLimit), nextPageToken, last: nextPageToken === "" };
      }),
    async delete(name, { requestId = "", ...options } = {}) {
      const request = { namespace: options.namespace ?? namespace, name, requestId };
      await raw.limits.deleteLimit(request, toWireOptions(options));
    },
  };
}
