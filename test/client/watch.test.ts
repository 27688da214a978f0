import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { Code, ConnectError, type HandlerContext } from "@connectrpc/connect";
import { describe, expect, onTestFinished, test } from "vitest";
import { ErrorInfoSchema } from "../../gen/google/rpc/error_details_pb.ts";
import {
  ConditionService,
  type WatchConditionsResponseSchema,
} from "../../gen/signalbox/v1/condition_service_pb.ts";
import {
  EventService,
  type WatchEventsRequest,
  type WatchEventsResponseSchema,
} from "../../gen/signalbox/v1/event_service_pb.ts";
import { Run_State } from "../../gen/signalbox/v1/run_pb.ts";
import { RunService, type WatchRunResponseSchema } from "../../gen/signalbox/v1/run_service_pb.ts";
import {
  type ClientOptions,
  createClient,
  type EventFrame,
  RefusedError,
  type RunFrame,
  UnavailableError,
} from "../../src/client/client.ts";
import { type ScriptedServices, startScriptedServices } from "./scripted-services.ts";

type Frame = MessageInitShape<typeof WatchEventsResponseSchema>;
type Script = (cursor: number, context: HandlerContext) => AsyncIterable<Frame>;
type End = (server: ScriptedServices) => void | Promise<void>;

/**
 * Lets a script wait until the watch under test has taken a frame, since a cut may swallow what is on its
 * way.
 */
class Taken {
  #frames = new Map<string, PromiseWithResolvers<void>>();

  mark(frame: string): void {
    this.#of(frame).resolve();
  }

  wait(frame: string): Promise<void> {
    return this.#of(frame).promise;
  }

  #of(frame: string): PromiseWithResolvers<void> {
    const one = this.#frames.get(frame) ?? Promise.withResolvers<void>();
    this.#frames.set(frame, one);
    return one;
  }
}

const quick = { forMs: 10_000, initialBackoffMs: 1, backoffMsMax: 5 };
const feedLength = 12;

function connect(address: string, options: ClientOptions = {}) {
  const client = createClient({ address, retry: quick, ...options });
  onTestFinished(() => client.close());
  return client;
}

/** The frame behind which a cursor stands, one event in each. */
const frameAt = (position: number): Frame => ({
  events: [{ eventId: `e${position}`, detail: { case: "runStarted", value: {} } }],
  cursor: `${position}`,
});

const bookmarkAt = (position: number): Frame => ({ cursor: `${position}`, atHead: true });

/**
 * A feed of twelve transactions, each stream of which is told by the next script; the last script goes on.
 */
async function feed(scripts: readonly ((server: ScriptedServices, taken: Taken) => Script)[]) {
  const requests: WatchEventsRequest[] = [];
  const taken = new Taken();
  const server: ScriptedServices = await startScriptedServices((router) =>
    router.service(EventService, {
      watchEvents(request, context) {
        const script = scripts[Math.min(requests.push(request), scripts.length) - 1] as (typeof scripts)[0];
        const cursor = request.start.case === "cursor" ? Number(request.start.value) : 0;
        return script(server, taken)(cursor, context);
      },
    }),
  );
  onTestFinished(() => server.stop());
  return { server, requests, taken };
}

/** Tells the feed up to a position, and when that was taken does what ends the stream. */
const tellUntil =
  (last: number, end: End) =>
  (server: ScriptedServices, taken: Taken): Script =>
    async function* (cursor) {
      yield bookmarkAt(cursor);
      for (let position = cursor + 1; position <= last; position += 1) {
        yield frameAt(position);
      }
      if (last > cursor) {
        await taken.wait(`e${last}`);
      }
      await end(server);
    };

/** Tells the whole feed and stays open. */
const stayOpen = (): Script =>
  async function* (cursor, { signal }) {
    yield bookmarkAt(cursor);
    for (let position = cursor + 1; position <= feedLength; position += 1) {
      yield frameAt(position);
    }
    await new Promise((resolve) => signal.addEventListener("abort", resolve));
  };

