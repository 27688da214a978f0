import { create } from "@bufbuild/protobuf";
import { Condition_Outcome } from "../../../gen/signalbox/v1/condition_pb.ts";
import {
  ConditionService,
  WatchConditionsRequestSchema,
  type WatchConditionsResponse,
} from "../../../gen/signalbox/v1/condition_service_pb.ts";
import {
  EventService,
  WatchEventsRequest_Snapshot,
  WatchEventsRequestSchema,
  type WatchEventsResponse,
} from "../../../gen/signalbox/v1/event_service_pb.ts";
import type { Link, LinkClient } from "../world/link.ts";
import type { Surroundings } from "./simulated-worker.ts";

/** What a mirror shows. */
export type Mirrored = "open conditions" | "live runs";

/**
 * One who has to know what is there now: a snapshot first, then what changes it, over any number of streams.
 * It remembers no more than the names of what is open, and where it was.
 */
export class SimulatedMirror implements LinkClient {
  readonly mirrored: Mirrored;
  readonly #around: Surroundings;
  readonly #open = new Set<string>();
  #cursor = "";
  #isAtHead = false;
  #link: Link | undefined;
  #followAtMs = 0;

  constructor(around: Surroundings, mirrored: Mirrored) {
    this.#around = around;
    this.mirrored = mirrored;
  }

  get link(): Link | undefined {
    return this.#link;
  }

  get canAct(): boolean {
    return this.#link === undefined && this.#around.clock.monotonicMs >= this.#followAtMs;
  }

  get isAtHead(): boolean {
    return this.#link?.clientIsOpen === true && this.#isAtHead;
  }

  /** What it takes to be open. */
  get open(): readonly string[] {
    return [...this.#open];
  }

  /** Begins to follow, or goes on; a snapshot that was broken off is begun anew. */
  act(): string {
    const { network, random } = this.#around;
    // Now and then everything is forgotten, as by one who starts anew.
    if (random.percent(10)) this.#cursor = "";
    if (this.#cursor === "") this.#open.clear();
    this.#isAtHead = false;
    const isInbox = this.mirrored === "open conditions";
    const method = isInbox ? ConditionService.method.watchConditions : EventService.method.watchEvents;
    this.#link = network.open(method, this, "mirror");
    this.#link.send(isInbox ? this.#inboxRequest() : this.#runsRequest());
    return this.#cursor === "" ? "begins with a snapshot" : "goes on behind its cursor";
  }

  receive(message: WatchConditionsResponse | WatchEventsResponse): void {
    if (message.$typeName === "signalbox.v1.WatchConditionsResponse") this.#takeConditions(message);
    else this.#takeRuns(message);
    if (message.cursor !== "") this.#cursor = message.cursor;
    this.#isAtHead = message.atHead;
  }

  ended(reason: string): void {
    this.#link = undefined;
    this.#followAtMs = this.#around.clock.monotonicMs + 200;
    if (reason === "CURSOR_EXPIRED" || reason === "TOKEN_INVALID") {
      this.#around.chronicle.violated(`Resumable: the cursor of ${this.mirrored} was refused with ${reason}`);
    }
  }

  #takeConditions({ conditions }: WatchConditionsResponse): void {
    for (const { namespace, runId, name, outcome } of conditions) {
      const key = `${namespace}/${runId}/${name}`;
      if (outcome === Condition_Outcome.UNSPECIFIED) this.#open.add(key);
      else this.#open.delete(key);
    }
  }

  #takeRuns({ runs, events }: WatchEventsResponse): void {
    for (const { namespace, runId } of runs) this.#open.add(`${namespace}/${runId}`);
    for (const { namespace, runId, detail } of events) {
      const key = `${namespace}/${runId}`;
      if (detail.case === "runCreated" || detail.case === "runRetried") this.#open.add(key);
      else if (detail.case === "runEnded") this.#open.delete(key);
    }
  }

  #inboxRequest(): unknown {
    const filter = { namespace: "-" };
    return create(WatchConditionsRequestSchema, { filter, cursor: this.#cursor });
  }

  #runsRequest(): unknown {
    const filter = { namespace: "-" };
    if (this.#cursor === "") {
      const snapshot = WatchEventsRequest_Snapshot.LIVE_RUNS;
      return create(WatchEventsRequestSchema, { filter, snapshot });
    }
    const start = { case: "cursor" as const, value: this.#cursor };
    return create(WatchEventsRequestSchema, { filter, start });
  }
}
