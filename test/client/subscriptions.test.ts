import { describe, expect, test } from "vitest";
import {
  type ConsumedEvent,
  createClient,
  type NewSubscription,
  RefusedError,
  type SignalboxClient,
} from "../../src/client/client.ts";
import { StartedServer } from "../support/started-server.ts";
import { openLiveServer, quickRetry, thrownBy } from "./live-server.ts";

const filter = { kinds: ["PUBLISHED"] } as const;

/** Publishes events of runs, whose types are their places in the run. */
async function publish(client: SignalboxClient, runIds: readonly string[], types: readonly string[]) {
  const events = types.flatMap((type) => runIds.map((runId) => ({ runId, source: "test", type })));
  await client.events.publish(events);
}

async function createRuns(client: SignalboxClient, runIds: readonly string[]) {
  await Promise.all(runIds.map((runId) => client.runs.create({ runId, op: "nobody" })));
}

const nameOf = ({ event }: ConsumedEvent) =>
  event.kind === "PUBLISHED" ? `${event.runId}${event.detail.type}` : event.kind;

async function next(events: AsyncGenerator<ConsumedEvent, undefined>): Promise<ConsumedEvent> {
  const { value } = await events.next();
  if (value === undefined) throw new Error("there is no further event");
  return value;
}

async function reasonOf(call: Promise<unknown>): Promise<string> {
  const error = await thrownBy(call);
  if (!(error instanceof RefusedError)) throw error;
  return error.reason;
}

describe("a subscription", () => {
  const whole: NewSubscription = {
    name: "whole",
    filter: { kinds: ["RUN_ENDED"], labels: { team: "ml" }, topics: ["orders"], runId: "r" },
    target: { kind: "webhook", url: "http://127.0.0.1:9/hook", secret: "mine", timeoutMs: 1_000 },
    ackTimeoutMs: 1_500,
    deliveriesMax: 3,
    inFlightMax: 50,
    initialBackoffMs: 20,
    backoffMsMax: 2_000,
  };

  test("is read as it was created, but for its secret", async () => {
    const { client } = await openLiveServer({ deliveries: { allowsInside: true } });
    await client.subscriptions.create(whole);
    const target = { kind: "webhook", url: "http://127.0.0.1:9/hook", secret: "" };
    expect(await client.subscriptions.get("whole")).toMatchObject({ ...whole, target });
    expect((await client.subscriptions.list().all()).map(({ name }) => name)).toEqual(["whole"]);
    await client.subscriptions.delete("whole");
    expect(await reasonOf(client.subscriptions.get("whole"))).toBe("SUBSCRIPTION_NOT_FOUND");
  });

  test("to a webhook without a secret is told one, once", async () => {
    const { client } = await openLiveServer({ deliveries: { allowsInside: true } });
    const target = { kind: "webhook", url: "http://127.0.0.1:9/hook" } as const;
    const created = await client.subscriptions.create({ name: "s", target });
    expect(created.target).toMatchObject({ secret: expect.stringMatching(/^whsec_.{20}/) });
    expect((await client.subscriptions.get("s")).target).toMatchObject({ secret: "" });
  });

  test("keeps what was acknowledged, and gives out the rest again", async () => {
    const { client } = await openLiveServer();
    await client.subscriptions.create({ name: "s", filter });
    await createRuns(client, ["a"]);
    await publish(client, ["a"], ["1", "2", "3"]);
    const first = client.subscriptions.consume("s");
    const one = await next(first);
    expect([nameOf(one), one.deliveryCount, await one.ack()]).toEqual(["a1", 1, true]);
    expect(nameOf(await next(first))).toBe("a2");
    await first.return(undefined);
    const second = client.subscriptions.consume("s");
    const two = await next(second);
    expect(nameOf(two)).toBe("a2");
    expect(await two.ack()).toBe(true);
    expect(nameOf(await next(second))).toBe("a3");
    await second.return(undefined);
  });

  test("gives an event again after it was rejected, before those behind it in its run", async () => {
    const { client } = await openLiveServer();
    await client.subscriptions.create({ name: "s", filter });
    await createRuns(client, ["a", "b"]);
    await publish(client, ["a"], ["1", "2"]);
    await publish(client, ["b"], ["1"]);
    const seen: string[] = [];
    for await (const consumed of client.subscriptions.consume("s", { pipelined: true })) {
      seen.push(`${nameOf(consumed)} ${consumed.deliveryCount}`);
      if (nameOf(consumed) === "a1" && consumed.deliveryCount === 1) {
        consumed.reject({ delayMs: 20, cause: "not now" });
      } else {
        await consumed.ack();
      }
      if (seen.some((one) => one.startsWith("a2")) && seen.includes("b1 1")) break;
    }
    expect(seen.filter((one) => one.startsWith("a"))).toEqual(["a1 1", "a1 2", expect.stringMatching(/^a2/)]);
  });

  test("is shared by its consumers: each event goes to one of them", async () => {
    const { client, connect } = await openLiveServer();
    await client.subscriptions.create({ name: "s", filter });
    const runIds = Array.from({ length: 20 }, (_, index) => `r${String.fromCharCode(97 + index)}`);
    await createRuns(client, runIds);
    const consumers = [connect(), connect()].map((one) => one.subscriptions.consume("s", { inFlightMax: 5 }));
    const pending = consumers.map((events) => next(events));
    await publish(client, runIds, ["1", "2"]);
    const seen: string[][] = [[], []];
    const all = () => seen.flat().length;
    const work = consumers.map(async (events, index) => {
      let consumed = await pending[index];
      while (consumed !== undefined) {
        seen[index]?.push(nameOf(consumed));
        await consumed.ack();
        if (all() === 40) {
          for (const other of consumers) void other.return(undefined);
          return;
        }
        const { value } = await events.next();
        consumed = value ?? undefined;
      }
    });
    await Promise.all(work);
    expect(seen.every((some) => some.length > 0)).toBe(true);
    const wanted = runIds.flatMap((runId) => [`${runId}1`, `${runId}2`]);
    expect(seen.flat().sort()).toEqual(wanted.sort());
  });

  test("ends its consumers when it is deleted", async () => {
    const { client } = await openLiveServer();
    await client.subscriptions.create({ name: "s", filter });
    await createRuns(client, ["a"]);
    await publish(client, ["a"], ["1"]);
    const events = client.subscriptions.consume("s");
    const one = await next(events);
    await client.subscriptions.delete("s");
    expect(await events.next()).toMatchObject({ done: true });
    expect(await one.ack()).toBe(false);
  });

  test("lists what its webhook does not take, and delivers it again or forgets it", async () => {
    const { client } = await openLiveServer({ deliveries: { allowsInside: true } });
    const target = { kind: "webhook", url: "http://127.0.0.1:9/hook" } as const;
    await client.subscriptions.create({ name: "s", filter, target, deliveriesMax: 1, initialBackoffMs: 1 });
    await createRuns(client, ["a", "b"]);
    const deadLettered = client.events.watch({ kinds: ["EVENT_DEAD_LETTERED"], from: "beginning" });
    const untilSetAside = async (count: number) => {
      for (let seen = 0; seen < count; ) {
        const { value } = await deadLettered.next();
        seen += value?.events.length ?? 0;
      }
    };
    await publish(client, ["a", "b"], ["1"]);
    await untilSetAside(2);
    const letters = await client.subscriptions.deadLetters("s").all();
    expect(letters).toHaveLength(2);
    expect(letters[0]).toMatchObject({ deliveryCount: 1, cause: expect.stringContaining("ECONNREFUSED") });
    const eventIds = letters.slice(0, 1).map(({ eventId }) => eventId);
    expect(await client.subscriptions.release("s", { eventIds })).toBe(1);
    await untilSetAside(1);
    expect(await client.subscriptions.release("s", { forget: true })).toBe(2);
    expect(await client.subscriptions.deadLetters("s").all()).toEqual([]);
    await deadLettered.return(undefined);
  });
});

