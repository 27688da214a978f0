import type { MessageInitShape } from "@bufbuild/protobuf";
import { create } from "@bufbuild/protobuf";
import { createClient } from "@connectrpc/connect";
import { createGrpcTransport } from "@connectrpc/connect-node";
import {
  type EventDelivery,
  type Opened,
  type OpenSchema,
  SubscribeRequestSchema,
  type SubscribeResponse,
  SubscriptionService,
} from "../../gen/signalbox/v1/subscription_service_pb.ts";

/** A frame as a consumer writes it. */
export type SubscriberFrame = NonNullable<MessageInitShape<typeof SubscribeRequestSchema>["frame"]>;

type ServerFrame = Exclude<SubscribeResponse["frame"], { case: undefined }>;
type FrameOf<Case extends ServerFrame["case"]> = Extract<ServerFrame, { case: Case }>["value"];

/** A consumer's stream in the hands of a test: it sends what it is told, and keeps what comes. */
export class TestSubscriber {
  /** What was delivered and not taken yet. */
  readonly deliveries: EventDelivery[] = [];
  readonly #waiting: SubscriberFrame[] = [];
  readonly #frames: ServerFrame[] = [];
  readonly #cancel = new AbortController();
  readonly #ended = Promise.withResolvers<unknown>();
  #looks: (() => void)[] = [];
  #wake: (() => void) | undefined;
  #isClosed = false;
  #isOver = false;

  /** Opens a stream on a connection of its own and sends nothing. */
  static connect(url: string): TestSubscriber {
    const subscriber = new TestSubscriber();
    const client = createClient(SubscriptionService, createGrpcTransport({ baseUrl: url }));
    const answers = client.subscribe(subscriber.#requests(), { signal: subscriber.#cancel.signal });
    void subscriber.#receive(answers);
    return subscriber;
  }

  /** Opens a stream of the subscription `s`, unless another is named, and waits until it is. */
  static async open(url: string, open: MessageInitShape<typeof OpenSchema> = {}): Promise<TestSubscriber> {
    const subscriber = TestSubscriber.connect(url);
    await subscriber.sendOpen(open);
    return subscriber;
  }

  async sendOpen(open: MessageInitShape<typeof OpenSchema> = {}): Promise<Opened> {
    this.send({ case: "open", value: { name: "s", ...open } });
    return this.next("opened");
  }

  send(frame: SubscriberFrame): void {
    this.#waiting.push(frame);
    this.#wake?.();
  }

  /** Takes so many deliveries, and waits for them if need be. */
  async take(count: number): Promise<readonly EventDelivery[]> {
    while (this.deliveries.length < count) await this.#more("a delivery");
    return this.deliveries.splice(0, count);
  }

  /** Acknowledges deliveries and waits until that is durable. */
  async acknowledge(deliveries: readonly EventDelivery[]): Promise<void> {
    const open = new Set(deliveries.map(({ deliveryId }) => deliveryId));
    this.send({ case: "acknowledge", value: { deliveryIds: [...open] } });
    while (open.size > 0) for (const id of (await this.next("acknowledged")).deliveryIds) open.delete(id);
  }

  /** Resolves when the stream is over, with its error if it broke. */
  get ended(): Promise<unknown> {
    return this.#ended.promise;
  }

  /** Takes the oldest frame of a kind, and waits for it if need be. */
  async next<Case extends ServerFrame["case"]>(kind: Case): Promise<FrameOf<Case>> {
    for (;;) {
      const index = this.#frames.findIndex((frame) => frame.case === kind);
      const [frame] = index < 0 ? [] : this.#frames.splice(index, 1);
      if (frame !== undefined) return frame.value as FrameOf<Case>;
      await this.#more(kind);
    }
  }

  /** Sends nothing more, and says so; the server may still send. */
  halfClose(): void {
    this.#isClosed = true;
    this.#wake?.();
  }

  /** Gives the stream up, as a client that is interrupted does. */
  cancel(): void {
    this.#cancel.abort();
    this.halfClose();
  }

  async #more(awaited: string): Promise<void> {
    if (this.#isOver) throw new Error(`the stream ended before ${awaited}`, { cause: await this.ended });
    await new Promise<void>((resolve) => this.#looks.push(resolve));
  }

  async *#requests() {
    for (;;) {
      const frame = this.#waiting.shift();
      if (frame !== undefined) yield create(SubscribeRequestSchema, { frame });
      else if (this.#isClosed) return;
      else {
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
      }
    }
  }

  async #receive(answers: AsyncIterable<SubscribeResponse>): Promise<void> {
    let failure: unknown;
    try {
      for await (const { frame } of answers) {
        if (frame.case === "deliver") this.deliveries.push(...frame.value.deliveries);
        else if (frame.case !== undefined) this.#frames.push(frame);
        this.#look();
      }
    } catch (error) {
      failure = error;
    }
    this.#isOver = true;
    this.#ended.resolve(failure);
    this.#look();
    this.halfClose();
  }

  #look(): void {
    for (const look of this.#looks.splice(0)) look();
  }
}
