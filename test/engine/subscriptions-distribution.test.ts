import { describe, expect, test } from "vitest";
import type { Position } from "../../src/core/event.ts";
import type { PlacedEvent } from "../../src/engine/feed-pages.ts";
import type {
  Consumer,
  Consuming,
  EndCause,
  EventInFlight,
} from "../../src/engine/subscriptions/consumer.ts";
import { Distribution } from "../../src/engine/subscriptions/distribution.ts";
import type { DistributionOptions } from "../../src/engine/subscriptions/distribution-options.ts";
import { subscriptionLookAheadMax } from "../../src/limits.ts";
import { FakeClock } from "../support/fake-clock.ts";
import { eventOf } from "../support/fake-store.ts";

/** A consumer that keeps what it is given. */
class KeptConsumer implements Consumer {
  readonly inFlightMax: number;
  readonly isPipelined: boolean;
  readonly taken: EventInFlight[] = [];
  readonly ends: EndCause[] = [];
  isFull = false;
  consuming!: Consuming;

  constructor({ inFlightMax = 100, isPipelined = false } = {}) {
    this.inFlightMax = inFlightMax;
    this.isPipelined = isPipelined;
  }

  deliver(deliveries: readonly EventInFlight[]): boolean {
    if (this.isFull) return false;
    this.taken.push(...deliveries);
    return true;
  }

  end(cause: EndCause): undefined {
    this.ends.push(cause);
  }

  /** What it was given since the last look: `7` or, from the second time on, `7x2`. */
  get since(): string {
    const told = this.taken.map(({ placed, deliveryCount }) =>
      deliveryCount === 1 ? `${placed.position}` : `${placed.position}x${deliveryCount}`,
    );
    this.taken.length = 0;
    return told.join(" ");
  }
}

function setUp(parts: Partial<DistributionOptions["content"]> & { ackTimeoutMs?: number | undefined } = {}) {
  const clock = new FakeClock();
  const dealt: number[] = [];
  const letters: string[] = [];
  const { ackTimeoutMs = 30_000, ...content } = parts;
  const distribution = new Distribution({
    content: {
      deliveriesMax: 0,
      inFlightMax: 1_000,
      initialBackoffMs: 1_000,
      maxBackoffMs: 8_000,
      ...content,
    },
    ackTimeoutMs: "ackTimeoutMs" in parts ? parts.ackTimeoutMs : ackTimeoutMs,
    clock,
    dealt: async (positions) => void dealt.push(...positions),
    setAside: ({ position, deliveryCount }, cause) => {
      letters.push(`${position} after ${deliveryCount}: ${cause}`);
      return true;
    },
    onRoom: () => {},
  });
  const consumer = (options: ConstructorParameters<typeof KeptConsumer>[0] = {}) => {
    const made = new KeptConsumer(options);
    made.consuming = distribution.add(made);
    return made;
  };
  return { clock, dealt, letters, distribution, consumer };
}

/** Events by position: `a1 b2` is one of run a at 1 and one of run b at 2; `-3` is of no run. */
function placed(script: string): PlacedEvent[] {
  return script.split(" ").map((word) => ({
    position: BigInt(word.slice(1)) as Position,
    event: eventOf(word[0] === "-" ? "" : (word[0] ?? ""), 0),
  }));
}

const rejected = { delayMs: undefined, cause: "not now" };