/** The ids of the events of a watch, until the feed is told. */
async function idsOf(frames: AsyncIterable<EventFrame>, taken = new Taken()): Promise<string[]> {
  const ids: string[] = [];
  for await (const { events } of frames) {
    for (const { eventId } of events) {
      ids.push(eventId);
      taken.mark(eventId);
    }
    if (ids.at(-1) === `e${feedLength}`) {
      break;
    }
  }
  return ids;
}

const allIds = Array.from({ length: feedLength }, (_, index) => `e${index + 1}`);

describe("a watch of the feed", () => {
  const cuts: readonly { given: string; end: End }[] = [
    { given: "the connection is cut", end: (server) => server.cut() },
    {
      given: "the server says that it stops",
      end: () => {
        throw new ConnectError("stopping", Code.Unavailable);
      },
    },
    { given: "the stream just ends", end: () => undefined },
    { given: "a proxy says goodbye with GOAWAY and ends the stream", end: (server) => server.sayGoodbye() },
    {
      given: "the server starts anew",
      end: async (server) => {
        const stopped = server.stop();
        await stopped;
        await server.start();
      },
    },
  ];

  for (const protocol of ["connect", "grpc"] as const) {
    test.each(cuts)(
      `over ${protocol} delivers each frame once when $given, again and again`,
      async ({ end }) => {
        const { server, requests, taken } = await feed([
          tellUntil(3, end),
          tellUntil(3, end),
          tellUntil(8, end),
          stayOpen,
        ]);
        const client = connect(server.address, { protocol });
        expect(await idsOf(client.events.watch({ from: "beginning" }), taken)).toEqual(allIds);
        const starts = requests.map(({ start }) => (start.case === "cursor" ? start.value : start.case));
        expect(starts).toEqual(["beginning", "3", "3", "8"]);
      },
    );
  }

  test("starts now unless told otherwise, and behind a cursor if given one", async () => {
    const { server, requests } = await feed([stayOpen]);
    const client = connect(server.address);
    await idsOf(client.events.watch());
    expect(await idsOf(client.events.watch({ cursor: "10" }))).toEqual(["e11", "e12"]);
    expect(requests.map(({ start }) => start.case)).toEqual(["now", "cursor"]);
  });

  test("does not deliver again the bookmark with which a server begins a resumed stream", async () => {
    const { server, taken } = await feed([tellUntil(3, (it) => it.cut()), stayOpen]);
    const cursors: string[] = [];
    for await (const { cursor } of connect(server.address).events.watch({ from: "beginning" })) {
      cursors.push(cursor);
      taken.mark(`e${cursor}`);
      if (cursor === `${feedLength}`) {
        break;
      }
    }
    expect(cursors).toEqual(Array.from({ length: feedLength + 1 }, (_, index) => `${index}`));
  });

  test("begins with a bookmark that says where, also when its first stream was cut before it", async () => {
    const cutAtOnce = (server: ScriptedServices): Script =>
      // oxlint-disable-next-line require-yield
      async function* () {
        server.cut();
      };
    const { server } = await feed([cutAtOnce, stayOpen]);
    for await (const { events, cursor } of connect(server.address).events.watch({ cursor: "10" })) {
      expect({ eventCount: events.length, cursor }).toEqual({ eventCount: 0, cursor: "10" });
      break;
    }
  });

  test("of a reader that was too slow goes on behind what it has", async () => {
    const tooSlow = () => {
      const value = create(ErrorInfoSchema, { domain: "signalbox", reason: "TOO_SLOW" });
      throw new ConnectError("too slow", Code.ResourceExhausted, undefined, [
        { desc: ErrorInfoSchema, value },
      ]);
    };
    const { server, taken } = await feed([tellUntil(5, tooSlow), stayOpen]);
    expect(await idsOf(connect(server.address).events.watch({ from: "beginning" }), taken)).toEqual(allIds);
  });

  test("ends with CURSOR_EXPIRED and the cursor to go on from", async () => {
    const expired = () => {
      const metadata = { oldest_cursor: "9" };
      const value = create(ErrorInfoSchema, { domain: "signalbox", reason: "CURSOR_EXPIRED", metadata });
      throw new ConnectError("expired", Code.OutOfRange, undefined, [{ desc: ErrorInfoSchema, value }]);
    };
    const { server, taken } = await feed([tellUntil(2, (it) => it.cut()), tellUntil(0, expired)]);
    const failed = idsOf(connect(server.address).events.watch({ from: "beginning" }), taken);
    await expect(failed).rejects.toBeInstanceOf(RefusedError);
    await expect(failed).rejects.toMatchObject({
      reason: "CURSOR_EXPIRED",
      metadata: { oldest_cursor: "9" },
    });
  });

  test("gives up with an UnavailableError if the server is away from the beginning", async () => {
    const { server } = await feed([stayOpen]);
    await server.stop();
    const client = connect(server.address, { retry: { ...quick, forMs: 50 } });
    await expect(idsOf(client.events.watch())).rejects.toBeInstanceOf(UnavailableError);
  });

  test("gives up with an UnavailableError if the server does not come back", async () => {
    const { server, taken } = await feed([tellUntil(3, (it) => it.stop())]);
    const client = connect(server.address, { retry: { ...quick, resumeForMs: 50 } });
    await expect(idsOf(client.events.watch(), taken)).rejects.toBeInstanceOf(UnavailableError);
  });

  test("that is returned while it waits for a frame ends at once, and with it the stream", async () => {
    const streamEnded = Promise.withResolvers<void>();
    const { server } = await feed([
      () =>
        async function* (cursor, { signal }) {
          yield bookmarkAt(cursor);
          await new Promise((resolve) => signal.addEventListener("abort", resolve));
          streamEnded.resolve();
        },
    ]);
    const watch = connect(server.address).events.watch();
    await watch.next();
    const pending = watch.next();
    await watch.return(undefined);
    expect(await pending).toEqual({ done: true, value: undefined });
    expect(await watch.next()).toEqual({ done: true, value: undefined });
    await streamEnded.promise;
  });

  test("that is left by break ends its stream", async () => {
    const streamEnded = Promise.withResolvers<void>();
    const { server } = await feed([
      () =>
        async function* (cursor, { signal }) {
          yield bookmarkAt(cursor);
          await new Promise((resolve) => signal.addEventListener("abort", resolve));
          streamEnded.resolve();
        },
    ]);
    for await (const _frame of connect(server.address).events.watch()) {
      break;
    }
    await streamEnded.promise;
  });

  test.each([
    { given: "it waits for a frame", away: false },
    { given: "the server is away", away: true },
  ])("whose signal is aborted while $given is rejected with the signal's reason", async ({ away }) => {
    const { server } = await feed([tellUntil(1, () => new Promise(() => undefined))]);
    const stop = new AbortController();
    const watch = connect(server.address).events.watch({ from: "beginning", signal: stop.signal });
    await watch.next();
    await watch.next();
    if (away) {
      await server.stop();
    }
    const pending = watch.next();
    stop.abort(new Error("enough"));
    await expect(pending).rejects.toThrow("enough");
    expect(await watch.next()).toEqual({ done: true, value: undefined });
  });
});

