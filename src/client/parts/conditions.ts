import type { MessageInitShape } from "@bufbuild/protobuf";
import { timestampDate, timestampFromDate } from "@bufbuild/protobuf/wkt";
import type { Condition as ConditionMessage } from "../../../gen/signalbox/v1/condition_pb.ts";
import {
  ListConditionsRequest_Order as Order,
  type SignalConditionRequestSchema,
} from "../../../gen/signalbox/v1/condition_service_pb.ts";
import { type ConditionFrame, followConditions, toConditionFrame } from "../follow.ts";
import { type ConditionType, isPlainObject, type JsValue, toValue, toValueOfType } from "../js-value.ts";
import { toDuration } from "../spec/duration.ts";
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
import { withoutUndefined } from "../without-undefined.ts";

/** Which conditions are wanted; what is said must all hold. A namespace of `-` means all. */
export interface ConditionQuery {
  readonly runId?: string;
  /** Only of runs that have all of these labels. */
  readonly labels?: Readonly<Record<string, string>>;
  /** Only those that this subject is on. */
  readonly assignee?: string;
  /** Only those whose time runs out before. */
  readonly dueBefore?: Date;
  /** Only of tasks of this op. */
  readonly op?: string;
  /** Only those that the caller may answer and has not. */
  readonly answerable?: boolean;
  readonly correlationKey?: string;
  /** Those that are snoozed too. */
  readonly includeSnoozed?: boolean;
}

/** Which conditions are listed, and in which order. */
export interface ConditionListQuery extends ConditionQuery, CallOptions {
  readonly includeEnded?: boolean;
  /** `DUE`: whose time runs out first, only open ones. `AGE`, the longest waiting first, unless said. */
  readonly order?: "AGE" | "DUE";
}

/** How an answer is given. */
export interface SignalOptions extends ChangeOptions {
  /** Who answers; shown and kept, not checked. */
  readonly by?: string;
  /** Why; shown and kept. */
  readonly comment?: string;
  /** Only for this opening of the condition. */
  readonly instance?: number;
  /**
   * The condition's type. It matters where the value alone does not tell it: text, numbers or true for a
   * condition that asks for JSON, and whole numbers beyond 2^53.
   */
  readonly type?: ConditionType;
}

/** How an answer is given by correlation key. */
export interface KeySignalOptions extends Omit<SignalOptions, "instance"> {
  /** How long the signal waits for a condition with the key, if none is open; not at all unless said. */
  readonly keepForMs?: number;
}