describe("events of a subscription", () => {
  test("come one of a run at a time, and of several runs at once", () => {
    const { distribution, consumer } = setUp();
    const one = consumer();
    distribution.enter(placed("a1 a2 b3 a4 b5"));
    expect(one.since).toBe("1 3");
    void one.consuming.acknowledge([1]);
    expect(one.since).toBe("2");
    void one.consuming.acknowledge([3, 2]);
    expect(one.since).toBe("5 4");
  });

  test("that ran out of time go to another consumer that has as little to do", async () => {
    const { clock, distribution, consumer } = setUp({ ackTimeoutMs: 10_000, initialBackoffMs: 1_000 });
    const stuck = consumer();
    const idle = consumer();
    distribution.enter(placed("a1"));
    expect(stuck.since).toBe("1");
    await clock.advance(11_000);
    expect(stuck.since).toBe("");
    expect(idle.since).toBe("1x2");
  });

  test("of no run come one of a namespace at a time", () => {
    const { distribution, consumer } = setUp();
    const one = consumer();
    distribution.enter(placed("-1 -2 a3"));
    expect(one.since).toBe("1 3");
    void one.consuming.acknowledge([1]);
    expect(one.since).toBe("2");
  });

  test("come several of a run at once to a pipelined consumer, and only to it", () => {
    const { distribution, consumer } = setUp();
    const [one, other] = [consumer({ isPipelined: true, inFlightMax: 2 }), consumer({ isPipelined: true })];
    distribution.enter(placed("a1 a2 a3"));
    expect([one.since, other.since]).toEqual(["1 2", ""]);
    void one.consuming.acknowledge([1]);
    expect([one.since, other.since]).toEqual(["3", ""]);
  });

  test("behind one that a pipelined consumer rejects come again behind it", async () => {
    const { clock, distribution, consumer } = setUp();
    const one = consumer({ isPipelined: true });
    distribution.enter(placed("a1 a2 a3 b4"));
    expect(one.since).toBe("1 2 3 4");
    void one.consuming.acknowledge([3]);
    one.consuming.reject([1], rejected);
    expect(one.since).toBe("");
    await clock.advance(1_000);
    expect(one.since).toBe("1x2 2x2");
  });

  test("are shared: each goes to the consumer that has the least", () => {
    const { distribution, consumer } = setUp();
    const [one, other] = [consumer(), consumer()];
    distribution.enter(placed("a1 b2 c3 d4"));
    expect([one.since, other.since]).toEqual(["1 3", "2 4"]);
    void other.consuming.acknowledge([2, 4]);
    distribution.enter(placed("e5 f6"));
    expect([one.since, other.since]).toEqual(["", "5 6"]);
  });

  test("stay within what a consumer takes, and within what the subscription permits", () => {
    const { distribution, consumer } = setUp({ inFlightMax: 3 });
    const [one, other] = [consumer({ inFlightMax: 1 }), consumer({ inFlightMax: 10 })];
    distribution.enter(placed("a1 b2 c3 d4 e5"));
    expect([one.since, other.since]).toEqual(["1", "2 3"]);
    void one.consuming.acknowledge([1]);
    expect([one.since, other.since]).toEqual(["4", ""]);
  });

  test("wait for a consumer, and the first of them says since when", () => {
    const { distribution, consumer } = setUp();
    expect(distribution.hasRoom).toBe(true);
    distribution.enter(placed("a1"));
    expect([distribution.hasRoom, distribution.status.oldestTimeMs]).toEqual([false, 0]);
    const one = consumer();
    expect([distribution.hasRoom, one.since]).toEqual([true, "1"]);
  });

  test("of a consumer that goes are delivered to others at once", () => {
    const { distribution, consumer } = setUp();
    const one = consumer({ isPipelined: true });
    distribution.enter(placed("a1 a2 b3"));
    const other = consumer();
    one.consuming.close();
    expect(other.since).toBe("1x2 3x2");
    void other.consuming.acknowledge([1]);
    expect(other.since).toBe("2x2");
    expect(distribution.status.consumerCount).toBe(1);
  });

  test("come again when their time is over, after a backoff that doubles up to its bound", async () => {
    const { clock, distribution, consumer } = setUp({ ackTimeoutMs: 10_000 });
    const one = consumer();
    distribution.enter(placed("a1 b2"));
    void one.consuming.acknowledge([2]);
    expect(one.since).toBe("1 2");
    let delivery = 1;
    for (const backoffMs of [1_000, 2_000, 4_000, 8_000, 8_000]) {
      await clock.advance(10_000 + backoffMs - 1);
      expect(one.since).toBe("");
      await clock.advance(1);
      delivery += 1;
      expect(one.since).toBe(`1x${delivery}`);
    }
    expect(distribution.status).toMatchObject({
      failedCount: 5,
      lastError: "no acknowledgement in 10000 ms",
      inFlightCount: 1,
    });
    void one.consuming.acknowledge([1]);
    expect(distribution.status).toMatchObject({ lastError: "", inFlightCount: 0, acknowledgedCount: 2 });
  });

  test("that come back hold up no other run", async () => {
    const { clock, distribution, consumer } = setUp();
    const one = consumer();
    distribution.enter(placed("a1 a2 b3"));
    one.consuming.reject([1], { delayMs: 5_000, cause: "later" });
    void one.consuming.acknowledge([3]);
    distribution.enter(placed("b4 c5"));
    expect(one.since).toBe("1 3 4 5");
    await clock.advance(5_000);
    expect(one.since).toBe("1x2");
  });

  test("are set aside after their last try, and the next one of the run comes", async () => {
    const { clock, letters, distribution, consumer } = setUp({ deliveriesMax: 3 });
    const one = consumer();
    distribution.enter(placed("a1 a2"));
    for (let count = 0; count < 3; count += 1) {
      one.consuming.reject([1], { delayMs: 1, cause: `no ${count}` });
      await clock.advance(1);
    }
    expect(letters).toEqual(["1 after 3: no 2"]);
    expect(one.since).toBe("1 1x2 1x3 2");
  });

  test("are set aside at once if trying again is of no use", () => {
    const { letters, distribution, consumer } = setUp();
    const one = consumer();
    distribution.enter(placed("a1"));
    one.consuming.reject([1], { ...rejected, isFinal: true });
    expect([letters, distribution.holds(1)]).toEqual([["1 after 1: not now"], false]);
  });

  test("that were pulled back behind another one have not failed", async () => {
    const { clock, letters, distribution, consumer } = setUp({ deliveriesMax: 2 });
    const one = consumer({ isPipelined: true });
    distribution.enter(placed("a1 a2"));
    one.consuming.reject([1], rejected);
    await clock.advance(1_000);
    one.consuming.reject([1], rejected);
    expect(letters).toEqual(["1 after 2: not now"]);
    expect(one.since).toBe("1 2 1x2 2x2 2x3");
  });

  test("that a consumer gives back uncounted have not failed", () => {
    const { letters, distribution, consumer } = setUp({ deliveriesMax: 1, ackTimeoutMs: undefined });
    const one = consumer();
    distribution.enter(placed("a1"));
    one.consuming.close({ isUncounted: true });
    const other = consumer();
    expect([other.since, letters]).toEqual(["1x2", []]);
    other.consuming.close();
    expect(letters).toEqual(["1 after 2: its consumer has gone"]);
  });

  test("may be acknowledged late, by whoever had them", async () => {
    const { clock, dealt, distribution, consumer } = setUp({ ackTimeoutMs: 1_000 });
    const one = consumer();
    distribution.enter(placed("a1 a2"));
    await clock.advance(1_500);
    void one.consuming.acknowledge([1]);
    expect(one.since).toBe("1 2");
    await clock.advance(10_000);
    void one.consuming.acknowledge([1, 2]);
    expect(dealt).toEqual([1, 2]);
  });

  test("that a consumer cannot take go to another one, and it is ended", () => {
    const { distribution, consumer } = setUp();
    const [one, other] = [consumer(), consumer()];
    one.isFull = true;
    distribution.enter(placed("a1 b2 a3"));
    expect([one.ends, other.since]).toEqual([["TOO_SLOW"], "2 1x2"]);
  });

  test("are held up to a bound, in events and in bytes", () => {
    const { distribution, consumer } = setUp({ inFlightMax: 10 });
    consumer();
    const many = Array.from({ length: subscriptionLookAheadMax + 9 }, (_, index) => `a${index + 1}`);
    distribution.enter(placed(many.join(" ")));
    expect(distribution.hasRoom).toBe(true);
    distribution.enter(placed("b5000"));
    expect(distribution.hasRoom).toBe(false);
  });

  test("stay where they are when it stops, and may still be acknowledged", async () => {
    const { dealt, distribution, consumer, clock } = setUp();
    const one = consumer();
    distribution.enter(placed("a1 a2"));
    await distribution.stop("STOPPING");
    void one.consuming.acknowledge([1]);
    expect([one.ends, one.since, dealt, clock.timerCount]).toEqual([["STOPPING"], "1", [1], 0]);
  });
});