test("a consumer gets every event of each run in order though its server is killed twice", async () => {
  const server = await StartedServer.start();
  const client = createClient({ address: server.address, retry: { ...quickRetry, forMs: 20_000 } });
  try {
    await client.subscriptions.create({ name: "s", filter, initialBackoffMs: 10 });
    const runIds = ["a", "b", "c", "d", "e"];
    const types = Array.from({ length: 60 }, (_, index) => String(index).padStart(2, "0"));
    await createRuns(client, runIds);
    await publish(client, runIds, types.slice(0, 40));
    const firsts = new Map<string, string[]>(runIds.map((runId) => [runId, []]));
    let takenCount = 0;
    let isWhole = false;
    for await (const { event, ack } of client.subscriptions.consume("s")) {
      const type = event.kind === "PUBLISHED" ? event.detail.type : "";
      const seen = firsts.get(event.runId);
      if (seen?.includes(type) === false) seen.push(type);
      takenCount += 1;
      if (takenCount === 30 || takenCount === 90) {
        await server.restart();
        if (takenCount === 90) await publish(client, runIds, types.slice(40));
      }
      isWhole = [...firsts.values()].every(({ length }) => length === types.length);
      const isDurable = await ack();
      if (isWhole && isDurable) break;
    }
    expect(Object.fromEntries(firsts)).toEqual(Object.fromEntries(runIds.map((runId) => [runId, types])));
  } finally {
    client.close();
    await server.remove();
  }
}, 60_000);
