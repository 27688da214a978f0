import type { EventFrame, SignalboxClient } from "../../../src/client/client.ts";
import type { EventQuery } from "../../../src/client/spec/event-filter.ts";
import type { Random } from "../../support/random.ts";
import type { History } from "../history/history.ts";
import type { FilterName } from "../history/lines.ts";
import { asRecorded } from "../history/recorded.ts";

/** What each filter asks for; all of them are given the event that says that it is over. */
export const filters: Readonly<Record<FilterName, EventQuery>> = {
  all: {},
  ends: { kinds: ["RUN_CREATED", "RUN_ENDED", "PUBLISHED"] },
};

/** The type of the published event behind which nothing is recorded. */
export const overType = "proof.over";

/** True for the frame behind which nothing is recorded. */
export function isOver({ events }: EventFrame): boolean {
  return events.some((event) => event.kind === "PUBLISHED" && event.detail.type === overType);
}

/** One who follows the feed from its beginning until it is over, and records what it is given. */
export class Subscriber {
  readonly name: string;
  readonly filter: FilterName;
  /** Resolves when it was given the event that says that it is over; rejects if the watch fails. */
  readonly done: Promise<void>;
  readonly cursors: string[] = [];
  readonly #client: SignalboxClient;
  readonly #history: History;
  readonly #stopped = new AbortController();

  constructor(parts: {
    readonly name: string;
    readonly filter: FilterName;
    readonly client: SignalboxClient;
    readonly history: History;
    /** If given, it goes away by itself now and then, and goes on with the last cursor that it has. */
    readonly hops?: Random;
    readonly onFrame?: (frame: EventFrame) => void;
  }) {
    this.name = parts.name;
    this.filter = parts.filter;
    this.#client = parts.client;
    this.#history = parts.history;
    this.done = this.#follow(parts.hops, parts.onFrame);
    this.done.catch(() => undefined);
  }

  /** Ends it before it is over. */
  async stop(): Promise<void> {
    this.#stopped.abort();
    await this.done.catch(() => undefined);
    this.#client.close();
  }

  /** Reads again from a cursor that it was given, until it is over. */
  async readAgain(client: SignalboxClient, cursor: string): Promise<void> {
    this.#history.write({ type: "stream", subscriber: this.name, filter: this.filter, start: { cursor } });
    for await (const frame of client.events.watch({ ...filters[this.filter], cursor })) {
      this.#write(frame);
      if (isOver(frame)) return;
    }
  }

  async #follow(hops: Random | undefined, onFrame: ((frame: EventFrame) => void) | undefined): Promise<void> {
    const { signal } = this.#stopped;
    let cursor: string | undefined;
    for (;;) {
      const start = cursor === undefined ? ("beginning" as const) : { cursor };
      this.#history.write({ type: "stream", subscriber: this.name, filter: this.filter, start });
      let left = hops === undefined ? Infinity : 20 + hops.below(200);
      const from = typeof start === "string" ? { from: start } : start;
      for await (const frame of this.#client.events.watch({ ...filters[this.filter], ...from, signal })) {
        this.#write(frame);
        cursor = frame.cursor;
        this.cursors.push(cursor);
        onFrame?.(frame);
        if (isOver(frame)) return;
        left -= 1;
        if (left <= 0) break;
      }
    }
  }

  #write(frame: EventFrame): void {
    this.#history.write({ type: "frame", subscriber: this.name, frame: asRecorded(frame) });
    if (isOver(frame) && frame.atHead) this.#history.write({ type: "quiet", subscriber: this.name });
  }
}
