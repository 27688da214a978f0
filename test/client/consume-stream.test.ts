import type { MessageInitShape } from "@bufbuild/protobuf";
import { create } from "@bufbuild/protobuf";
import { durationFromMs } from "@bufbuild/protobuf/wkt";
import { Code, ConnectError } from "@connectrpc/connect";
import { describe, expect, onTestFinished, test } from "vitest";
import { ErrorInfoSchema } from "../../gen/google/rpc/error_details_pb.ts";
import {
  type SubscribeRequest,
  type SubscribeResponseSchema,
  SubscriptionService,
} from "../../gen/signalbox/v1/subscription_service_pb.ts";
import {
  type ConsumedEvent,
  createClient,
  RefusedError,
  type RetryOptions,
  UnavailableError,
} from "../../src/client/client.ts";
import { thrownBy } from "./live-server.ts";
import { type ScriptedServices, startScriptedServices } from "./scripted-services.ts";

type Answer = NonNullable<MessageInitShape<typeof SubscribeResponseSchema>["frame"]>;
type Script = (requests: AsyncIterator<SubscribeRequest>) => AsyncIterable<Answer>;

const opened: Answer = { case: "opened", value: {} };

/** A delivery of event `a1` of run `a` for each name. */
const deliver = (...names: readonly string[]): Answer => ({
  case: "deliver",
  value: {
    deliveries: names.map((eventId, index) => ({
      deliveryId: BigInt(index + 1),
      deliveryCount: 1,
      event: { eventId, runId: eventId.slice(0, 1), detail: { case: "runStarted", value: {} } },
    })),
  },
});

const acknowledged = (...ids: readonly number[]): Answer => ({
  case: "acknowledged",
  value: { deliveryIds: ids.map(BigInt) },
});

function refuse(code: Code, reason: string): ConnectError {
  const value = create(ErrorInfoSchema, { domain: "signalbox", reason });
  return new ConnectError(`it is ${reason}`, code, undefined, [{ desc: ErrorInfoSchema, value }]);
}

/** A server that tells each stream by the next script, the last one again and again. */
async function scripted(
  scripts: readonly ((server: ScriptedServices) => Script)[],
  retry: RetryOptions = {},
) {
  const frames: SubscribeRequest["frame"][] = [];
  let streamCount = 0;
  const server: ScriptedServices = await startScriptedServices((router) =>
    router.service(SubscriptionService, {
      async *subscribe(requests) {
        const script = scripts[Math.min(streamCount, scripts.length - 1)] as (typeof scripts)[0];
        streamCount += 1;
        const noted = note(requests, frames)[Symbol.asyncIterator]();
        await noted.next();
        for await (const frame of script(server)(noted)) yield { frame };
      },
    }),
  );
  const quick = { forMs: 5_000, initialBackoffMs: 1, backoffMsMax: 5, ...retry };
  const client = createClient({ address: server.address, retry: quick });
  onTestFinished(async () => {
    client.close();
    await server.stop();
  });
  return { client, server, frames };
}

async function* note(requests: AsyncIterable<SubscribeRequest>, frames: SubscribeRequest["frame"][]) {
  for await (const request of requests) {
    frames.push(request.frame);
    yield request;
  }
}

const nothing = new Promise<never>(() => undefined);
/** Opens and delivers, then says nothing more. */
const quiet =
  (...names: readonly string[]) =>
  () =>
    async function* () {
      yield opened;
      yield deliver(...names);
      await nothing;
    };

async function next(events: AsyncGenerator<ConsumedEvent, undefined>): Promise<ConsumedEvent> {
  const { value } = await events.next();
  if (value === undefined) throw new Error("there is no further event");
  return value;
}

