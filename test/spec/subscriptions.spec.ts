import { describe, expect, test } from "vitest";
import type { Change } from "../../src/core/change.ts";
import type { CommandKind, CommandOf } from "../../src/core/command.ts";
import { decide } from "../../src/core/decide.ts";
import type { Event, EventDetail } from "../../src/core/event.ts";
import type { Loaded, StoredAnswer } from "../../src/core/loaded.ts";
import { goesTo, subscriptionMatcher } from "../../src/core/subscriptions/event-filter.ts";
import { lastDealt, openCount, openRanges, withDealt, withOpen } from "../../src/core/subscriptions/place.ts";
import type {
  DeadLetter,
  PositionRange,
  Subscription,
  SubscriptionContent,
  SubscriptionFilter,
} from "../../src/core/subscriptions/subscription.ts";
import { deadLettersMax, deadLettersPerReleaseMax, subscriptionsMax } from "../../src/limits.ts";
import { noRequest } from "../support/builders.ts";

const everything: SubscriptionFilter = { namespace: "default", runId: "", kinds: [], labels: {}, topics: [] };
const content: SubscriptionContent = {
  filter: everything,
  target: { kind: "pull" },
  ackTimeoutMs: 1_000,
  deliveriesMax: 0,
  inFlightMax: 10,
  initialBackoffMs: 10,
  maxBackoffMs: 100,
};
const webhook = { kind: "webhook", url: "https://example.com", secret: "whsec_eA==", timeoutMs: 1 } as const;

/** Subscriptions and their dead letters, as the rules load and change them. */
class Shelf {
  readonly subscriptions = new Map<string, Subscription>();
  readonly letters = new Map<number, DeadLetter>();
  readonly answers = new Map<string, StoredAnswer>();
  readonly events: Event[] = [];
  nowMs = 1;

  do<K extends CommandKind>(command: CommandOf<K>) {
    const decision = decide<K>(command, this.#loaded, { nowMs: this.nowMs, chance: 0 });
    if (!decision.ok) return { refused: decision.refusal.reason, refusal: decision.refusal };
    this.#apply(decision.change);
    return { answer: decision.answer, effects: decision.effects };
  }

  create(name = "s", parts: Partial<SubscriptionContent> = {}, request = noRequest, through = 0) {
    const all = { ...content, ...parts };
    return this.do({
      kind: "createSubscription",
      request,
      namespace: "default",
      name,
      content: all,
      through,
    });
  }

  move(dealtWith: readonly PositionRange[], positions: readonly number[] = [], createTimeMs = 1) {
    const deadLetters = positions.map((position) => ({
      namespace: "default",
      subscription: "s",
      position,
      deliveryCount: 3,
      cause: "no",
      timeMs: 0,
    }));
    const of = { namespace: "default", name: "s", createTimeMs } as const;
    return this.do({ kind: "moveSubscription", ...of, dealtWith, deadLetters });
  }

  release(positions: readonly number[], forget = false) {
    const of = { request: noRequest, namespace: "default", name: "s" } as const;
    return this.do<"releaseDeadLetters">({ kind: "releaseDeadLetters", ...of, positions, forget });
  }

  /** Where `s` stands: `3 [5-6]`. */
  get place(): string {
    const { through, ahead } = this.subscriptions.get("s") as Subscription;
    return [through, ...ahead.map(([first, last]) => `[${first}-${last}]`)].join(" ");
  }

  get letterCount(): number | undefined {
    return this.subscriptions.get("s")?.deadLetterCount;
  }

  get #loaded(): Loaded {
    const sorted = () => [...this.letters.values()].sort((one, other) => one.position - other.position);
    return {
      subscription: (_: string, name: string) => this.subscriptions.get(name),
      subscriptionCount: () => this.subscriptions.size,
      deadLetter: (_: string, __: string, position: number) => this.letters.get(position),
      deadLetters: (_: string, __: string, limit: number) => sorted().slice(0, limit),
      answer: (key: string) => this.answers.get(key),
      feedOldest: () => 0,
    } as Partial<Loaded> as Loaded;
  }

  #apply(change: Change): void {
    for (const subscription of change.subscriptions) this.subscriptions.set(subscription.name, subscription);
    for (const { name } of change.goneSubscriptions) this.subscriptions.delete(name);
    for (const letter of change.deadLetters) this.letters.set(letter.position, letter);
    for (const { position } of change.goneDeadLetters) this.letters.delete(position);
    for (const answer of change.answers) this.answers.set(answer.key, answer);
    this.events.push(...change.events);
  }
}

function shelfWith(through = 0): Shelf {
  const shelf = new Shelf();
  shelf.create("s", {}, noRequest, through);
  return shelf;
}

