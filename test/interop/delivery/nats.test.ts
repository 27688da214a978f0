import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fromJson } from "@bufbuild/protobuf";
import { ValueSchema } from "@bufbuild/protobuf/wkt";
import { afterEach, expect, test } from "vitest";
import { EventKind } from "../../../gen/signalbox/v1/event_pb.ts";
import { until } from "../../support/fake-clock.ts";
import { TestServer } from "../../support/test-server.ts";
import { freePort, hasNatsServer, type Killable, natsServer } from "./killable.ts";
import { NatsStream } from "./nats-stream.ts";

// Without a NATS server nothing of it can be shown. Where it must be there, as in CI, this fails.
const isNatsMissing = !hasNatsServer() && process.env["CI"] === undefined;
if (isNatsMissing)
  console.warn("SKIPPED: there is no nats-server on this machine; apt-get install nats-server");

const ending: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of ending.splice(0).reverse()) await end();
});

/** A NATS server that does not run yet, and a Signalbox server that has it, with a subscription `s`. */
async function setUp(subject = "signalbox.{topic}.{run_id}") {
  const folder = mkdtempSync(join(tmpdir(), "signalbox-nats-"));
  ending.push(() => rmSync(folder, { recursive: true, force: true }));
  const port = await freePort();
  const nats: Killable = natsServer(port, folder);
  ending.push(() => nats.kill());
  const natsServers = [`nats://127.0.0.1:${port}`];
  const server = await TestServer.start({ deliveries: { allowsInside: false, natsServers } });
  ending.push(() => server.close());
  const target = { case: "nats", value: { subject } } as const;
  const filter = { kinds: [EventKind.PUBLISHED] };
  const initialBackoff = { nanos: 10_000_000 };
  const maxBackoff = { nanos: 100_000_000 };
  await server.subscriptions.createSubscription({
    subscription: { name: "s", filter, target, initialBackoff, maxBackoff },
  });
  const publish = async (runId: string, topic: string, type: string, text = "") => {
    const work = { case: "task", value: { op: "nobody" } } as const;
    await server.runs.createRun({ run: { runId, work, delivery: { topic, attributes: { a: "b" } } } });
    await server.events.publishEvents({
      events: [{ runId, published: { source: "test", type, payload: fromJson(ValueSchema, text) } }],
    });
  };
  const status = async () => (await server.subscriptions.getSubscription({ name: "s" })).subscription?.status;
  return { folder, port, nats, server, publish, status };
}

async function streamOf(port: number): Promise<NatsStream> {
  const stream = await NatsStream.create(port);
  ending.push(() => stream.close());
  return stream;
}

test.skipIf(isNatsMissing)(
  "G-160 a stream of NATS gets each event under its topic, with the event's id as its own",
  async () => {
    const { port, nats, publish, status } = await setUp();
    await nats.start();
    const stream = await streamOf(port);
    await publish("r.1", "orders.eu", "first");
    await publish("q", "", "second");
    await until("both are there", async () => (await status())?.acknowledgedCount === 2n);
    const [first, second] = await stream.read();
    expect(first).toMatchObject({ subject: "signalbox.orders.eu.r_1", runId: "r.1" });
    expect(second).toMatchObject({ subject: "signalbox._.q", runId: "q" });
    expect(first?.contentType).toBe("application/cloudevents+json; charset=utf-8");
    expect(JSON.parse(first?.text ?? "")).toMatchObject({
      id: first?.id,
      topic: "orders.eu",
      a: "b",
      data: { published: { type: "first" } },
    });
  },
);

test.skipIf(isNatsMissing)(
  "NATS that is down, or has no stream, holds up nobody and is tried for ever",
  async () => {
    const { port, nats, publish, status } = await setUp();
    await publish("r", "a", "first");
    await until("the lag shows", async () => ((await status())?.lagEvents ?? 0n) >= 1n);
    expect(await status()).toMatchObject({ consumerCount: 0, inFlightCount: 0 });
    await nats.start();
    await until("it was tried in vain", async () => ((await status())?.failedCount ?? 0n) > 1n);
    expect((await status())?.lastError).toContain("no stream of JetStream takes the subject");
    const stream = await streamOf(port);
    await until("it came", async () => (await stream.count()) === 1);
    await nats.kill();
    await publish("q", "a", "second");
    await nats.start();
    await until("the other came", async () => (await stream.count()) === 2);
    expect((await stream.read()).map(({ runId }) => runId)).toEqual(["r", "q"]);
  },
);

test.skipIf(isNatsMissing)(
  "an event that is larger than NATS takes is set aside, and the next one comes",
  async () => {
    const { folder, port, nats, publish, status } = await setUp();
    const configuration = join(folder, "nats.conf");
    writeFileSync(configuration, "max_payload: 4096\n");
    const narrow = natsServer(port, folder, ["-c", configuration]);
    ending.push(() => narrow.kill());
    await nats.kill();
    await narrow.start();
    const stream = await streamOf(port);
    await publish("r", "a", "large", "x".repeat(10_000));
    await publish("q", "a", "small");
    await until("it is set aside", async () => (await status())?.deadLetterCount === 1n);
    await until("the other came", async () => (await stream.count()) === 1);
    expect((await status())?.failedCount).toBe(1n);
  },
);
