import { createClient as createRawClient, type Transport } from "@connectrpc/connect";
import { ConditionService } from "../../gen/signalbox/v1/condition_service_pb.ts";
import { EventService } from "../../gen/signalbox/v1/event_service_pb.ts";
import { LimitService } from "../../gen/signalbox/v1/limit_service_pb.ts";
import { OpService } from "../../gen/signalbox/v1/op_service_pb.ts";
import { RunService } from "../../gen/signalbox/v1/run_service_pb.ts";
import { SubscriptionService } from "../../gen/signalbox/v1/subscription_service_pb.ts";
import { WorkerService } from "../../gen/signalbox/v1/worker_service_pb.ts";
import { attemptTimeoutMs } from "./client-limits.ts";
import { type Conditions, makeConditions } from "./parts/conditions.ts";
import { type Events, makeEvents } from "./parts/events.ts";
import { type Limits, makeLimits } from "./parts/limits.ts";
import { makeOps, type Ops } from "./parts/ops.ts";
import { makeRuns, type Runs } from "./parts/runs.ts";
import { makeSubscriptions, type Subscriptions } from "./parts/subscriptions.ts";
import { makeWorkers, type Workers } from "./parts/workers.ts";
import type { Calls, RawClients } from "./wire/calls.ts";
import { type RetryOptions, toRetryPolicy } from "./wire/retry.ts";
import { defaultAddress, openConnection, type Protocol, reliableTransport } from "./wire/transport.ts";

export type {
  ConditionFrame,
  EventFrame,
  EventSnapshot,
  EventStart,
  EventWatchOptions,
  RunFrame,
} from "./follow.ts";
export { type AnswerByType, type ConditionType, type JsValue, type JsValues, Reference } from "./js-value.ts";
export type { ActionEnd, Actions } from "./parts/actions.ts";
export type {
  AnswerLink,
  ConditionListQuery,
  ConditionQuery,
  Conditions,
  KeySignalOptions,
  SignalOptions,
  SignalResult,
} from "./parts/conditions.ts";
export type { Events, FeedDescription, NewEvent } from "./parts/events.ts";
export type { Limits, NewLimit } from "./parts/limits.ts";
export type { NewOp, OpInputs, OpListOptions, Ops, OpVersion } from "./parts/ops.ts";
export type { RunChange, RunQuery, Runs } from "./parts/runs.ts";
export type { ConsumedEvent, ConsumeOptions, NewSubscription, Subscriptions } from "./parts/subscriptions.ts";
export type { Workers } from "./parts/workers.ts";
export {
  CallFailedError,
  type RefusalReason,
  RefusedError,
  type StatusCode,
  UnavailableError,
  type Violation,
} from "./refused-error.ts";
export type {
  ConditionTerms,
  NewAnswerRule,
  NewChoice,
  NewCondition,
  NewConditionWebhook,
  NewEscalation,
} from "./spec/condition.ts";
export type { EventQuery } from "./spec/event-filter.ts";
export type { NewInputSpec, NewOutputSpec, SpecType } from "./spec/op-specs.ts";
export type { NewDelivery, NewPlacement, NewResources } from "./spec/placement.ts";
export {
  type Inputs,
  type NewDependency,
  type NewRun,
  type NewTask,
  type OutputOf,
  output,
  type PlannedAction,
} from "./spec/plan.ts";
export type { NewRetry, NewTimeouts } from "./spec/retry.ts";
export type {
  Action,
  ActionError,
  ActionKind,
  ActionState,
  Attempt,
  Dependency,
} from "./views/action.ts";
export type { WorkerCapacity, WorkerReserved } from "./views/capacity.ts";
export type { AnswerChannel, Condition, ConditionAnswer, ConditionOutcome } from "./views/condition.ts";
export type { Event } from "./views/event.ts";
export type { EventDetails, EventKind } from "./views/event-details.ts";
export type { ExplainCause, Explanation } from "./views/explanation.ts";
export type { Limit, LimitScope, LimitUse } from "./views/limit.ts";
export type { Op } from "./views/op.ts";
export { hasRunEnded, type Run, type RunState } from "./views/run.ts";
export type { DeadLetter, Subscription, SubscriptionTarget } from "./views/subscription.ts";
export type { TimelineEntry, TimelineType } from "./views/timeline.ts";
export type { Worker, WorkerState } from "./views/worker.ts";
export type { CallOptions, ChangeOptions, RawClients, WatchOptions } from "./wire/calls.ts";
export type { Page, PageOptions, Pages } from "./wire/pages.ts";
export type { RetryOptions } from "./wire/retry.ts";
export type { Protocol } from "./wire/transport.ts";