describe("a watch of a run", () => {
  type RunFrameInit = MessageInitShape<typeof WatchRunResponseSchema>;

  async function watched(scripts: readonly ((server: ScriptedServices) => AsyncIterable<RunFrameInit>)[]) {
    const cursors: string[] = [];
    const server: ScriptedServices = await startScriptedServices((router) =>
      router.service(RunService, {
        watchRun({ cursor }) {
          const script = scripts[Math.min(cursors.push(cursor), scripts.length) - 1] as (typeof scripts)[0];
          return script(server);
        },
      }),
    );
    onTestFinished(() => server.stop());
    return { server, cursors };
  }

  const run = (state: Run_State) => ({ runId: "r1", state });
  const ended = { run: run(Run_State.SUCCEEDED), cursor: "9", ended: true };

  test("ends after the frame that says so", async () => {
    const { server, cursors } = await watched([
      async function* () {
        yield { run: run(Run_State.RUNNING), actions: [{ name: "main" }], snapshot: true, cursor: "1" };
        yield ended;
      },
    ]);
    const frames: RunFrame[] = [];
    for await (const frame of connect(server.address).runs.watch("r1")) {
      frames.push(frame);
    }
    expect(frames.map((frame) => [frame.snapshot, frame.run?.state, frame.ended])).toEqual([
      [true, "RUNNING", false],
      [false, "SUCCEEDED", true],
    ]);
    expect(cursors).toEqual([""]);
  });

  test("goes on if its stream ends before the run has", async () => {
    const { server, cursors } = await watched([
      async function* () {
        yield { run: run(Run_State.RUNNING), snapshot: true, cursor: "1" };
      },
      async function* () {
        yield ended;
      },
    ]);
    expect(await connect(server.address).runs.wait("r1")).toMatchObject({ state: "SUCCEEDED" });
    expect(cursors).toEqual(["", "1"]);
  });

  test("whose snapshot is cut begins it again and says so", async () => {
    const page = (name: string, cursor = "") => ({
      run: run(Run_State.RUNNING),
      actions: [{ name }],
      snapshot: true,
      cursor,
    });
    const taken = new Taken();
    const { server, cursors } = await watched([
      async function* (it) {
        yield page("a");
        await taken.wait("a");
        it.cut();
      },
      async function* () {
        yield page("a");
        yield page("b", "1");
        yield ended;
      },
    ]);
    const frames: RunFrame[] = [];
    for await (const frame of connect(server.address).runs.watch("r1")) {
      frames.push(frame);
      taken.mark(frame.actions[0]?.name ?? "");
    }
    expect(frames.map(({ actions, restarted }) => [actions[0]?.name, restarted])).toEqual([
      ["a", false],
      ["a", true],
      ["b", false],
      [undefined, false],
    ]);
    expect(cursors).toEqual(["", ""]);
  });

  test("of a run that does not exist is refused", async () => {
    const { server } = await watched([
      () => ({
        [Symbol.asyncIterator]: () => ({
          next: async () => {
            const value = create(ErrorInfoSchema, { domain: "signalbox", reason: "RUN_NOT_FOUND" });
            throw new ConnectError("no such run", Code.NotFound, undefined, [
              { desc: ErrorInfoSchema, value },
            ]);
          },
        }),
      }),
    ]);
    await expect(connect(server.address).runs.wait("r1")).rejects.toMatchObject({
      reason: "RUN_NOT_FOUND",
      code: "NOT_FOUND",
    });
  });
});

