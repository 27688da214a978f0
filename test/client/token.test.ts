import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, onTestFinished, test } from "vitest";
import { type ClientOptions, createClient } from "../../src/client/client.ts";
import { makeToken, writeTokensFile } from "../../src/configuration-tokens.ts";
import { StartedServer } from "../support/started-server.ts";
import { runCli } from "./cli-run.ts";
import { quickRetry, thrownBy } from "./live-server.ts";

const folder = mkdtempSync(join(tmpdir(), "signalbox-tokens-"));
const file = join(folder, "tokens.json");
const { token, row } = makeToken({ subject: "ana@example.com", groups: ["deployers"] }, new Date());
let server: StartedServer;

beforeAll(async () => {
  writeTokensFile(file, [row]);
  server = await StartedServer.start({ flags: ["--tokens-file", file] });
}, 30_000);
afterAll(async () => {
  await server.remove();
  rmSync(folder, { recursive: true });
});

function connect(options: ClientOptions) {
  const client = createClient({ address: server.address, retry: quickRetry, ...options });
  onTestFinished(() => client.close());
  return client;
}

test.each([{ protocol: "connect" }, { protocol: "grpc" }] as const)(
  "a client with a token is let in over $protocol, with calls, watches and consumers",
  async ({ protocol }) => {
    const client = connect({ protocol, token });
    const name = `s-${protocol}`;
    await client.subscriptions.create({ name, filter: { kinds: ["RUN_CREATED"] } });
    const { runId } = await client.runs.create({ op: "nobody" });
    for await (const { event, ack } of client.subscriptions.consume(name)) {
      expect([event.runId, await ack()]).toEqual([runId, true]);
      break;
    }
    for await (const { events } of client.events.watch({ runId, from: "beginning" })) {
      if (events.length > 0) break;
    }
  },
);

test.each([
  { given: "no token", options: {} },
  { given: "an empty token", options: { token: "" } },
  { given: "a token that stands for nobody", options: { token: "sbx_nobody" } },
])("a client with $given is turned away at once", async ({ options }) => {
  const client = connect(options);
  const calls = [() => client.runs.list().all(), () => client.events.watch().next()];
  for (const call of calls) {
    expect(await thrownBy(call())).toMatchObject({ reason: "UNAUTHENTICATED", code: "UNAUTHENTICATED" });
  }
});

test("a command takes its token from an option or from its environment", async () => {
  const args = ["runs", "--server", server.address];
  expect(await runCli([...args, "--token", token])).toMatchObject({ code: 0 });
  expect(await runCli(args, { environment: { SIGNALBOX_TOKEN: token } })).toMatchObject({ code: 0 });
  const { code, notes } = await runCli(args);
  expect(code).toBe(3);
  expect(notes).toContain("UNAUTHENTICATED");
});
