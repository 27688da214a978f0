import { subscriptionBytesMax, subscriptionLookAheadMax } from "../../limits.ts";
import type { PlacedEvent } from "../feed-pages.ts";
import type { Consumer, Consuming, DeliveryStatus, EndCause, EventInFlight, Rejection } from "./consumer.ts";
import type { DistributionOptions } from "./distribution-options.ts";
import { eventSizeBytes } from "./event-size.ts";
import { type HeldEvent, Lane, type Taker } from "./lane.ts";
import { RestingLanes } from "./resting-lanes.ts";

/** One who consumes. */
interface LiveConsumer extends Taker {
  readonly consumer: Consumer;
  inFlightCount: number;
}

/**
 * Shares the events of one subscription among its consumers. An event that is entered is held until it is
 * dealt with, in the lane of its run:
 *
 * ```
 *            delivered                acknowledged
 *  WAITING ────────────▶ IN FLIGHT ──────────────────▶ dealt with
 *     ▲                      │ rejected, out of time, its consumer gone
 *     └──── rests a while ◀──┴───────────────────────▶ set aside, after the last try
 * ```
 * Of a lane one event is in flight, or several to one pipelined consumer. A lane that may go on stands in
 * `ready`; one whose first event is to be tried later rests, and holds up no other. What is new goes to the
 * consumer that has the least in flight.
 */
export class Distribution {
  readonly #options: DistributionOptions;
  readonly #consumers = new Set<LiveConsumer>();
  readonly #lanes = new Map<string, Lane>();
  readonly #held = new Map<number, HeldEvent>();
  /** In the order of their deliveries, and so of their deadlines. */
  readonly #flying = new Map<number, HeldEvent>();
  readonly #ready = new Set<Lane>();
  readonly #resting: RestingLanes;
  #heldBytes = 0;
  #acknowledgedCount = 0;
  #failedCount = 0;
  #lastError = "";
  #hasStopped = false;
  #isDelivering = false;
  #isToDeliver = false;
  #deadlineTimer: (() => void) | undefined;

