import type { DescService } from "@bufbuild/protobuf";
import type { ConnectRouter, ServiceImpl } from "@connectrpc/connect";
import { ConditionService } from "../../gen/signalbox/v1/condition_service_pb.ts";
import { EventService } from "../../gen/signalbox/v1/event_service_pb.ts";
import { LimitService } from "../../gen/signalbox/v1/limit_service_pb.ts";
import { OpService } from "../../gen/signalbox/v1/op_service_pb.ts";
import { RunService } from "../../gen/signalbox/v1/run_service_pb.ts";
import { SubscriptionService } from "../../gen/signalbox/v1/subscription_service_pb.ts";
import { WorkerService } from "../../gen/signalbox/v1/worker_service_pb.ts";
import type { Engine } from "../engine/engine.ts";
import { conditionService } from "./condition-service.ts";
import { type LinkMaker, noLinks } from "./conditions/link-methods.ts";
import { noTargets } from "./delivery/deliveries.ts";
import { eventService } from "./event-service.ts";
import { limitService } from "./limit-service.ts";
import { opService } from "./op-service.ts";
import { runService } from "./run-service.ts";
import { toThrown } from "./status.ts";
import { type DeliveryTargets, subscriptionService } from "./subscription-service.ts";
import type { SubscribeLimits } from "./subscriptions/subscribe-stream.ts";
import type { WorkerStreamLimits } from "./worker/worker-stream.ts";
import { workerService } from "./worker-service.ts";

/** The services of signalbox.v1, for health checks and reflection. */
export const services = [
  RunService,
  ConditionService,
  EventService,
  OpService,
  LimitService,
  WorkerService,
  SubscriptionService,
] as const;

/**
 * Registers all services over an engine. When `stopping` is aborted, streams that would last end by
 * themselves: workers are told when to come back, followers get STOPPING. The bounds of streams are those of
 * `limits.ts` unless a test gives smaller ones. Without `targets` there is nowhere to send events to,
 * without `links` nowhere for answer links to lead.
 */
export function routes(
  engine: Engine,
  stopping: AbortSignal,
  limits: WorkerStreamLimits & { readonly subscribe?: SubscribeLimits } = {},
  targets: DeliveryTargets = noTargets,
  links: LinkMaker = noLinks,
): (router: ConnectRouter) => void {
  return (router) => {
    register(router, RunService, runService(engine, stopping, targets));
    register(router, ConditionService, conditionService(engine, stopping, links));
    register(router, EventService, eventService(engine, stopping));
    register(router, OpService, opService(engine));
    register(router, LimitService, limitService(engine));
    register(router, WorkerService, workerService(engine, stopping, limits, targets));
    register(router, SubscriptionService, subscriptionService(engine, stopping, targets, limits.subscribe));
  };
}

/** Registers a service whose failures (the store, the stopping server) end a call as refusals do. */
export function register<S extends DescService>(
  router: ConnectRouter,
  service: S,
  implementation: ServiceImpl<S>,
): void {
  router.service(service, tellFailures(implementation));
}

type Method = (request: never, context: never) => unknown;

/** The same service, whose failures (the store, the stopping server) end a call as refusals do. */
function tellFailures<S extends DescService>(implementation: ServiceImpl<S>): ServiceImpl<S> {
  const methods = Object.entries(implementation as Record<string, Method>);
  return Object.fromEntries(
    methods.map(([name, method]) => [name, tellFailuresOf(method)]),
  ) as ServiceImpl<S>;
}

function tellFailuresOf(method: Method): Method {
  return (request, context) => {
    const answer = method(request, context);
    if (answer instanceof Promise) return answer.catch(rethrow);
    return isStream(answer) ? eachOf(answer) : answer;
  };
}

function isStream(answer: unknown): answer is AsyncGenerator<unknown> {
  return typeof answer === "object" && answer !== null && Symbol.asyncIterator in answer;
}

/** Not a generator: one more of those for each message is what a feed would notice. */
function eachOf(messages: AsyncGenerator<unknown>): AsyncIterable<unknown> {
  const iterator: AsyncIterator<unknown> = {
    next: () => messages.next().catch(rethrow),
    return: (value) => messages.return(value).catch(rethrow),
    throw: (error) => messages.throw(error).catch(rethrow),
  };
  return { [Symbol.asyncIterator]: () => iterator };
}

function rethrow(error: unknown): never {
  throw toThrown(error);
}
