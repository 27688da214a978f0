import { spawn } from "node:child_process";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { expect, onTestFinished, test } from "vitest";
import { EventKind } from "../../../gen/signalbox/v1/event_pb.ts";
import { until } from "../../support/fake-clock.ts";
import { TestServer } from "../../support/test-server.ts";

const script = join(import.meta.dirname, "../../../docs/examples/receive_webhooks.py");

/** The receiver of the documentation in a process of its own, with the lines that it says. */
async function startReceiver(secret: string) {
  const environment = { ...process.env, WEBHOOK_SECRET: secret };
  const child = spawn("python3", [script, "0"], { env: environment, stdio: ["ignore", "pipe", "inherit"] });
  onTestFinished(() => void child.kill());
  const lines: string[] = [];
  createInterface({ input: child.stdout }).on("line", (line) => lines.push(line));
  await until("it is ready", () => lines.length > 0);
  return { port: Number(lines[0]?.split(" ")[1]), lines };
}

test("the receiver of the documentation, in Python, takes what is signed and nothing else", async () => {
  const secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
  const server = await TestServer.start({ deliveries: { allowsInside: true } });
  onTestFinished(() => server.close());
  const { port, lines } = await startReceiver(secret);
  const create = (name: string, signedWith: string) => {
    const value = { url: `http://127.0.0.1:${port}/`, secret: signedWith };
    const filter = { kinds: [EventKind.PUBLISHED] };
    const target = { case: "webhook", value } as const;
    return server.subscriptions.createSubscription({ subscription: { name, filter, target } });
  };
  await create("ours", secret);
  await create("theirs", "whsec_AAAA");
  await server.events.publishEvents({ events: [{ published: { source: "test", type: "a" } }] });
  const status = async (name: string) =>
    (await server.subscriptions.getSubscription({ name })).subscription?.status;
  await until("ours was taken", async () => (await status("ours"))?.acknowledgedCount === 1n);
  await until("theirs was not", async () => ((await status("theirs"))?.failedCount ?? 0n) > 0n);
  expect((await status("theirs"))?.lastError).toBe("the receiver answered 401");
  expect(lines.slice(1)).toEqual([
    expect.stringMatching(/^[0-9a-f]{16} signalbox\.v1\.published \/signalbox\//),
  ]);
});