describe("a consumer", () => {
  test("says who it is, and how much it takes", async () => {
    const { client, frames } = await scripted([quiet("a1")]);
    const options = { namespace: "team", consumerId: "me", inFlightMax: 7, pipelined: true };
    const events = client.subscriptions.consume("s", options);
    await next(events);
    await events.return(undefined);
    const { value } = frames[0] ?? {};
    expect(value).toMatchObject({ name: "s", ...options });
  });

  test("is told that an acknowledgement is durable while it waits for that and takes nothing", async () => {
    const { client } = await scripted([
      () =>
        async function* (requests) {
          yield opened;
          yield deliver("a1", "b1");
          await requests.next();
          yield acknowledged(1);
          await nothing;
        },
    ]);
    for await (const { event, ack } of client.subscriptions.consume("s")) {
      expect(event.eventId).toBe("a1");
      expect(await ack()).toBe(true);
      break;
    }
  });

  test("sends the acknowledgements of one turn in one frame", async () => {
    const { client, frames } = await scripted([
      () =>
        async function* (requests) {
          yield opened;
          yield deliver("a1", "b1", "c1");
          await requests.next();
          yield acknowledged(1, 2, 3);
          await nothing;
        },
    ]);
    const events = client.subscriptions.consume("s");
    const taken = [await next(events), await next(events), await next(events)];
    const acks = taken.map(({ ack }) => ack());
    const again = taken[0]?.ack();
    expect(await Promise.all([...acks, again])).toEqual([true, true, true, true]);
    await events.return(undefined);
    expect(frames.slice(1)).toMatchObject([{ case: "acknowledge", value: { deliveryIds: [1n, 2n, 3n] } }]);
  });

  test("is told with false that a cut came before its acknowledgement, and gets the event again", async () => {
    const { client } = await scripted([
      (server) =>
        async function* (requests) {
          yield opened;
          yield deliver("a1", "b1");
          await requests.next();
          server.cut();
        },
      quiet("a1"),
    ]);
    const events = client.subscriptions.consume("s");
    const first = await next(events);
    expect(await first.ack()).toBe(false);
    expect(await first.ack()).toBe(false);
    first.reject();
    // What had come with it is not given out any more: nobody could acknowledge it.
    expect((await next(events)).event.eventId).toBe("a1");
    await events.return(undefined);
  });

  test("opens again when the server says so, and ends when it does not", async () => {
    const until = (name: string, close: Extract<Answer, { case: "close" }>["value"]) => () =>
      async function* (requests: AsyncIterator<SubscribeRequest>) {
        yield opened;
        yield deliver(name);
        await requests.next();
        yield acknowledged(1);
        yield { case: "close", value: close } as const;
      };
    const { client } = await scripted([
      until("a1", { cause: "the server stops", reconnectAfter: durationFromMs(1) }),
      until("b1", { cause: "the subscription was deleted" }),
    ]);
    const seen: unknown[] = [];
    for await (const { event, ack } of client.subscriptions.consume("s")) {
      seen.push(event.eventId, await ack());
    }
    expect(seen).toEqual(["a1", true, "b1", true]);
  });

  test.each([
    { after: "it was too slow", code: Code.ResourceExhausted, reason: "TOO_SLOW" },
    { after: "the server stops", code: Code.Unavailable, reason: "STOPPING" },
  ])("opens again after $after", async ({ code, reason }) => {
    const { client } = await scripted([
      () =>
        async function* () {
          yield opened;
          throw refuse(code, reason);
        },
      quiet("a1"),
    ]);
    const events = client.subscriptions.consume("s");
    expect((await next(events)).event.eventId).toBe("a1");
    await events.return(undefined);
  });

  test("ends with the refusal of what it asked for", async () => {
    const { client } = await scripted([
      () =>
        async function* () {
          yield* [];
          throw refuse(Code.NotFound, "SUBSCRIPTION_NOT_FOUND");
        },
    ]);
    const error = await thrownBy(client.subscriptions.consume("s").next());
    expect(error).toBeInstanceOf(RefusedError);
    expect(error).toMatchObject({ reason: "SUBSCRIPTION_NOT_FOUND" });
  });

  test("gives up as a call does when the server was never there", async () => {
    const { client, server } = await scripted([quiet("a1")], { forMs: 30 });
    await server.stop();
    expect(await thrownBy(client.subscriptions.consume("s").next())).toBeInstanceOf(UnavailableError);
  });

  test("ends at once when it is left while it waits, or its signal is aborted", async () => {
    const { client } = await scripted([quiet()]);
    const left = client.subscriptions.consume("s");
    const pending = left.next();
    await left.return(undefined);
    expect(await pending).toMatchObject({ done: true });
    const stop = new AbortController();
    const aborted = client.subscriptions.consume("s", { signal: stop.signal }).next();
    stop.abort(new Error("enough"));
    expect(await thrownBy(aborted)).toMatchObject({ message: "enough" });
  });

  test("gives an event back with a delay, and what waits behind it in its run comes after it", async () => {
    const { client, frames } = await scripted([
      () =>
        async function* (requests) {
          yield opened;
          yield deliver("a1", "a2", "b1");
          await requests.next();
          yield deliver("a1", "a2");
          await nothing;
        },
    ]);
    const events = client.subscriptions.consume("s", { pipelined: true });
    const first = await next(events);
    first.reject({ delayMs: 1_500, cause: "busy" });
    expect(await first.ack()).toBe(false);
    const rest = [await next(events), await next(events), await next(events)];
    expect(rest.map(({ event }) => event.eventId)).toEqual(["b1", "a1", "a2"]);
    await events.return(undefined);
    const delay = { seconds: 1n, nanos: 500_000_000 };
    expect(frames[1]).toMatchObject({
      case: "reject",
      value: { deliveryIds: [1n], cause: "busy", delay },
    });
  });

  test("that lets the time of its events run out holds no more of them than it takes at once", async () => {
    const { client } = await scripted([quiet("x1", "a1", "a2", "b1", "c1", "b1", "d1")]);
    const events = client.subscriptions.consume("s", { inFlightMax: 3, pipelined: true });
    const taken = [await next(events), await next(events), await next(events)];
    await events.return(undefined);
    // The oldest goes, and with it what lies behind it in its run; what comes again keeps its place.
    expect(taken.map(({ event }) => event.eventId)).toEqual(["b1", "c1", "d1"]);
  });
});