describe("a subscription", () => {
  test("is created where it is said, and its coming is an event and an effect", () => {
    const shelf = new Shelf();
    const done = shelf.create("s", {}, noRequest, 7);
    expect(done.effects).toEqual([{ kind: "subscription", namespace: "default", name: "s" }]);
    expect(shelf.place).toBe("7");
    expect(shelf.events.map(({ detail }) => detail)).toEqual([
      { kind: "subscription_created", subscription: "s" },
    ]);
  });

  test("of the same name and content again is the one that is there, without its secret", () => {
    const shelf = new Shelf();
    shelf.create("s", { target: webhook }, noRequest, 7);
    const again = shelf.create("s", { target: webhook }, noRequest, 9);
    expect(again.answer).toMatchObject({ subscription: { through: 7, target: { secret: "" } } });
    expect(shelf.events.length).toBe(1);
  });

  test.each([
    { other: "filter", parts: { filter: { ...everything, topics: ["a"] } } },
    { other: "target", parts: { target: { kind: "nats", subject: "x" } } },
    { other: "bound", parts: { inFlightMax: 11 } },
  ] as const)("of the same name with another $other: SUBSCRIPTION_EXISTS", ({ parts }) => {
    expect(shelfWith().create("s", parts).refused).toBe("SUBSCRIPTION_EXISTS");
  });

  test("with the same request id is answered as the first time, with its secret", () => {
    const shelf = new Shelf();
    const request = { requestId: "1", digest: "d" };
    const first = shelf.create("s", { target: webhook }, request);
    expect(shelf.create("s", { target: webhook }, request).answer).toEqual(first.answer);
    expect(first.answer).toMatchObject({ subscription: { target: webhook } });
    expect(shelf.create("s", {}, { requestId: "1", digest: "e" }).refused).toBe("REQUEST_ID_REUSED");
  });

  test("beyond the bound of all is refused: LIMIT_REACHED", () => {
    const shelf = new Shelf();
    for (let count = 0; count < subscriptionsMax; count += 1) shelf.create(`s${count}`);
    expect(shelf.create("s0").refused).toBeUndefined();
    expect(shelf.create("one-more").refusal).toMatchObject({ limit: "subscriptionsMax" });
  });

  test("is deleted once; then it is not found", () => {
    const shelf = shelfWith();
    const command = {
      kind: "deleteSubscription",
      request: noRequest,
      namespace: "default",
      name: "s",
    } as const;
    expect(shelf.do<"deleteSubscription">(command).effects?.length).toBe(1);
    expect(shelf.subscriptions.size).toBe(0);
    expect(shelf.do<"deleteSubscription">(command).refused).toBe("SUBSCRIPTION_NOT_FOUND");
    expect(shelf.move([[1, 1]]).refused).toBe("SUBSCRIPTION_NOT_FOUND");
    expect(shelf.release([]).refused).toBe("SUBSCRIPTION_NOT_FOUND");
  });
});

describe("the place of a subscription", () => {
  test.each([
    { from: 3, dealt: [[4, 6]], gives: "6" },
    { from: 3, dealt: [[5, 6]], gives: "3 [5-6]" },
    {
      from: 3,
      dealt: [
        [9, 9],
        [5, 6],
      ],
      gives: "3 [5-6] [9-9]",
    },
    {
      from: 3,
      dealt: [
        [5, 6],
        [4, 4],
      ],
      gives: "6",
    },
    {
      from: 3,
      dealt: [
        [5, 6],
        [7, 7],
      ],
      gives: "3 [5-7]",
    },
    { from: 3, dealt: [[1, 2]], gives: "3" },
    {
      from: 3,
      dealt: [
        [2, 8],
        [6, 7],
      ],
      gives: "8",
    },
    { from: 3, dealt: [], gives: "3" },
  ] as const)("at $from with $dealt dealt with is $gives", ({ from, dealt, gives }) => {
    const shelf = shelfWith(from);
    shelf.move(dealt);
    expect(shelf.place).toBe(gives);
  });

  test("never moves back, whatever comes late or twice", () => {
    const shelf = shelfWith(0);
    shelf.move([[3, 5]]);
    shelf.move([[1, 2]]);
    shelf.move([[3, 4]]);
    expect(shelf.place).toBe("5");
  });

  test("is not moved by what was meant for an earlier subscription of its name", () => {
    const shelf = shelfWith(0);
    expect(shelf.move([[1, 9]], [], 2).refused).toBe("SUBSCRIPTION_NOT_FOUND");
    expect(shelf.place).toBe("0");
  });

  test("says what is open, and how much", () => {
    const place = withDealt({ through: 3, ahead: [] }, [
      [6, 7],
      [9, 9],
    ]);
    expect(openRanges(place)).toEqual([
      [4, 5],
      [8, 8],
    ]);
    expect([lastDealt(place), openCount(place, 12)]).toEqual([9, 6]);
  });

  test.each([
    {
      open: [2],
      gives: {
        through: 1,
        ahead: [
          [3, 5],
          [8, 9],
        ],
      },
    },
    { open: [5, 8], gives: { through: 4, ahead: [[9, 9]] } },
    {
      open: [9, 1],
      gives: {
        through: 0,
        ahead: [
          [2, 5],
          [8, 8],
        ],
      },
    },
    { open: [6, 12], gives: { through: 5, ahead: [[8, 9]] } },
  ])("with $open open again", ({ open, gives }) => {
    expect(withOpen({ through: 5, ahead: [[8, 9]] }, open)).toEqual(gives);
  });
});