/** How a client is made. Everything has a default. */
export interface ClientOptions {
  /** A URL or host:port; http://127.0.0.1:7233 unless said. */
  readonly address?: string;
  /** The namespace of calls that name none; `default` unless said. */
  readonly namespace?: string;
  /** How long one try of a call may take, in milliseconds; 10,000 unless said. */
  readonly timeoutMs?: number;
  /** How long calls are tried again and watches resumed. */
  readonly retry?: RetryOptions;
  /** What carries the calls, over HTTP/2; `connect` unless said. */
  readonly protocol?: Protocol;
  /** Who calls, as a token of the server's tokens file; not needed for a server without one. */
  readonly token?: string;
  /** A transport of the caller's own instead of an address and a protocol, as for tests in one process. */
  readonly transport?: Transport;
}

/**
 * A client of a Signalbox server over plain JavaScript values. It may be used by any number of callers at
 * once, over one connection that is opened with the first call and again whenever it is lost.
 *
 * What the server declines is thrown as a RefusedError; when it stays away for longer than the retry time,
 * calls throw an UnavailableError. Every mutating call has a `request_id`, so that trying again never does a
 * thing twice.
 */
export interface SignalboxClient extends AsyncDisposable {
  readonly runs: Runs;
  readonly conditions: Conditions;
  readonly events: Events;
  readonly ops: Ops;
  readonly workers: Workers;
  readonly limits: Limits;
  readonly subscriptions: Subscriptions;
  /** The generated clients, over messages. */
  readonly raw: RawClients;
  /** Closes the connection: what is open fails, and a later call opens it again. */
  close(): void;
}

/** Makes a client. Nothing is sent before its first call. */
export function createClient(options: ClientOptions = {}): SignalboxClient {
  return connectClient(options).client;
}

/**
 * A client together with what its calls are made with, for code that speaks in messages, as the command line
 * does.
 */
export function connectClient(options: ClientOptions = {}): {
  readonly client: SignalboxClient;
  readonly calls: Calls;
} {
  const {
    address = defaultAddress,
    namespace = "default",
    timeoutMs = attemptTimeoutMs,
    protocol = "connect",
  } = options;
  const policy = toRetryPolicy(options.retry);
  const given = options.transport;
  const connection =
    given === undefined
      ? openConnection({ address, protocol, token: options.token })
      : { transport: given, close() {} };
  const transport = reliableTransport(connection.transport, { address, policy, attemptTimeoutMs: timeoutMs });
  const raw: RawClients = {
    runs: createRawClient(RunService, transport),
    conditions: createRawClient(ConditionService, transport),
    events: createRawClient(EventService, transport),
    ops: createRawClient(OpService, transport),
    workers: createRawClient(WorkerService, transport),
    limits: createRawClient(LimitService, transport),
    subscriptions: createRawClient(SubscriptionService, transport),
  };
  const calls: Calls = { raw, namespace, policy, address };
  const client: SignalboxClient = {
    runs: makeRuns(calls),
    conditions: makeConditions(calls),
    events: makeEvents(calls),
    ops: makeOps(calls),
    workers: makeWorkers(calls),
    limits: makeLimits(calls),
    subscriptions: makeSubscriptions(calls),
    raw,
    close: connection.close,
    [Symbol.asyncDispose]: async () => connection.close(),
  };
  return { client, calls };
}