describe("a watch of conditions", () => {
  test("delivers the open ones, then each change once, across a cut", async () => {
    type Frames = MessageInitShape<typeof WatchConditionsResponseSchema>[];
    const frames: Frames = [
      { conditions: [{ name: "a" }], snapshot: true },
      { conditions: [{ name: "b" }], snapshot: true, cursor: "1", atHead: true },
      { conditions: [{ name: "a" }], cursor: "2" },
      { conditions: [{ name: "c" }], cursor: "3" },
    ];
    const taken = new Taken();
    const server: ScriptedServices = await startScriptedServices((router) =>
      router.service(ConditionService, {
        async *watchConditions({ cursor }) {
          if (cursor === "") {
            yield* frames.slice(0, 3);
            await taken.wait("changed a");
            server.cut();
          } else {
            yield { cursor, atHead: true };
            yield* frames.slice(Number(cursor) + 1);
            await new Promise(() => undefined);
          }
        },
      }),
    );
    onTestFinished(() => server.stop());
    const seen: string[] = [];
    for await (const { conditions, snapshot } of connect(server.address).conditions.watch()) {
      seen.push(`${snapshot ? "open" : "changed"} ${conditions[0]?.name}`);
      taken.mark(seen.at(-1) ?? "");
      if (seen.length === 4) {
        break;
      }
    }
    expect(seen).toEqual(["open a", "open b", "changed a", "changed c"]);
  });
});
