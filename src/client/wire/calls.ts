import type { Client as RawClient, CallOptions as WireOptions } from "@connectrpc/connect";
import type { ConditionService } from "../../../gen/signalbox/v1/condition_service_pb.ts";
import type { EventService } from "../../../gen/signalbox/v1/event_service_pb.ts";
import type { LimitService } from "../../../gen/signalbox/v1/limit_service_pb.ts";
import type { OpService } from "../../../gen/signalbox/v1/op_service_pb.ts";
import type { RunService } from "../../../gen/signalbox/v1/run_service_pb.ts";
import type { SubscriptionService } from "../../../gen/signalbox/v1/subscription_service_pb.ts";
import type { WorkerService } from "../../../gen/signalbox/v1/worker_service_pb.ts";
import type { RetryPolicy } from "./retry.ts";
import type { ResumeOptions } from "./watch.ts";

/** What every call can be told. */
export interface CallOptions {
  /** The client's namespace unless said. */
  readonly namespace?: string | undefined;
  /** How long the call may take with all its tries; the client's retry time unless said. */
  readonly timeoutMs?: number | undefined;
  /** Aborting it gives the call up with the signal's reason; whether it was carried out is open then. */
  readonly signal?: AbortSignal | undefined;
}

/** What every call that changes something can be told. */
export interface ChangeOptions extends CallOptions {
  /** A new UUID unless said. The same id with the same content is carried out once, for 24 hours. */
  readonly requestId?: string | undefined;
}

/** Where a watch is told to begin, and when to end. */
export interface WatchOptions {
  readonly namespace?: string | undefined;
  /** Behind which frame to begin: the cursor of an earlier watch of the same kind under the same filter. */
  readonly cursor?: string | undefined;
  /** Aborting it ends the watch: the pending `next()` is rejected with the signal's reason. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * The generated clients, over messages. Mutating calls get a `request_id`, calls are tried again while the
 * server is away, and refusals are RefusedErrors; streams are opened once and not resumed.
 */
export interface RawClients {
  readonly runs: RawClient<typeof RunService>;
  readonly conditions: RawClient<typeof ConditionService>;
  readonly events: RawClient<typeof EventService>;
  readonly ops: RawClient<typeof OpService>;
  readonly workers: RawClient<typeof WorkerService>;
  readonly limits: RawClient<typeof LimitService>;
  readonly subscriptions: RawClient<typeof SubscriptionService>;
}

/** What every part of the client makes its calls with. */
export interface Calls {
  readonly raw: RawClients;
  readonly namespace: string;
  readonly policy: RetryPolicy;
  readonly address: string;
}

/** What of a call's options goes along with it on the wire. */
export function toWireOptions({ timeoutMs, signal }: CallOptions): WireOptions {
  return {
    ...(timeoutMs === undefined ? {} : { timeoutMs }),
    ...(signal === undefined ? {} : { signal }),
  };
}

/** What a watch is followed with. */
export function toResumeOptions({ policy, address }: Calls, { cursor, signal }: WatchOptions): ResumeOptions {
  return { policy, address, cursor: cursor === "" ? undefined : cursor, signal };
}

/** What an answer always has. Throws if the server left it out, which is its mistake. */
export function required<T>(part: T | undefined): T {
  if (part === undefined) {
    throw new Error("the server left out what its answer is about");
  }
  return part;
}
