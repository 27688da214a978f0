import { create, type MessageInitShape } from "@bufbuild/protobuf";
import {
  type EventFilterSchema,
  EventService,
  WatchEventsRequestSchema,
  type WatchEventsResponse,
} from "../../../gen/signalbox/v1/event_service_pb.ts";
import type { Event } from "../../../src/core/event.ts";
import type { RecordedFrame, RecordedStream } from "../../guarantees/record.ts";
import type { Link, LinkClient } from "../world/link.ts";
import type { Surroundings } from "./simulated-worker.ts";

/** What a subscriber wants, in the words of the contract and of the rules. */
export interface Wish {
  readonly name: string;
  readonly filter: MessageInitShape<typeof EventFilterSchema>;
  readonly matches: (event: Event) => boolean;
}

/**
 * One who follows the feed over any number of streams, each from a cursor that an earlier one gave. It keeps
 * all it was given. Now and then it goes back to an older cursor, as one does that was restored.
 */
export class SimulatedSubscriber implements LinkClient {
  readonly wish: Wish;
  readonly #around: Surroundings;
  readonly #streams: { start: RecordedStream["start"]; frames: RecordedFrame[] }[] = [];
  /** The cursors of all that it was given and has not gone back behind. */
  readonly #cursors: string[] = [];
  #link: Link | undefined;
  #followAtMs = 0;
  /** It goes back no more. */
  isCalm = false;

  constructor(around: Surroundings, wish: Wish) {
    this.#around = around;
    this.wish = wish;
  }

  get link(): Link | undefined {
    return this.#link;
  }

  get canAct(): boolean {
    return this.#link === undefined && this.#around.clock.monotonicMs >= this.#followAtMs;
  }

  /** True if the last thing it was told is that nothing more is there. */
  get isAtHead(): boolean {
    return this.#link?.clientIsOpen === true && this.#streams.at(-1)?.frames.at(-1)?.atHead === true;
  }

  /** Its streams, the last of them quiet or not. */
  streams(isQuiet: boolean): readonly RecordedStream[] {
    const last = this.#streams.length - 1;
    return this.#streams.map(({ start, frames }, index) => ({
      start,
      frames,
      ...(index === last ? { isQuiet } : {}),
    }));
  }

  /** Begins to follow, or goes on. */
  act(): string {
    return this.#follow();
  }

  receive({ events, cursor, atHead }: WatchEventsResponse): void {
    const recorded = events.map(({ eventId, namespace, runId, action, attempt, detail }) => ({
      eventId,
      namespace,
      runId,
      action,
      attempt,
      kind: detail.case ?? "",
    }));
    this.#streams.at(-1)?.frames.push({ events: recorded, cursor, atHead });
    this.#cursors.push(cursor);
  }

  ended(reason = "given up"): void {
    this.#link = undefined;
    this.#followAtMs = this.#around.clock.monotonicMs + 200;
    if (reason === "CURSOR_EXPIRED" || reason === "TOKEN_INVALID") {
      this.#around.chronicle.violated(`Resumable: a cursor of the feed was refused with ${reason}`);
    }
  }

  #follow(): string {
    const { network, random } = this.#around;
    const count = this.#cursors.length;
    const back = this.isCalm || count === 0 || random.percent(85) ? 1 : 1 + random.below(Math.min(20, count));
    const cursor = this.#cursors.at(-back);
    this.#cursors.length = Math.max(0, count - back + 1);
    const start = cursor === undefined ? ("beginning" as const) : { cursor };
    this.#streams.push({ start, frames: [] });
    this.#link = network.open(EventService.method.watchEvents, this, this.wish.name);
    const { filter } = this.wish;
    const from =
      cursor === undefined
        ? { case: "beginning" as const, value: {} }
        : { case: "cursor" as const, value: cursor };
    this.#link.send(create(WatchEventsRequestSchema, { filter, start: from }));
    return cursor === undefined ? "follows from the beginning" : `follows from ${back} frames back`;
  }
}
