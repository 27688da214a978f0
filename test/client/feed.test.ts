import { Code, ConnectError } from "@connectrpc/connect";
import { describe, expect, test } from "vitest";
import { EventService } from "../../gen/signalbox/v1/event_service_pb.ts";
import { createClient, type EventFrame, RefusedError } from "../../src/client/client.ts";
import { runCli } from "./cli-run.ts";
import { openLiveServer, quickRetry, thrownBy } from "./live-server.ts";
import { startScriptedServices } from "./scripted-services.ts";

async function take(
  frames: AsyncIterable<EventFrame>,
  isLast: (frame: EventFrame) => boolean,
): Promise<readonly EventFrame[]> {
  const taken: EventFrame[] = [];
  for await (const frame of frames) {
    taken.push(frame);
    if (isLast(frame)) break;
  }
  return taken;
}

describe("events.watch", () => {
  test("with a snapshot has the runs first, then what happens to them", async () => {
    const { client } = await openLiveServer();
    await client.runs.create({ op: "x", runId: "r1" });
    const watch = client.events.watch({ snapshot: "live-runs" });
    const { value: first } = await watch.next();
    expect(first).toMatchObject({ snapshot: true, restarted: false, events: [], runs: [{ runId: "r1" }] });
    await client.runs.cancel("r1");
    const frames = await take(watch, ({ events }) => events.some(({ kind }) => kind === "RUN_ENDED"));
    expect(frames.every(({ snapshot, runs }) => !snapshot && runs.length === 0)).toBe(true);
  });

  test("with an expression has what it is true of", async () => {
    const { client } = await openLiveServer();
    await client.events.publish([
      { source: "s", type: "a", payload: { n: 1 } },
      { source: "s", type: "b", payload: { n: 5 } },
    ]);
    const expression = "event.published.payload.n > 3.0";
    const listed = await client.events.list({ expression }).all();
    expect(listed.map(({ detail }) => detail)).toMatchObject([{ type: "b" }]);
    const refused = await thrownBy(take(client.events.watch({ expression: "event.n" }), () => true));
    expect(refused).toBeInstanceOf(RefusedError);
    expect(refused).toMatchObject({
      reason: "FILTER_INVALID",
      metadata: { fault: "at 6: Event has no field n" },
    });
  });

  test("begins the snapshot anew when it was cut, and says so; behind it, it resumes", async () => {
    let streamCount = 0;
    const asked: unknown[] = [];
    const run = { runId: "r" };
    await using services = await startScriptedServices(({ service }) => {
      service(EventService, {
        async *watchEvents({ start, snapshot }) {
          streamCount += 1;
          asked.push({ start: start.case, snapshot });
          if (streamCount === 1) {
            yield { runs: [run], snapshot: true };
            throw new ConnectError("gone", Code.Unavailable);
          } else if (streamCount === 2) {
            yield { runs: [run], snapshot: true };
            yield { runs: [run], snapshot: true, cursor: "c1" };
            throw new ConnectError("gone", Code.Unavailable);
          }
          yield { cursor: "c2", atHead: true, events: [{ eventId: "1" }] };
        },
      });
    });
    await using client = createClient({ address: services.address, retry: quickRetry });
    const frames = await take(client.events.watch({ snapshot: "all-runs" }), ({ cursor }) => cursor === "c2");
    const told = frames.filter(({ snapshot }) => snapshot).map(({ restarted }) => restarted);
    expect(told.at(-2)).toBe(true);
    expect(told.filter((restarted) => restarted)).toHaveLength(1);
    expect(asked).toEqual([
      { start: "now", snapshot: 2 },
      { start: "now", snapshot: 2 },
      { start: "cursor", snapshot: 0 },
    ]);
  });
});

describe("events.describe", () => {
  test("says what the feed is", async () => {
    const { client } = await openLiveServer();
    await client.events.publish([{ source: "s", type: "a" }]);
    expect(await client.events.describe()).toMatchObject({
      epoch: expect.stringMatching(/./),
      headPosition: 1n,
      oldestPosition: 0n,
      retentionMs: 0,
    });
  });
});

