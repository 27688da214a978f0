import type {
  Opened,
  SubscribeRequest,
  SubscribeResponse,
} from "../../../gen/signalbox/v1/subscription_service_pb.ts";
import type { Engine } from "../../engine/engine.ts";
import { attachTimeoutMs, consumersPerSubscriptionMax } from "../../limits.ts";
import { fromNamespace } from "../mapping/from-proto-run.ts";
import { message } from "../mapping/message.ts";
import { toDuration } from "../mapping/time.ts";
import type { Refusal } from "../refusals.ts";
import { toConnectError, toThrown } from "../status.ts";
import { takeOpen } from "./open-frame.ts";
import { Subscriber } from "./subscriber.ts";
import { type SubscriberLimits, SubscriberQueue } from "./subscriber-queue.ts";

/** The bounds of consumers' streams; tests give smaller ones. */
export interface SubscribeLimits {
  readonly openTimeoutMs?: number;
  readonly outgoing?: SubscriberLimits;
}

/** What ends a stream from outside, and its bounds. */
export interface SubscribeOptions {
  /** The call's own: its client is gone. */
  readonly signal: AbortSignal;
  /** The server's: it is stopping. */
  readonly stopping: AbortSignal;
  readonly limits: SubscribeLimits;
}

/** How many events a consumer takes at once that does not say. */
const defaultInFlightMax = 100;

/**
 * One consumer's stream, from its open to its end. Whatever ends it, what was delivered on it and not
 * acknowledged goes to another consumer, or waits for one.
 */
export async function* serveSubscriber(
  engine: Engine,
  requests: AsyncIterable<SubscribeRequest>,
  { signal, stopping, limits }: SubscribeOptions,
): AsyncGenerator<SubscribeResponse> {
  const frames = requests[Symbol.asyncIterator]();
  try {
    const open = await takeOpen(frames, { timeoutMs: limits.openTimeoutMs ?? attachTimeoutMs, stopping });
    const queue = new SubscriberQueue(limits.outgoing);
    const inFlightMax = open.inFlightMax === 0 ? defaultInFlightMax : open.inFlightMax;
    const subscriber = new Subscriber({ queue, inFlightMax, isPipelined: open.pipelined });
    const outcome = await engine.subscriptions
      .open(fromNamespace(open.namespace), open.name, subscriber)
      .catch((error: unknown) => {
        throw toThrown(error);
      });
    if (!outcome.ok) throw toConnectError(await refusalOf(engine, open, outcome.cause));
    const { consuming, subscription } = outcome;
    const stop = () => void subscriber.leave();
    const abandon = () => queue.abort();
    const beat = setInterval(() => {
      const value = { $typeName: "signalbox.v1.Beat" as const };
      if (queue.isEmpty) queue.push({ case: "beat", value });
    }, engine.settings.pulseIntervalMs).unref();
    stopping.addEventListener("abort", stop);
    signal.addEventListener("abort", abandon);
    if (stopping.aborted) stop();
    if (signal.aborted) abandon();
    void subscriber.read(frames, consuming);
    try {
      yield opened(subscription.ackTimeoutMs);
      yield* queue.frames();
    } finally {
      stopping.removeEventListener("abort", stop);
      signal.removeEventListener("abort", abandon);
      clearInterval(beat);
      queue.abort();
      consuming.close();
    }
  } finally {
    // Not awaited: it waits for a frame that may never come.
    frames.return?.().catch(() => {});
  }
}

function opened(ackTimeoutMs: number): SubscribeResponse {
  const value = message<Opened>({ $typeName: "signalbox.v1.Opened", ackTimeout: toDuration(ackTimeoutMs) });
  return { $typeName: "signalbox.v1.SubscribeResponse", frame: { case: "opened", value } };
}

async function refusalOf(
  engine: Engine,
  { namespace, name }: { readonly namespace: string; readonly name: string },
  cause: "NOT_FOUND" | "NOT_PULLED" | "FULL",
): Promise<Refusal> {
  if (cause === "FULL") {
    const maximum = consumersPerSubscriptionMax;
    return { reason: "LIMIT_REACHED", limit: "consumersPerSubscriptionMax", maximum };
  }
  const found = await engine.store.subscription(fromNamespace(namespace), name);
  if (cause === "NOT_FOUND" || found === undefined) {
    return { reason: "SUBSCRIPTION_NOT_FOUND", subscription: name };
  }
  return { reason: "SUBSCRIPTION_NOT_PULLED", subscription: name, target: found.target.kind };
}