/** A link that answers a condition once. Who has it can answer: it is a secret. */
export interface AnswerLink {
  readonly uri: string;
  /** Until when; undefined if as long as the condition waits. */
  readonly expireTime: Date | undefined;
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

/** How a condition is claimed or released. */
type ForceOptions = ChangeOptions & { readonly force?: boolean };

/** Conditions across all runs: the inbox of decisions that runs wait for. */
export interface Conditions {
  /** Lists conditions: the open ones that are not snoozed, unless asked otherwise. */
  list(query?: ConditionListQuery): Pages<Condition>;
  get(runId: string, name: string, options?: CallOptions): Promise<Condition>;
  /** Answers a condition, once. A signal for a condition that its task has yet to add is kept. */
  signal(runId: string, name: string, value: JsValue, options?: SignalOptions): Promise<SignalResult>;
  /** Answers the one open condition that has the correlation key. */
  signalByKey(correlationKey: string, value: JsValue, options?: KeySignalOptions): Promise<SignalResult>;
  /** Says that the caller is on it; with `force` also if somebody else is. */
  claim(runId: string, name: string, options?: ForceOptions): Promise<Condition>;
  /** Says that nobody is on it. */
  release(runId: string, name: string, options?: ForceOptions): Promise<Condition>;
  /** Hands the caller's right to answer on to another subject. */
  delegate(runId: string, name: string, to: string, options?: ChangeOptions): Promise<Condition>;
  /** Takes it out of sight until a time; without one it is in sight again. */
  snooze(runId: string, name: string, until?: Date, options?: ChangeOptions): Promise<Condition>;
  /** Moves its deadline; without one it waits without end. */
  extend(runId: string, name: string, deadline?: Date, options?: ChangeOptions): Promise<Condition>;
  /** Makes a link that answers it once, without other credentials. */
  createLink(
    runId: string,
    name: string,
    options?: CallOptions & { readonly subject?: string; readonly lifetimeMs?: number },
  ): Promise<AnswerLink>;
  /** Follows conditions: the open ones first, then every change. Resumes by itself. */
  watch(query?: ConditionQuery & WatchOptions): AsyncGenerator<ConditionFrame, undefined>;
}

/** The part of the client that is about conditions. */
export function makeConditions(calls: Calls): Conditions {
  return { ...readCalls(calls), ...signalCalls(calls), ...inboxCalls(calls) };
}

function readCalls(calls: Calls): Pick<Conditions, "list" | "get" | "watch"> {
  const { raw } = calls;
  return {
    list({ includeEnded = false, order, ...query } = {}) {
      const filter = { ...toConditionFilter(query, query.namespace ?? calls.namespace), includeEnded };
      return listPages(async ({ size, token }) => {
        const request = { filter, pageSize: size, pageToken: token, order: Order[order ?? "UNSPECIFIED"] };
        const { conditions, nextPageToken } = await raw.conditions.listConditions(
          request,
          toWireOptions(query),
        );
        return { items: conditions.map(toCondition), nextPageToken, last: nextPageToken === "" };
      });
    },
    async get(runId, name, options = {}) {
      const request = { namespace: options.namespace ?? calls.namespace, runId, name };
      const { condition } = await raw.conditions.getCondition(request, toWireOptions(options));
      return toCondition(required(condition));
    },
    watch(query = {}) {
      const filter = toConditionFilter(query, query.namespace ?? calls.namespace);
      return mapWatch(followConditions(calls, filter, query), toConditionFrame);
    },
  };
}

/** The number of each order of lists. */
export const conditionOrders = Order;

/** The message for a query. */
export function toConditionFilter(query: ConditionQuery, namespace: string) {
  const { runId = "", labels = {}, assignee = "", dueBefore, op = "", correlationKey = "" } = query;
  return withoutUndefined({
    namespace,
    runId,
    labels,
    assignee,
    dueBefore: dueBefore && timestampFromDate(dueBefore),
    op,
    correlationKey,
    answerable: query.answerable ?? false,
    includeSnoozed: query.includeSnoozed ?? false,
  });
}

function signalCalls({ raw, namespace }: Calls): Pick<Conditions, "signal" | "signalByKey"> {
  const signal = async (
    target: MessageInitShape<typeof SignalConditionRequestSchema>,
    value: JsValue,
    { by = "", comment = "", type, requestId = "", ...options }: SignalOptions,
  ) => {
    const said = { value: toAnswer(value, type), requestId, signalledBy: by, comment };
    const request = { namespace: options.namespace ?? namespace, ...target, ...said };
    const { condition, kept, repeated } = await raw.conditions.signalCondition(
      request,
      toWireOptions(options),
    );
    return { condition: condition === undefined ? undefined : toCondition(condition), kept, repeated };
  };
  return {
    signal: (runId, name, value, { instance = 0, ...options } = {}) =>
      signal({ runId, name, instance }, value, options),
    signalByKey: (correlationKey, value, { keepForMs, ...options } = {}) =>
      signal(withoutUndefined({ correlationKey, keepFor: toDuration(keepForMs) }), value, options),
  };
}

function inboxCalls({
  raw,
  namespace,
}: Calls): Pick<Conditions, "claim" | "release" | "delegate" | "snooze" | "extend" | "createLink"> {
  const { conditions } = raw;
  const target = (runId: string, name: string, options: ChangeOptions) => ({
    namespace: options.namespace ?? namespace,
    runId,
    name,
    requestId: options.requestId ?? "",
  });
  const changed = async (answer: Promise<{ readonly condition?: ConditionMessage | undefined }>) =>
    toCondition(required((await answer).condition));
  return {
    claim: (runId, name, { force = false, ...options } = {}) =>
      changed(conditions.claimCondition({ ...target(runId, name, options), force }, toWireOptions(options))),
    release: (runId, name, { force = false, ...options } = {}) =>
      changed(
        conditions.releaseCondition({ ...target(runId, name, options), force }, toWireOptions(options)),
      ),
    delegate: (runId, name, to, options = {}) =>
      changed(conditions.delegateCondition({ ...target(runId, name, options), to }, toWireOptions(options))),
    snooze: (runId, name, until, options = {}) => {
      const endTime = until && timestampFromDate(until);
      const request = withoutUndefined({ ...target(runId, name, options), endTime });
      return changed(conditions.snoozeCondition(request, toWireOptions(options)));
    },
    extend: (runId, name, deadline, options = {}) => {
      const deadlineTime = deadline && timestampFromDate(deadline);
      const request = withoutUndefined({ ...target(runId, name, options), deadlineTime });
      return changed(conditions.extendCondition(request, toWireOptions(options)));
    },
    async createLink(runId, name, { subject = "", lifetimeMs, ...options } = {}) {
      const { requestId: _, ...of } = target(runId, name, options);
      const request = withoutUndefined({ ...of, subject, lifetime: toDuration(lifetimeMs) });
      const { uri, expireTime } = await conditions.createAnswerLink(request, toWireOptions(options));
      return { uri, expireTime: expireTime && timestampDate(expireTime) };
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
