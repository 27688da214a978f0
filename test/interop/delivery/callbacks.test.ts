import { setTimeout as pause } from "node:timers/promises";
import { createClient } from "@connectrpc/connect";
import { createGrpcTransport } from "@connectrpc/connect-node";
import { afterAll, beforeAll, expect, test } from "vitest";
import { RunService } from "../../../gen/signalbox/v1/run_service_pb.ts";
import { ValueType } from "../../../gen/signalbox/v1/value_pb.ts";
import { StartedServer } from "../../support/started-server.ts";
import { type ReceivedPost, WebhookReceiver } from "../../support/webhook-receiver.ts";

let server: StartedServer;
let receiver: WebhookReceiver;
beforeAll(async () => {
  receiver = await WebhookReceiver.start();
  server = await StartedServer.start();
});
afterAll(async () => {
  receiver.close();
  await server.remove();
});

/** Waits until something holds; throws, with what was awaited, if it never does. */
async function until(awaited: string, holds: () => boolean): Promise<void> {
  const deadline = performance.now() + 20_000;
  while (!holds()) {
    if (performance.now() > deadline) throw new Error(`never came: ${awaited}`);
    await pause(20);
  }
}

function linkIn(post: ReceivedPost | undefined): string {
  return (JSON.parse(post?.body ?? "{}") as { readonly callback_uri: string }).callback_uri;
}

function answerBy(link: string, value: boolean): Promise<Response> {
  const headers = { "content-type": "application/json" };
  return fetch(link, { method: "POST", headers, body: JSON.stringify({ value }) });
}

test("what a killed server has not posted for certain it posts again, and its links stay good", async () => {
  const newClient = () => createClient(RunService, createGrpcTransport({ baseUrl: server.url }));
  const condition = { type: ValueType.BOOL, webhook: { url: receiver.url() } };
  const actions = ["a", "b", "c"].map((name) => ({
    name,
    kind: { case: "condition" as const, value: condition },
  }));
  // Whoever is posted to says nothing: nobody knows whether the post came.
  receiver.answer = () => undefined;
  await newClient().createRun({ run: { runId: "r", work: { case: "plan", value: { actions } } } });
  await until("all came", () => receiver.posts.length === 3);
  await server.kill();
  const first = receiver.posts.splice(0);

  receiver.answer = () => ({ status: 204 });
  await server.restart();
  await until("all came again", () => receiver.posts.length === 3);
  const idOf = ({ headers }: ReceivedPost) => String(headers["webhook-id"]);
  expect(receiver.posts.map(idOf).sort((one, other) => (one < other ? -1 : 1))).toEqual(
    first.map(idOf).sort((one, other) => (one < other ? -1 : 1)),
  );
  expect(new Set(receiver.posts.map(linkIn))).toEqual(new Set(first.map(linkIn)));

  for (const post of first) expect((await answerBy(linkIn(post), true)).status).toBe(200);
  await until("their ends came", () => receiver.posts.length === 6);
  await server.kill();
  await server.restart();
  for (const post of first) expect((await answerBy(linkIn(post), false)).status).toBe(409);
  const { run } = await newClient().getRun({ runId: "r" });
  expect(run?.endTime).toBeDefined();
});
