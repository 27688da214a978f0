import http2 from "node:http2";
import { create, toBinary } from "@bufbuild/protobuf";
import { expect, test } from "vitest";
import { Counting } from "../../bench/feed/counting.ts";
import { WatchEventsRequestSchema } from "../../gen/signalbox/v1/event_service_pb.ts";
import { feedBatchEventsMax, feedChunkBytes } from "../../src/limits.ts";
import { MemoryStore } from "../../src/store/memory/memory-store.ts";
import type { FeedPage, FeedQuery } from "../../src/store/store.ts";
import { TestServer } from "../support/test-server.ts";

const subscriberCount = 20;
const eventCount = 20_000;
/** What the systems of both sides may take of a stream that nobody reads: windows and socket buffers. */
const onTheWayBytesMax = 1024 * 1024;

/** Counts what is read of it for followers. */
class CountedStore extends MemoryStore {
  readEvents = 0;

  override async readFeed(query: FeedQuery): Promise<FeedPage> {
    const page = await super.readFeed(query);
    for (const { events } of page.transactions) this.readEvents += events.length;
    return page;
  }
}

/** One that follows from now on and does not read. */
async function stall(url: string) {
  const session = http2.connect(url);
  const stream = session.request({
    ":method": "POST",
    ":path": "/signalbox.v1.EventService/WatchEvents",
    "content-type": "application/grpc+proto",
    te: "trailers",
  });
  const message = toBinary(WatchEventsRequestSchema, create(WatchEventsRequestSchema, {}));
  stream.end(Buffer.concat([Buffer.from([0, 0, 0, 0, message.length]), message]));
  await new Promise((resolve) => stream.once("readable", resolve));
  return { session, stream };
}

test("subscribers that stop reading are not read for, and miss nothing when they go on", async () => {
  const store = new CountedStore();
  const server = await TestServer.start({ store });
  const stalled = await Promise.all(Array.from({ length: subscriberCount }, () => stall(server.url)));
  const text = "x".repeat(500);
  for (let first = 0; first < eventCount; first += 500) {
    const published = { source: "test", type: "filler", attributes: { text: text.slice(0, 250) } };
    await server.events.publishEvents({ events: Array.from({ length: 500 }, () => ({ published })) });
  }
  // All that was read is what fits on the way to them and what each holds: it does not grow with the feed.
  const held = feedBatchEventsMax + (feedChunkBytes + onTheWayBytesMax) / 250;
  expect(store.readEvents).toBeLessThan(2 * held);
  expect(server.engine.feeds.followerCount).toBe(subscriberCount);
  const [one] = stalled;
  const counting = new Counting();
  if (one !== undefined) {
    for await (const chunk of one.stream) {
      counting.take(chunk as Buffer);
      if (counting.eventCount >= eventCount) break;
    }
  }
  expect(counting.eventCount).toBe(eventCount);
  expect(store.readEvents).toBeGreaterThan(eventCount / 2);
  for (const { session } of stalled) session.destroy();
  await server.close();
  expect(server.errors).toEqual([]);
});