  constructor(options: DistributionOptions) {
    this.#options = options;
    this.#resting = new RestingLanes(options.clock, (lanes) => {
      for (const lane of lanes) this.#look(lane);
      this.#deliver();
    });
  }

  /** True if more may be entered. Without a consumer one event is held, to know since when it waits. */
  get hasRoom(): boolean {
    if (this.#consumers.size === 0) return this.#held.size === 0;
    const countMax = this.#options.content.inFlightMax + subscriptionLookAheadMax;
    return this.#held.size < countMax && this.#heldBytes < subscriptionBytesMax;
  }

  /** True if it is held. */
  holds(position: number): boolean {
    return this.#held.has(position);
  }

  /** Where it stands. */
  get status(): DeliveryStatus {
    const [oldest] = this.#held.values();
    return {
      inFlightCount: this.#flying.size,
      acknowledgedCount: this.#acknowledgedCount,
      failedCount: this.#failedCount,
      lastError: this.#lastError,
      consumerCount: this.#consumers.size,
      oldestTimeMs: oldest?.placed.event.timeMs,
    };
  }

  /** Shows this as the last error, until an event is dealt with. */
  tell(error: string): void {
    this.#lastError = error;
  }

  /** Takes events on, in order, to be delivered. */
  enter(events: readonly PlacedEvent[]): void {
    for (const placed of events) {
      const position = Number(placed.position);
      if (this.#held.has(position)) continue;
      const { namespace, runId } = placed.event;
      const lane = this.#laneOf(`${namespace}/${runId}`);
      const fresh = { taker: undefined, deadlineMs: 0, deliveryCount: 0, failedCount: 0 };
      const event: HeldEvent = { placed, position, lane, sizeBytes: eventSizeBytes(placed.event), ...fresh };
      this.#held.set(position, event);
      this.#heldBytes += event.sizeBytes;
      lane.add(event);
      this.#look(lane);
    }
    this.#deliver();
  }

  /** One more consumer. */
  add(consumer: Consumer): Consuming {
    const live: LiveConsumer = { consumer, isPipelined: consumer.isPipelined, inFlightCount: 0 };
    this.#consumers.add(live);
    this.#options.onRoom();
    this.#deliver();
    return {
      acknowledge: (positions) => this.#acknowledge(positions),
      reject: (positions, rejection) => this.#reject(live, positions, rejection),
      close: (options) => {
        this.#remove(live, options?.isUncounted === true);
        this.#deliver();
      },
    };
  }

  /** Delivers no more, and ends the consumers, each of which may still say what became of what it has. */
  async stop(cause: EndCause): Promise<void> {
    this.#hasStopped = true;
    this.#deadlineTimer?.();
    this.#resting.stop();
    await Promise.all([...this.#consumers].map(async ({ consumer }) => consumer.end(cause)));
  }

  #laneOf(key: string): Lane {
    const known = this.#lanes.get(key);
    if (known !== undefined) return known;
    const lane = new Lane(key);
    this.#lanes.set(key, lane);
    return lane;
  }

  /** Puts a lane where it belongs by now. */
  #look(lane: Lane): void {
    // Another lane of its run may have come since it was empty.
    if (lane.isEmpty && this.#lanes.get(lane.key) === lane) this.#lanes.delete(lane.key);
    if (lane.next === undefined) this.#ready.delete(lane);
    else this.#ready.add(lane);
  }

  #deliver(): void {
    this.#isToDeliver = true;
    // What a consumer says while it is handed something is looked at when all have been handed theirs.
    if (this.#isDelivering || this.#hasStopped) return;
    this.#isDelivering = true;
    while (this.#isToDeliver) {
      this.#isToDeliver = false;
      for (const [live, deliveries] of this.#assign()) {
        if (live.consumer.deliver(deliveries)) continue;
        this.#remove(live, false);
        void live.consumer.end("TOO_SLOW");
        this.#isToDeliver = true;
      }
    }
    this.#isDelivering = false;
    this.#armDeadline();
  }

  /** Says who gets what, as far as there is room. */
  #assign(): Map<LiveConsumer, EventInFlight[]> {
    const assigned = new Map<LiveConsumer, EventInFlight[]>();
    const { inFlightMax } = this.#options.content;
    const nowMs = this.#options.clock.nowMs();
    const deadlineMs = nowMs + (this.#options.ackTimeoutMs ?? 0);
    for (const lane of this.#ready) {
      for (let event = lane.next; event !== undefined; event = lane.next) {
        if (this.#flying.size >= inFlightMax) return assigned;
        const bound = lane.taker as LiveConsumer | undefined;
        const live = bound ?? this.#leastLoaded();
        if (live === undefined) return assigned;
        if (live.inFlightCount >= live.consumer.inFlightMax) break;
        lane.take(live);
        live.inFlightCount += 1;
        event.deadlineMs = deadlineMs;
        event.deliveryCount += 1;
        this.#flying.set(event.position, event);
        const delivery = { placed: event.placed, deliveryCount: event.deliveryCount };
        const deliveries = assigned.get(live);
        if (deliveries === undefined) assigned.set(live, [delivery]);
        else deliveries.push(delivery);
      }
      if (lane.next === undefined) this.#ready.delete(lane);
    }
    return assigned;
  }

  #leastLoaded(): LiveConsumer | undefined {
    let best: LiveConsumer | undefined;
    for (const live of this.#consumers) {
      const hasRoom = live.inFlightCount < live.consumer.inFlightMax;
      if (hasRoom && (best === undefined || live.inFlightCount < best.inFlightCount)) best = live;
    }
    return best;
  }

  /** Also what came back meanwhile counts: somebody has dealt with it. */
  #acknowledge(positions: readonly number[]): Promise<void> {
    const taken: number[] = [];
    for (const position of positions) {
      const event = this.#held.get(position);
      if (event === undefined) continue;
      const live = event.taker as LiveConsumer | undefined;
      if (live !== undefined) live.inFlightCount -= 1;
      else event.lane.restsUntilMs = undefined;
      this.#flying.delete(position);
      this.#forget(event);
      taken.push(position);
    }
    if (taken.length > 0) {
      this.#acknowledgedCount += taken.length;
      this.#lastError = "";
    }
    const durable = this.#options.dealt(taken);
    this.#options.onRoom();
    this.#deliver();
    return durable;
  }

  #reject(live: LiveConsumer, positions: readonly number[], rejection: Rejection): void {
    for (const position of [...positions].sort((one, other) => one - other)) {
      const event = this.#flying.get(position);
      if (event?.taker === live) this.#fail(event, rejection);
    }
    this.#deliver();
  }

  /** An event comes back: with all of its run that is in flight behind it, which is no fault of theirs. */
  #fail(event: HeldEvent, { delayMs, cause, isFinal = false }: Rejection): void {
    this.#failedCount += 1;
    this.#lastError = cause;
    event.failedCount += 1;
    this.#putBack(event);
    const { deliveriesMax, initialBackoffMs, maxBackoffMs } = this.#options.content;
    const isLast = isFinal || (deliveriesMax > 0 && event.failedCount >= deliveriesMax);
    if (isLast && this.#options.setAside(event, cause)) {
      this.#forget(event);
      this.#options.onRoom();
      return;
    }
    const backoffMs = Math.min(initialBackoffMs * 2 ** Math.min(event.failedCount - 1, 30), maxBackoffMs);
    const restMs = delayMs ?? backoffMs;
    if (restMs > 0) this.#resting.add(event.lane, restMs);
    this.#look(event.lane);
  }

  #putBack(event: HeldEvent): void {
    const live = event.taker as LiveConsumer | undefined;
    const back = event.lane.putBack(event);
    for (const { position } of back) this.#flying.delete(position);
    if (live !== undefined) live.inFlightCount -= back.length;
    // Among equals it comes last from here on: one that is stuck is not given the same event for ever.
    if (live !== undefined && this.#consumers.delete(live)) this.#consumers.add(live);
    this.#look(event.lane);
  }

  #forget(event: HeldEvent): void {
    const { lane, position, sizeBytes } = event;
    lane.remove(event);
    this.#held.delete(position);
    this.#heldBytes -= sizeBytes;
    this.#look(lane);
  }

  #remove(live: LiveConsumer, isUncounted: boolean): void {
    if (!this.#consumers.delete(live)) return;
    for (const event of [...this.#flying.values()]) {
      // One that came back behind another of its run is in flight no longer.
      if (event.taker !== live) continue;
      if (isUncounted) this.#putBack(event);
      else this.#fail(event, { delayMs: 0, cause: "its consumer has gone" });
    }
  }

  /** One timer, for the delivery whose time is over first; if that was answered, it is set again then. */
  #armDeadline(): void {
    const { ackTimeoutMs, clock } = this.#options;
    if (ackTimeoutMs === undefined || this.#deadlineTimer !== undefined || this.#hasStopped) return;
    const [first] = this.#flying.values();
    if (first === undefined) return;
    this.#deadlineTimer = clock.after(Math.max(first.deadlineMs - clock.nowMs(), 0), () => {
      this.#deadlineTimer = undefined;
      const nowMs = clock.nowMs();
      for (const event of [...this.#flying.values()]) {
        if (event.deadlineMs > nowMs) break;
        const cause = `no acknowledgement in ${ackTimeoutMs} ms`;
        if (this.#flying.has(event.position)) this.#fail(event, { delayMs: undefined, cause });
      }
      this.#deliver();
    });
  }
}
