import { type ConditionFrame, followConditions, toConditionFrame } from "../follow.ts";
import { type ConditionType, isPlainObject, type JsValue, toValue, toValueOfType } from "../js-value.ts";
import { type Condition, toCondition } from "../views/condition.ts";
import {
  type CallOptions,
  type Calls,
  type ChangeOptions,
  required,
  toWireOptions,
  type WatchOptions,
} from "../wire/calls.ts";
import { listPages, type Pages } from "../wire/pages.ts";
import { mapWatch } from "../wire/watch.ts";

/** Which conditions are wanted; what is said must all hold. A namespace of `-` means all. */
export interface ConditionQuery {
  readonly runId?: string;
  /** Only of runs that have all of these labels. */
  readonly labels?: Readonly<Record<string, string>>;
}

/** How an answer is given. */
export interface SignalOptions extends ChangeOptions {
  /** Who answers; shown and kept, not checked. */
  readonly by?: string;
  /**
   * The condition's type. It matters where the value alone does not tell it: text, numbers or true for a
   * condition that asks for JSON, and whole numbers beyond 2^53.
   */
  readonly type?: ConditionType;
}

/** What became of a signal. */
export interface SignalResult {
  /** The condition as it stands; undefined while the signal is kept for one that does not wait yet. */
  readonly condition: Condition | undefined;
  /** True if the signal is kept for a condition that does not wait yet. */
  readonly kept: boolean;
  /** True if the condition had this very answer already. */
  readonly repeated: boolean;
}

/** Conditions across all runs: the inbox of decisions that runs wait for. */
export interface Conditions {
  /** Lists conditions, the longest waiting first: the open ones, or with `includeEnded` all. */
  list(query?: ConditionQuery & CallOptions & { readonly includeEnded?: boolean }): Pages<Condition>;
  get(runId: string, name: string, options?: CallOptions): Promise<Condition>;
  /** Answers a condition, once. A signal for a condition that its task has yet to add is kept. */
  signal(runId: string, name: string, value: JsValue, options?: SignalOptions): Promise<SignalResult>;
  /** Follows conditions: the open ones first, then every change. Resumes by itself. */
  watch(query?: ConditionQuery & WatchOptions): AsyncGenerator<ConditionFrame, undefined>;
}

/** The part of the client that is about conditions. */
export function makeConditions(calls: Calls): Conditions {
  const { raw } = calls;
  return {
    list({ runId = "", labels = {}, includeEnded = false, ...options } = {}) {
      const filter = { namespace: options.namespace ?? calls.namespace, runId, labels, includeEnded };
      return listPages(async ({ size, token }) => {
        const request = { filter, pageSize: size, pageToken: token };
        const { conditions, nextPageToken } = await raw.conditions.listConditions(
          request,
          toWireOptions(options),
        );
        return { items: conditions.map(toCondition), nextPageToken, last: nextPageToken === "" };
      });
    },
    async get(runId, name, options = {}) {
      const request = { namespace: options.namespace ?? calls.namespace, runId, name };
      const { condition } = await raw.conditions.getCondition(request, toWireOptions(options));
      return toCondition(required(condition));
    },
    async signal(runId, name, value, { by = "", type, requestId = "", ...options } = {}) {
      const request = {
        namespace: options.namespace ?? calls.namespace,
        runId,
        name,
        value: toAnswer(value, type),
        requestId,
        signalledBy: by,
      };
      const { condition, kept, repeated } = await raw.conditions.signalCondition(
        request,
        toWireOptions(options),
      );
      return { condition: condition === undefined ? undefined : toCondition(condition), kept, repeated };
    },
    watch({ runId = "", labels = {}, ...options } = {}) {
      const filter = { namespace: options.namespace ?? calls.namespace, runId, labels };
      return mapWatch(followConditions(calls, filter, options), toConditionFrame);
    },
  };
}

/** No condition asks for null, bytes or references: null is JSON, as objects and arrays are. */
function toAnswer(value: JsValue, type: ConditionType | undefined) {
  const isJson = value === null || Array.isArray(value) || isPlainObject(value);
  return type === undefined && !isJson
    ? toValue(value, "the answer")
    : toValueOfType(value, type ?? "json", "the answer");
}
