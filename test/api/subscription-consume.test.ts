import { afterAll, beforeAll, expect, test } from "vitest";
import { createClient, type SignalboxClient } from "../../src/client/client.ts";
import { TestServer } from "../support/test-server.ts";

let server: TestServer;
let client: SignalboxClient;
beforeAll(async () => {
  server = await TestServer.start();
  client = createClient({ address: server.url });
});
afterAll(async () => {
  client.close();
  const { errors } = server;
  await server.close();
  expect(errors).toEqual([]);
});

async function publish(runId: string, types: readonly string[]): Promise<void> {
  await client.runs.create({ runId, op: "nobody" });
  await client.events.publish(types.map((type) => ({ runId, source: "test", type })));
}

/** Takes so many events, acknowledges each before the next, and says their types. */
async function take(name: string, count: number, options: { pipelined?: boolean } = {}): Promise<string[]> {
  const types: string[] = [];
  for await (const { event, ack } of client.subscriptions.consume(name, options)) {
    if (event.kind === "PUBLISHED") types.push(event.detail.type);
    await ack();
    if (types.length === count) break;
  }
  return types;
}

test("the TypeScript client takes events one after the other, waiting for each acknowledgement", async () => {
  const filter = { kinds: ["PUBLISHED"] } as const;
  await client.subscriptions.create({ name: "one", filter });
  await client.subscriptions.create({ name: "pipelined", filter });
  await publish("r", ["a", "b", "c"]);
  expect(await take("one", 2)).toEqual(["a", "b"]);
  expect(await take("one", 1)).toEqual(["c"]);
  expect(await take("pipelined", 3, { pipelined: true })).toEqual(["a", "b", "c"]);
  const { lagEvents, failedCount } = await client.subscriptions.get("one");
  expect({ isLate: lagEvents > 1, failedCount: failedCount <= 1 }).toEqual({
    isLate: false,
    failedCount: true,
  });
});
