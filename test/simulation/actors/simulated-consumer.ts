import { create, type MessageInitShape } from "@bufbuild/protobuf";
import {
  SubscribeRequestSchema,
  type SubscribeResponse,
  SubscriptionService,
} from "../../../gen/signalbox/v1/subscription_service_pb.ts";
import type { Link, LinkClient } from "../world/link.ts";
import type { Surroundings } from "./simulated-worker.ts";

type Frame = NonNullable<MessageInitShape<typeof SubscribeRequestSchema>["frame"]>;

/** What a consumer works on. */
interface Delivery {
  readonly deliveryId: bigint;
  readonly eventId: string;
}

/** The subscription that consumers of a simulation share, from the beginning of the feed. */
export const subscription = "ledger";

/** What all consumers of a subscription were given and had acknowledged, in the end. */
export class ConsumedEvents {
  readonly given = new Set<string>();
  /** That were acknowledged, whether the server heard of it or not. */
  readonly asked = new Set<string>();
  /** The steps at which their acknowledgement was confirmed as durable. */
  readonly acknowledged = new Map<string, number>();
  /** Given again on a stream that was opened behind that. */
  readonly givenAgain: string[] = [];
}

/** One who works through a durable subscription: acknowledges most of it, in any order, and rejects some. */
export class SimulatedConsumer implements LinkClient {
  readonly #around: Surroundings;
  readonly #consumed: ConsumedEvents;
  readonly #inHand: Delivery[] = [];
  readonly #unconfirmed = new Map<bigint, string>();
  #link: Link | undefined;
  #openAtMs = 0;
  #openedAtStep = 0;
  /** It rejects nothing more. */
  isCalm = false;

  constructor(around: Surroundings, consumed: ConsumedEvents) {
    this.#around = around;
    this.#consumed = consumed;
  }

  get link(): Link | undefined {
    return this.#link;
  }

  get canAct(): boolean {
    if (this.#link !== undefined) return this.#inHand.length > 0;
    return this.#around.clock.monotonicMs >= this.#openAtMs;
  }

  /** Does one thing. */
  act(): string {
    const { network, random } = this.#around;
    if (this.#link === undefined) {
      this.#openedAtStep = this.#around.chronicle.step;
      this.#link = network.open(SubscriptionService.method.subscribe, this, "consumer");
      this.#say({ case: "open", value: { name: subscription, inFlightMax: 20 } });
      return "opens the subscription";
    }
    const [delivery] = this.#inHand.splice(random.below(this.#inHand.length), 1) as [Delivery];
    const { deliveryId, eventId } = delivery;
    if (!this.isCalm && random.percent(5)) {
      this.#say({ case: "reject", value: { deliveryIds: [deliveryId], cause: "not now" } });
      return `rejects ${eventId}`;
    }
    this.#consumed.asked.add(eventId);
    this.#unconfirmed.set(deliveryId, eventId);
    this.#say({ case: "acknowledge", value: { deliveryIds: [deliveryId] } });
    return `acknowledges ${eventId}`;
  }

  receive({ frame }: SubscribeResponse): void {
    switch (frame.case) {
      case "deliver":
        for (const { deliveryId, event } of frame.value.deliveries)
          this.#take(deliveryId, event?.eventId ?? "");
        return;
      case "acknowledged":
        for (const deliveryId of frame.value.deliveryIds) {
          const eventId = this.#unconfirmed.get(deliveryId);
          this.#unconfirmed.delete(deliveryId);
          if (eventId !== undefined) this.#consumed.acknowledged.set(eventId, this.#around.chronicle.step);
        }
        return;
      case "beat":
        this.#say({ case: "beat", value: {} });
        return;
      default:
        return;
    }
  }

  ended(): void {
    this.#link = undefined;
    this.#inHand.length = 0;
    this.#unconfirmed.clear();
    this.#openAtMs = this.#around.clock.monotonicMs + 200;
  }

  #take(deliveryId: bigint, eventId: string): void {
    const { given, acknowledged, givenAgain } = this.#consumed;
    // On a stream that was open already it may have been on its way.
    const isBefore = (acknowledged.get(eventId) ?? Number.POSITIVE_INFINITY) < this.#openedAtStep;
    if (isBefore) givenAgain.push(eventId);
    given.add(eventId);
    this.#inHand.push({ deliveryId, eventId });
  }

  #say(frame: Frame): void {
    this.#link?.send(create(SubscribeRequestSchema, { frame }));
  }
}
