import { expect, test } from "vitest";
import type { Position } from "../../src/core/event.ts";
import type { Consumer, Consuming, EventInFlight } from "../../src/engine/subscriptions/consumer.ts";
import { Distribution } from "../../src/engine/subscriptions/distribution.ts";
import { FakeClock } from "../support/fake-clock.ts";
import { eventOf } from "../support/fake-store.ts";
import { Random } from "../support/random.ts";

const inFlightMax = 12;
const ackTimeoutMs = 1_000;

/** What happens to a distribution at random, and what must hold of it all the while. */
class Story {
  readonly faults: string[] = [];
  readonly dealt = new Set<number>();
  readonly setAside = new Set<number>();
  readonly clock = new FakeClock();
  readonly random: Random;
  readonly distribution: Distribution;
  readonly consumers = new Set<StoryConsumer>();
  readonly #runOf = new Map<number, string>();
  /** The last event of each run that has come for the first time. */
  readonly #lastNew = new Map<string, number>();
  readonly #seen = new Set<number>();
  #lastPosition = 0;

  constructor(seed: number) {
    this.random = new Random(seed);
    this.distribution = new Distribution({
      content: { deliveriesMax: 6, inFlightMax, initialBackoffMs: 100, maxBackoffMs: 1_000 },
      ackTimeoutMs,
      clock: this.clock,
      dealt: async (positions) => {
        for (const position of positions) this.#note(this.dealt, position);
      },
      setAside: ({ position }) => {
        this.#note(this.setAside, position);
        return true;
      },
      onRoom: () => {},
    });
  }

  get entered(): readonly number[] {
    return [...this.#runOf.keys()];
  }

  enter(count: number): void {
    const events = Array.from({ length: count }, () => {
      this.#lastPosition += 1 + this.random.below(3);
      const run = this.random.pick(["", "a", "b", "c", "d", "e"]);
      this.#runOf.set(this.#lastPosition, run);
      return { position: BigInt(this.#lastPosition) as Position, event: eventOf(run, 0) };
    });
    this.distribution.enter(events);
  }

  addConsumer(): void {
    if (this.consumers.size >= 4) return;
    const consumer = new StoryConsumer(this);
    this.consumers.add(consumer);
    consumer.consuming = this.distribution.add(consumer);
  }

  delivered(to: StoryConsumer, position: number): void {
    const run = this.#runOf.get(position) ?? "?";
    if (this.dealt.has(position) || this.setAside.has(position))
      this.#fault(`${position} came after its end`);
    if (this.#seen.has(position)) return;
    this.#seen.add(position);
    const last = this.#lastNew.get(run) ?? 0;
    if (position < last) this.#fault(`${position} came for the first time behind ${last}`);
    this.#lastNew.set(run, position);
    if (to.isPipelined) return;
    // Of its run nothing before it is still open.
    for (const [other, otherRun] of this.#runOf) {
      if (otherRun !== run || other >= position) continue;
      if (!this.dealt.has(other) && !this.setAside.has(other)) {
        this.#fault(`${position} came while ${other} was open`);
      }
    }
  }

  check(): void {
    const { inFlightCount } = this.distribution.status;
    if (inFlightCount > inFlightMax) this.#fault(`${inFlightCount} are in flight`);
  }

  #note(set: Set<number>, position: number): void {
    if (this.dealt.has(position) || this.setAside.has(position)) this.#fault(`${position} ended twice`);
    set.add(position);
  }

  #fault(text: string): void {
    this.faults.push(text);
  }
}

class StoryConsumer implements Consumer {
  readonly inFlightMax: number;
  readonly isPipelined: boolean;
  readonly open: number[] = [];
  readonly #story: Story;
  consuming!: Consuming;

  constructor(story: Story) {
    this.#story = story;
    this.inFlightMax = 1 + story.random.below(6);
    this.isPipelined = story.random.percent(50);
  }

  deliver(deliveries: readonly EventInFlight[]): boolean {
    if (this.#story.random.percent(3)) {
      this.#story.consumers.delete(this);
      return false;
    }
    for (const { placed } of deliveries) {
      this.#story.delivered(this, Number(placed.position));
      this.open.push(Number(placed.position));
    }
    return true;
  }

  end(): undefined {
    this.#story.consumers.delete(this);
  }
}

/** One step; what a consumer says is about any of what it was ever given and did not answer. */
async function step(story: Story): Promise<void> {
  const { random } = story;
  const [consumer] = [...story.consumers].slice(random.below(Math.max(story.consumers.size, 1)));
  const some = () => consumer?.open.splice(random.below(consumer.open.length + 1), 1 + random.below(3)) ?? [];
  const acts = { enter: 20, open: 6, acknowledge: 50, reject: 10, close: 3, wait: 8 };
  switch (random.weighed(acts)) {
    case "enter":
      if (story.distribution.hasRoom) story.enter(1 + random.below(5));
      break;
    case "open":
      story.addConsumer();
      break;
    case "acknowledge":
      void consumer?.consuming.acknowledge(some());
      break;
    case "reject":
      consumer?.consuming.reject(some(), { delayMs: undefined, cause: "no", isFinal: random.percent(5) });
      break;
    case "close":
      if (consumer !== undefined) story.consumers.delete(consumer);
      consumer?.consuming.close({ isUncounted: random.percent(50) });
      break;
    case "wait":
      await story.clock.advance(random.below(2 * ackTimeoutMs));
      break;
  }
  story.check();
}

/** Lets everything that is held come to an end. */
async function finish(story: Story): Promise<void> {
  const { distribution, clock, consumers } = story;
  for (let round = 0; round < 2_000 && distribution.status.oldestTimeMs !== undefined; round += 1) {
    if (consumers.size === 0) story.addConsumer();
    for (const { consuming, open } of [...consumers]) void consuming.acknowledge(open.splice(0));
    await clock.advance(ackTimeoutMs);
  }
}

test.each(Array.from({ length: 40 }, (_, index) => ({ seed: index + 1 })))(
  "events come in order, within bounds, and each to its end once, whatever happens (seed $seed)",
  async ({ seed }) => {
    const story = new Story(seed);
    for (let count = 0; count < 400; count += 1) await step(story);
    await finish(story);
    expect(story.faults).toEqual([]);
    const ended = story.entered.filter(
      (position) => story.dealt.has(position) || story.setAside.has(position),
    );
    expect(ended).toEqual(story.entered);
    expect(story.dealt.size).toBeGreaterThan(20);
  },
);