describe("the command", () => {
  test("feed describe tells what the feed is", async () => {
    const { client, server } = await openLiveServer();
    await client.events.publish([{ source: "s", type: "a" }]);
    const { out } = await runCli(["feed", "describe", "--server", server.url]);
    expect(out).toMatch(/^epoch +\S+$/m);
    expect(out).toMatch(/^head +1$/m);
    const json = await runCli(["feed", "describe", "--json", "--server", server.url]);
    expect(JSON.parse(json.out)).toMatchObject({ headPosition: "1" });
  });

  test("feed verify prints the verdict on a feed that keeps its promises, and ends with 0", async () => {
    const { client, server } = await openLiveServer({ settings: { bookmarkIntervalMs: 100 } });
    for (let count = 0; count < 5; count += 1) {
      await client.events.publish([
        { source: "s", type: "a" },
        { source: "s", type: "b" },
      ]);
    }
    const told = await runCli(["feed", "verify", "--seed", "3", "--server", server.url]);
    expect(told).toMatchObject({ code: 0, notes: "seed 3\n" });
    expect(told.out).toMatch(/^events +10 in 5 transactions$/m);
    expect(told.out.match(/ kept /g)).toHaveLength(6);
    const json = await runCli(["feed", "verify", "--events", "4", "--json", "--server", server.url]);
    expect(JSON.parse(json.out)).toMatchObject({ isKept: true, eventCount: 4 });
  });

  test("feed verify ends with 1 when a promise is broken, and says which", async () => {
    await using services = await startScriptedServices(({ service }) => {
      service(EventService, {
        describeFeed: () => ({ feedEpoch: "e", headPosition: 2n }),
        listEvents: () => ({ events: [], atHead: true }),
        async *watchEvents({ snapshot }) {
          yield { cursor: "begin", snapshot: snapshot !== 0 };
          yield { cursor: "end", atHead: true, events: [{ eventId: "0000000000000002" }] };
          yield { cursor: "end", atHead: true };
        },
      });
    });
    const verified = await runCli(["feed", "verify", "--server", services.address]);
    expect(verified.code).toBe(1);
    expect(verified.out).toContain("Reliable: 0000000000000002 is not in ListEvents");
    expect(verified.out).toMatch(/^Reliable +broken/m);
  });

  test("events --follow --snapshot tells the runs first", async () => {
    const { client, server } = await openLiveServer();
    await client.runs.create({ op: "x", runId: "r1" });
    const follow = ["events", "--follow", "--snapshot", "all-runs", "--limit", "1", "--server", server.url];
    const running = runCli(follow);
    const publish = setInterval(() => void client.events.publish([{ source: "s", type: "a" }]), 20);
    const { out } = await running;
    clearInterval(publish);
    expect(out).toMatch(/r1 +QUEUED +as it stands/);
    expect(out).toMatch(/published +a by s/);
  });

  test.each([
    { args: ["--snapshot", "live-runs"], says: "--snapshot goes with --follow" },
    { args: ["--follow", "--snapshot", "live-runs", "--from", "beginning"], says: "without --from" },
    { args: ["--follow", "--snapshot", "some"], says: "must be one of live-runs, all-runs" },
  ])("events $args is a mistake: $says", async ({ args, says }) => {
    const { code, notes } = await runCli(["events", ...args]);
    expect(code).toBe(2);
    expect(notes).toContain(says);
  });

  test("events --where tells what an expression is true of", async () => {
    const { client, server } = await openLiveServer();
    await client.events.publish([
      { source: "s", type: "a" },
      { source: "s", type: "b" },
    ]);
    const { out } = await runCli([
      "events",
      "--where",
      `event.published.type == "b"`,
      "--json",
      "--server",
      server.url,
    ]);
    expect(
      out
        .trimEnd()
        .split("\n")
        .map((line) => JSON.parse(line).published.type),
    ).toEqual(["b"]);
  });
});