describe("an event that cannot be delivered", () => {
  test("is set aside, dealt with, and told of, once", () => {
    const shelf = shelfWith(0);
    shelf.nowMs = 5;
    shelf.move([[1, 2]], [3]);
    shelf.move([], [3]);
    expect([shelf.place, shelf.letterCount]).toEqual(["3", 1]);
    expect(shelf.letters.get(3)).toMatchObject({ position: 3, deliveryCount: 3, cause: "no", timeMs: 5 });
    expect(shelf.events.at(-1)?.detail).toEqual({
      kind: "event_dead_lettered",
      subscription: "s",
      position: 3,
      deliveryCount: 3,
      cause: "no",
    });
    expect(shelf.events.length).toBe(2);
  });

  test("is released: its letter is gone and its position open again", () => {
    const shelf = shelfWith(0);
    shelf.move([[1, 9]], [4, 6]);
    const done = shelf.release([4, 5, 4]);
    expect(done.answer).toEqual({ positions: [4] });
    expect(done.effects).toEqual([{ kind: "subscription", namespace: "default", name: "s" }]);
    expect([shelf.place, shelf.letterCount, [...shelf.letters.keys()]]).toEqual(["3 [5-9]", 1, [6]]);
    shelf.move([[4, 4]]);
    expect(shelf.place).toBe("9");
  });

  test("is forgotten: its letter is gone and it stays dealt with", () => {
    const shelf = shelfWith(0);
    shelf.move([[1, 9]], [4, 6]);
    expect(shelf.release([], true).answer).toEqual({ positions: [4, 6] });
    expect([shelf.place, shelf.letterCount]).toEqual(["9", 0]);
    expect(shelf.release([]).answer).toEqual({ positions: [] });
  });

  test("is released with the oldest ones, so many at once, if none is named", () => {
    const shelf = shelfWith(0);
    const many = Array.from({ length: deadLettersPerReleaseMax + 2 }, (_, index) => index + 1);
    shelf.move([], many);
    expect(shelf.release([]).answer?.positions.length).toBe(deadLettersPerReleaseMax);
    expect([...shelf.letters.keys()]).toEqual(many.slice(-2));
  });

  test("beyond the bound is not set aside: LIMIT_REACHED", () => {
    const shelf = shelfWith(0);
    shelf.move(
      [],
      Array.from({ length: deadLettersMax }, (_, index) => index + 1),
    );
    expect(shelf.move([], [deadLettersMax + 1]).refusal).toMatchObject({ limit: "deadLettersMax" });
    expect(shelf.move([], [1]).refused).toBeUndefined();
  });
});

describe("a filter", () => {
  const event: Event = {
    timeMs: 0,
    namespace: "default",
    runId: "r",
    action: "",
    attempt: 0,
    runLabels: { env: "prod" },
    delivery: { topic: "orders", attributes: {} },
    detail: { kind: "run_started" },
  };

  test.each([
    { wish: "nothing in particular", filter: {}, gives: true },
    { wish: "another namespace", filter: { namespace: "other" }, gives: false },
    { wish: "all namespaces", filter: { namespace: "-" }, gives: true },
    { wish: "its run", filter: { runId: "r" }, gives: true },
    { wish: "another run", filter: { runId: "q" }, gives: false },
    { wish: "its kind among others", filter: { kinds: ["run_started", "run_ended"] }, gives: true },
    { wish: "another kind", filter: { kinds: ["run_ended"] }, gives: false },
    { wish: "a label that it has", filter: { labels: { env: "prod" } }, gives: true },
    { wish: "a label that it has not", filter: { labels: { env: "prod", team: "a" } }, gives: false },
    { wish: "its topic among others", filter: { topics: ["a", "orders"] }, gives: true },
    { wish: "another topic", filter: { topics: ["a"] }, gives: false },
    { wish: "any topic", filter: { topics: ["*"] }, gives: true },
  ] as const)("of $wish: $gives", ({ filter, gives }) => {
    expect(subscriptionMatcher({ ...everything, ...filter })(event)).toBe(gives);
  });

  test.each([
    { given: "no delivery", delivery: undefined, gives: [true, false] },
    { given: "an empty topic", delivery: { topic: "", attributes: {} }, gives: [true, false] },
    { given: "a topic", delivery: { topic: "a", attributes: {} }, gives: [true, true] },
  ])("G-012 G-160 of any topic, on an event with $given", ({ delivery, gives }) => {
    expect([goesTo({ delivery }, []), goesTo({ delivery }, ["*"])]).toEqual(gives);
  });

  test.each([
    { kind: "subscription_created", subscription: "s" },
    { kind: "subscription_deleted", subscription: "s" },
    { kind: "event_dead_lettered", subscription: "s", position: 1, deliveryCount: 1, cause: "" },
  ] as const satisfies readonly EventDetail[])(
    "never wants $kind, which is about subscriptions",
    (detail) => {
      const about = { ...event, detail };
      expect(subscriptionMatcher(everything)(about)).toBe(false);
      expect(subscriptionMatcher({ ...everything, kinds: [detail.kind] })(about)).toBe(false);
    },
  );
});
