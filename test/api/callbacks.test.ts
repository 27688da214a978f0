import { createHmac } from "node:crypto";
import { connect as connectHttp2 } from "node:http2";
import type { JsonObject, MessageInitShape } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { ConditionSpecSchema } from "../../gen/signalbox/v1/condition_pb.ts";
import type { Event } from "../../gen/signalbox/v1/event_pb.ts";
import { Run_State } from "../../gen/signalbox/v1/run_pb.ts";
import { ValueType } from "../../gen/signalbox/v1/value_pb.ts";
import { MemoryStore } from "../../src/store/memory/memory-store.ts";
import { FakeClock, until } from "../support/fake-clock.ts";
import { refusalIn, TestServer } from "../support/test-server.ts";
import { type ReceivedPost, WebhookReceiver } from "../support/webhook-receiver.ts";

type SpecInit = MessageInitShape<typeof ConditionSpecSchema>;

let server: TestServer;
let receiver: WebhookReceiver;
beforeAll(async () => {
  server = await TestServer.start({ deliveries: { allowsInside: true } });
});
beforeEach(async () => {
  receiver = await WebhookReceiver.start();
});
afterEach(() => receiver.close());
afterAll(async () => {
  const { errors } = server;
  await server.close();
  expect(errors).toEqual([]);
});

let runCount = 0;

/** Creates a run that waits for one condition, `ask`; the answer is the run's id. */
async function ask(spec: SpecInit = {}, on: TestServer = server): Promise<string> {
  runCount += 1;
  const runId = `run-${runCount}`;
  const condition = { type: ValueType.BOOL, prompt: "Go on?", ...spec };
  const plan = { actions: [{ name: "ask", kind: { case: "condition" as const, value: condition } }] };
  await on.runs.createRun({ run: { runId, work: { case: "plan", value: plan } } });
  return runId;
}

/** A link that answers the condition of a run. */
async function linkTo(runId: string, parts: object = {}, on: TestServer = server): Promise<string> {
  const { uri } = await on.conditions.createAnswerLink({ runId, name: "ask", ...parts });
  return uri;
}

async function stateOf(runId: string, on: TestServer = server) {
  return (await on.runs.getRun({ runId })).run?.state;
}

async function conditionOf(runId: string) {
  const { condition } = await server.conditions.getCondition({ runId, name: "ask" });
  return condition;
}

type Details = Event["detail"];

async function eventsOf<Case extends NonNullable<Details["case"]>>(
  runId: string,
  kind: Case,
  on: TestServer = server,
): Promise<readonly Extract<Details, { readonly case: Case; readonly value: unknown }>["value"][]> {
  const { events } = await on.events.listEvents({ filter: { runId } });
  return events.flatMap(({ detail }) => (detail.case === kind ? [detail.value as never] : []));
}

async function causesOf(runId: string, on: TestServer = server): Promise<readonly string[]> {
  return (await eventsOf(runId, "linkRefused", on)).map((refused) => refused.cause);
}

function postJson(link: string, body: unknown, headers: Record<string, string> = {}) {
  return fetch(link, {
    method: "POST",
    headers: { "content-type": "application/json", ...headers },
    body: typeof body === "string" ? body : JSON.stringify(body),
  });
}

/** Sends a form as a browser does, and gives the page. */
async function sendForm(link: string, fields: Record<string, string>) {
  const response = await fetch(link, {
    method: "POST",
    headers: { accept: "text/html,*/*;q=0.8" },
    body: new URLSearchParams(fields),
  });
  return { status: response.status, page: await response.text() };
}

async function getPage(link: string, method = "GET") {
  const response = await fetch(link, { method, headers: { accept: "text/html" } });
  return { status: response.status, headers: response.headers, page: await response.text() };
}

function bodyOf({ body }: ReceivedPost) {
  return JSON.parse(body) as Record<string, unknown> & { readonly callback_uri: string };
}

function typesOf(posts: readonly ReceivedPost[] = receiver.posts) {
  return posts.map(({ headers }) => headers["ce-type"]);
}

async function reasonOf(response: Response): Promise<string> {
  return ((await response.json()) as { readonly reason: string }).reason;
}

describe("a condition with a webhook", () => {
  test("is posted when it waits, is answered by the link in the post, and is posted when it has ended", async () => {
    const secret = `whsec_${Buffer.from("open sesame, please").toString("base64")}`;
    const headers = { "X-Team": "a", authorization: "Bearer t" };
    const runId = await ask({ webhook: { url: receiver.url(), secret, headers }, assignee: "ana" });
    await until("it came", () => receiver.posts.length === 1);
    const [post] = receiver.posts as [ReceivedPost];
    expect(post.headers).toMatchObject({
      "content-type": "application/json",
      "x-team": "a",
      authorization: "Bearer t",
      "ce-specversion": "1.0",
      "ce-id": post.headers["webhook-id"],
      "ce-source": `/signalbox/default/runs/${runId}`,
      "ce-type": "signalbox.condition.paused",
      "ce-subject": "ask",
      "ce-time": expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
    });
    const signed = [post.headers["webhook-id"], post.headers["webhook-timestamp"], post.body].join(".");
    const signature = createHmac("sha256", "open sesame, please").update(signed).digest("base64");
    expect(post.headers["webhook-signature"]).toBe(`v1,${signature}`);
    const { condition, callback_uri: link, ...rest } = bodyOf(post);
    expect(rest).toEqual({});
    expect(condition).toMatchObject({ runId, name: "ask", spec: { prompt: "Go on?" }, instance: 1 });
    expect(post.body).not.toContain(secret);
    expect(link.startsWith(`${server.url}/answer/`)).toBe(true);

    const response = await postJson(link, { value: true, comment: "fine" });
    expect(response.status).toBe(200);
    expect(await response.json()).toEqual({
      namespace: "default",
      runId,
      name: "ask",
      instance: 1,
      value: true,
      comment: "fine",
      decided: true,
    });
    expect(await stateOf(runId)).toBe(Run_State.SUCCEEDED);
    expect((await conditionOf(runId))?.answers).toMatchObject([
      { subject: "ana", comment: "fine", channel: 2, origin: expect.stringMatching(/^127\.0\.0\.1:\d+$/) },
    ]);
    await until("its end came", () => receiver.posts.length === 2);
    expect(typesOf()).toEqual(["signalbox.condition.paused", "signalbox.condition.ended"]);
    const ended = bodyOf(receiver.posts[1] as ReceivedPost);
    expect(ended).toMatchObject({ condition: { outcome: "OUTCOME_ANSWERED", answer: { boolValue: true } } });
    expect("callback_uri" in ended).toBe(false);
    await until("both are settled", async () => (await eventsOf(runId, "webhookPosted")).length === 2);
  });

  test("is posted its payload with what is filled in, unsigned without a secret", async () => {
    const payload = {
      text: "{prompt} <{callback_uri}|{name}>",
      ids: [{ run: "{namespace}/{run_id}" }],
      "{name}": 1,
    };
    const runId = await ask({ webhook: { url: receiver.url(), payload } });
    await until("it came", () => receiver.posts.length === 1);
    const [post] = receiver.posts as [ReceivedPost];
    expect(bodyOf(post)).toEqual({
      text: expect.stringMatching(/^Go on\? <http:\/\/127\.0\.0\.1:\d+\/answer\/[\w-]+\.[\w-]+\|ask>$/),
      ids: [{ run: `default/${runId}` }],
      "{name}": 1,
    });
    expect(post.headers["webhook-signature"]).toBeUndefined();
    expect(post.headers["webhook-id"]).toMatch(/^[0-9a-f]{32}$/);
  });

  test("is posted again with the same id and the same link until the post is taken", async () => {
    receiver.answer = () =>
      receiver.posts.length < 3 ? { status: 503, headers: { "retry-after": "0" } } : { status: 200 };
    const runId = await ask({ webhook: { url: receiver.url() } });
    await until("it was taken", async () => (await eventsOf(runId, "webhookPosted")).length === 1);
    expect(receiver.posts).toHaveLength(3);
    expect(new Set(receiver.posts.map(({ headers }) => headers["webhook-id"])).size).toBe(1);
    expect(new Set(receiver.posts.map((post) => bodyOf(post).callback_uri)).size).toBe(1);
    expect(await eventsOf(runId, "webhookPosted")).toMatchObject([{ deliveryCount: 3, cause: "" }]);
  });

  test.each([
    { answer: { status: 410 }, cause: "the receiver is gone (410)" },
    {
      url: "http://127.0.0.1:1/",
      forbids: true,
      cause: expect.stringMatching(/^ADDRESS_FORBIDDEN: 127\.0\.0\.1 /),
    },
    {
      url: "http://localhost:1/",
      forbids: true,
      cause: expect.stringMatching(/^ADDRESS_FORBIDDEN: localhost /),
    },
    { url: "http://[::ffff:10.0.0.1]/", forbids: true, cause: expect.stringMatching(/^ADDRESS_FORBIDDEN: /) },
    {
      payload: { a: "{prompt}".repeat(70) },
      prompt: "x".repeat(16_384),
      cause: expect.stringMatching(/^PAYLOAD_TOO_LARGE: /),
    },
  ])("that cannot be posted is given up, and the feed says $cause", async (row) => {
    const { answer, url = receiver.url(), forbids = false, payload, prompt = "Go on?", cause } = row;
    // As for a name that leads inside only since it was looked at.
    const strict = forbids ? await TestServer.start() : server;
    if (answer !== undefined) receiver.answer = () => answer;
    const webhook = { url, ...(payload === undefined ? {} : { payload }) };
    const runId = await ask({ prompt, webhook }, strict);
    await until("given up", async () => (await eventsOf(runId, "webhookPosted", strict)).length === 1);
    const events = await eventsOf(runId, "webhookPosted", strict);
    if (forbids) await strict.close();
    expect(events).toMatchObject([{ deliveryCount: 1, cause }]);
  });

  test("is not posted any more what it asked when it was answered before the post was taken", async () => {
    receiver.answer = () => ({ status: 503, headers: { "retry-after": "3600" } });
    const runId = await ask({ webhook: { url: receiver.url() } });
    await until("it failed", () => receiver.posts.length === 1);
    receiver.answer = () => ({ status: 204 });
    const value = { kind: { case: "boolValue" as const, value: true } };
    await server.conditions.signalCondition({ runId, name: "ask", value });
    await until("its end came", () => receiver.posts.length === 2);
    expect(typesOf()).toEqual(["signalbox.condition.paused", "signalbox.condition.ended"]);
  });
});

test("a webhook that cannot be is refused with all that is wrong with it", async () => {
  const deep = JSON.parse(`${'{"a":'.repeat(31)}1${"}".repeat(31)}`) as JsonObject;
  const webhook = { url: "http://u:p@a.example/", secret: "whsec_?", payload: deep, headers: { Host: "b" } };
  const { reason, fields } = await refusalIn(ask({ webhook }));
  expect(reason).toBe("INVALID_REQUEST");
  const of = "run.plan.actions[0].condition.webhook";
  expect(fields).toEqual([`${of}.url`, `${of}.secret`, `${of}.payload`, `${of}.headers["Host"]`]);
});

describe("a webhook over time", () => {
  let clock: FakeClock;
  let timed: TestServer;
  beforeEach(async () => {
    clock = new FakeClock();
    timed = await TestServer.start({ deliveries: { allowsInside: true }, clock });
  });
  afterEach(() => timed.close());

  test("is posted each escalation, with a link in the name of whose turn it is", async () => {
    const escalations = [
      { after: { seconds: 60n }, notify: ["ops"] },
      { after: { seconds: 120n }, assignee: "boss" },
    ];
    const asked = { assignee: "ana", escalations, answerRule: { requiredCount: 2 } };
    const runId = await ask({ webhook: { url: receiver.url() }, ...asked }, timed);
    await until("it came", () => receiver.posts.length === 1);
    await clock.advance(60_000);
    await until("the first step came", () => receiver.posts.length === 2);
    await clock.advance(60_000);
    await until("the second step came", () => receiver.posts.length === 3);
    const escalated = "signalbox.condition.escalated";
    expect(typesOf()).toEqual(["signalbox.condition.paused", escalated, escalated]);
    // What was posted before the second step stays in the name of whose turn it was then.
    for (const post of receiver.posts.slice(1)) await postJson(bodyOf(post).callback_uri, { value: false });
    const { condition } = await timed.conditions.getCondition({ runId, name: "ask" });
    expect(condition?.answers).toMatchObject([{ subject: "ana" }, { subject: "boss" }]);
  });

  test("is not posted any more how it ended once it asks again", async () => {
    receiver.answer = () => ({ status: 500 });
    const runId = await ask({ webhook: { url: receiver.url() } }, timed);
    await until("it came", () => receiver.posts.length === 1);
    const value = { kind: { case: "boolValue" as const, value: true } };
    await timed.conditions.signalCondition({ runId, name: "ask", value });
    await until("its end came", () => typesOf().includes("signalbox.condition.ended"));
    receiver.answer = () => ({ status: 200 });
    await timed.runs.retryRun({ runId, force: true, all: true });
    await until("it came again", () => typesOf().at(-1) === "signalbox.condition.paused");
    await until("the end is given up", async () => {
      await clock.advance(10_000);
      return (await eventsOf(runId, "webhookPosted", timed)).length === 2;
    });
    const told = await eventsOf(runId, "webhookPosted", timed);
    expect(told.map(({ cause }) => cause).sort()).toEqual(["", "INSTANCE_CHANGED"]);
  });

  test("that never answers well is posted 20 times over about a day, and then given up", async () => {
    receiver.answer = () => ({ status: 500 });
    const beganMs = clock.nowMs();
    const runId = await ask({ webhook: { url: receiver.url() } }, timed);
    const given = () => eventsOf(runId, "webhookPosted", timed);
    let tries = 0;
    while ((await given()).length === 0) {
      tries += 1;
      await until(
        `try ${tries} came`,
        async () => receiver.posts.length >= tries || (await given()).length > 0,
      );
      await until("it is settled", async () => {
        const { posts, nextMs } = await timed.store.duePosts(clock.nowMs(), 1);
        return posts.length === 0 && (nextMs !== undefined || (await given()).length > 0);
      });
      const { nextMs } = await timed.store.duePosts(clock.nowMs(), 1);
      if (nextMs !== undefined) await clock.advance(nextMs - clock.nowMs());
    }
    expect(receiver.posts).toHaveLength(20);
    expect(await given()).toMatchObject([{ deliveryCount: 20, cause: "the receiver answered 500" }]);
    const hours = (clock.nowMs() - beganMs) / 3_600_000;
    expect(hours).toBeGreaterThan(20);
    expect(hours).toBeLessThan(28);
  });

  test("whose deadline is moved has links that are good for as long as it waits", async () => {
    const runId = await ask({ timeout: { seconds: 60n } }, timed);
    const link = await linkTo(runId, {}, timed);
    const deadlineTime = timestampFromMs(clock.nowMs() + 600_000);
    await timed.conditions.extendCondition({ runId, name: "ask", deadlineTime });
    await clock.advance(120_000);
    expect((await postJson(link, { value: true })).status).toBe(200);
  });

  test("has links that expire: they are refused, and recorded when somebody posts to them", async () => {
    const webhook = { url: receiver.url(), linkLifetime: { seconds: 60n } };
    const runId = await ask({ webhook }, timed);
    await until("it came", () => receiver.posts.length === 1);
    const link = bodyOf(receiver.posts[0] as ReceivedPost).callback_uri;
    await clock.advance(59_999);
    expect((await getPage(link)).status).toBe(200);
    await clock.advance(1);
    expect(await getPage(link)).toMatchObject({
      status: 410,
      page: expect.stringContaining("time of this link is over"),
    });
    expect(await causesOf(runId, timed)).toEqual([]);
    const response = await postJson(link, { value: true });
    expect(response.status).toBe(410);
    expect(await response.json()).toMatchObject({ reason: "LINK_EXPIRED", domain: "signalbox" });
    expect(await causesOf(runId, timed)).toEqual(["LINK_EXPIRED"]);
    expect(await stateOf(runId, timed)).toBe(Run_State.RUNNING);
  });
});

describe("an answer link", () => {
  test("answers once: used again it is refused and recorded, with the same value too", async () => {
    const runId = await ask();
    const link = await linkTo(runId);
    expect((await postJson(link, { value: true })).status).toBe(200);
    for (const value of [true, false]) {
      const again = await postJson(link, { value });
      expect(again.status).toBe(409);
      expect(await again.json()).toMatchObject({
        reason: "LINK_USED",
        metadata: { run_id: runId, action: "ask" },
      });
    }
    expect((await getPage(link)).status).toBe(409);
    expect(await causesOf(runId)).toEqual(["LINK_USED", "LINK_USED"]);
    expect((await conditionOf(runId))?.answer?.kind).toEqual({ case: "boolValue", value: true });
  });

  test("posted to many times at once answers once", async () => {
    const runId = await ask();
    const link = await linkTo(runId);
    const responses = await Promise.all(Array.from({ length: 10 }, () => postJson(link, { value: true })));
    expect(responses.map(({ status }) => status).filter((status) => status === 409)).toHaveLength(9);
    expect(responses.some(({ status }) => status === 200)).toBe(true);
  });

  test("of a condition that somebody else has answered is used up", async () => {
    const runId = await ask();
    const [one, other] = [await linkTo(runId), await linkTo(runId)];
    expect((await postJson(one, { value: true })).status).toBe(200);
    expect(await reasonOf(await postJson(other, { value: false }))).toBe("LINK_USED");
  });

  test("of a condition that was opened again is used up, whatever it was used for", async () => {
    const runId = await ask();
    const [used, unused] = [await linkTo(runId), await linkTo(runId)];
    await postJson(used, { value: true });
    await server.runs.retryRun({ runId, force: true, all: true });
    await until("it is open again", async () => (await conditionOf(runId))?.instance === 2);
    for (const link of [used, unused]) {
      expect((await fetch(link)).status).toBe(409);
      expect((await postJson(link, { value: false })).status).toBe(409);
    }
    const fresh = await linkTo(runId);
    expect((await postJson(fresh, { value: false })).status).toBe(200);
    expect((await conditionOf(runId))?.answer?.kind).toEqual({ case: "boolValue", value: false });
  });

  test("gives one of the answers that a condition takes, and stands for one voter", async () => {
    const runId = await ask({ answerRule: { requiredCount: 2 } });
    const [ana, again, bob] = await Promise.all(
      ["ana", "ana", "bob"].map((subject) => linkTo(runId, { subject })),
    );
    const first = await postJson(ana as string, { value: true });
    expect(await first.json()).toMatchObject({ decided: false });
    expect((await postJson(ana as string, { value: false })).status).toBe(409);
    expect((await postJson(again as string, { value: true })).status).toBe(409);
    expect(await stateOf(runId)).toBe(Run_State.RUNNING);
    expect(await (await postJson(bob as string, { value: true })).json()).toMatchObject({ decided: true });
    expect(await causesOf(runId)).toEqual(["LINK_USED", "LINK_USED"]);
  });

  test("that was changed is refused and recorded with the condition that it names, if there is one", async () => {
    const runId = await ask();
    const link = await linkTo(runId);
    const changed = `${link.slice(0, -1)}${link.endsWith("A") ? "B" : "A"}`;
    for (const method of ["GET", "POST"]) {
      const response = method === "GET" ? await fetch(changed) : await postJson(changed, { value: true });
      expect(response.status).toBe(403);
      expect(await reasonOf(response)).toBe("LINK_INVALID");
    }
    expect(await causesOf(runId)).toEqual(["LINK_INVALID", "LINK_INVALID"]);
    expect((await fetch(`${server.url}/answer/`)).status).toBe(403);
    expect(await stateOf(runId)).toBe(Run_State.RUNNING);
  });

  test("is answered by nobody who only looks, however often", async () => {
    const runId = await ask();
    const link = await linkTo(runId);
    for (const method of ["GET", "HEAD", "GET", "HEAD"]) {
      const { status, page } = await getPage(`${link}?value=true&comment=x`, method);
      expect(status).toBe(200);
      expect(page === "").toBe(method === "HEAD");
    }
    expect(await stateOf(runId)).toBe(Run_State.RUNNING);
    expect((await conditionOf(runId))?.answers).toEqual([]);
    expect(await causesOf(runId)).toEqual([]);
  });

  test.each([
    { given: "another method", init: { method: "PUT", body: "{}" }, status: 405 },
    { given: "another content type", init: { method: "POST", body: "true" }, status: 415 },
    {
      given: "no JSON",
      init: { method: "POST", headers: { "content-type": "application/json" }, body: "{" },
      status: 400,
    },
    {
      given: "a body that is too long",
      init: {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: `"${"x".repeat(70_000)}"`,
      },
      status: 413,
    },
    {
      given: "an empty form",
      init: { method: "POST", headers: { "content-type": "application/x-www-form-urlencoded" }, body: "" },
      status: 400,
    },
  ])("refuses $given with $status, and is still good", async ({ init, status }) => {
    const runId = await ask();
    const link = await linkTo(runId);
    const response = await fetch(link, init);
    expect(response.status).toBe(status);
    expect(await response.json()).toMatchObject({ reason: "INVALID_REQUEST", message: expect.any(String) });
    if (status === 405) expect(response.headers.get("allow")).toBe("GET, HEAD, POST");
    expect(await causesOf(runId)).toEqual([]);
    expect((await postJson(link, { value: false })).status).toBe(200);
  });

  test("tells all in which a value does not keep the schema, and is still good", async () => {
    const schema = { type: "object", required: ["a"], properties: { a: { type: "integer", minimum: 3 } } };
    const runId = await ask({ type: ValueType.JSON, schema });
    const link = await linkTo(runId);
    const response = await postJson(link, { value: { a: 1.5 } });
    expect(response.status).toBe(400);
    const { reason, violations } = (await response.json()) as {
      reason: string;
      violations: { field: string }[];
    };
    expect(reason).toBe("ANSWER_INVALID");
    expect(violations.map(({ field }) => field)).toEqual(["value/a", "value/a"]);
    expect((await postJson(link, { value: { a: 3 } })).status).toBe(200);
  });

  test("shows programs what is asked", async () => {
    const choices = [{ value: { kind: { case: "intValue" as const, value: 2n ** 60n } }, label: "Many" }];
    const runId = await ask({
      type: ValueType.INT,
      choices,
      link: "https://a.example/b",
      timeout: { seconds: 60n },
    });
    const response = await fetch(await linkTo(runId));
    expect(response.headers.get("content-type")).toBe("application/json");
    expect(await response.json()).toEqual({
      namespace: "default",
      runId,
      name: "ask",
      instance: 1,
      type: "int",
      prompt: "Go on?",
      description: "",
      link: "https://a.example/b",
      choices: [{ value: "1152921504606846976", label: "Many", description: "" }],
      deadlineTime: expect.stringMatching(/Z$/),
    });
  });

  test("is served over HTTP/2 as well", async () => {
    const runId = await ask();
    const link = new URL(await linkTo(runId));
    const session = connectHttp2(link.origin);
    const call = async (headers: Record<string, string>, body?: string) => {
      const stream = session.request({ ":path": link.pathname, ...headers });
      stream.end(body);
      let text = "";
      let status = 0;
      stream.on("response", (answer) => (status = Number(answer[":status"])));
      for await (const chunk of stream.setEncoding("utf8")) text += chunk as string;
      return { status, text };
    };
    const post = { ":method": "POST", "content-type": "application/json" };
    expect(await call({ ":method": "GET", accept: "text/html" })).toMatchObject({
      status: 200,
      text: expect.stringContaining("<form"),
    });
    expect(await call(post, `"${"x".repeat(70_000)}"`)).toMatchObject({ status: 413 });
    expect(await call(post, '{"value": true}')).toMatchObject({ status: 200 });
    session.close();
    expect(await stateOf(runId)).toBe(Run_State.SUCCEEDED);
  });

  test("stands in no log line", async () => {
    const runId = await ask();
    const link = await linkTo(runId);
    const token = link.slice(link.lastIndexOf("/") + 1);
    await getPage(link);
    await postJson(link, { value: true });
    await postJson(link, { value: true });
    await postJson(`${link}A`, { value: true });
    await fetch(`${server.url}/elsewhere/answer/${token}`);
    await until("it is logged", () => server.logged.includes("/elsewhere/answer/..."));
    expect(server.logged).toContain("/answer/...");
    expect(server.logged).not.toContain(token.slice(0, 20));
    expect(server.logged).not.toContain(token.slice(-20));
  });

  test("leads to the public address, and is served with or without its path in front", async () => {
    const proxied = await TestServer.start({ publicUrl: "https://box.example/run/" });
    const runId = await ask({}, proxied);
    const link = await linkTo(runId, {}, proxied);
    expect(link.startsWith("https://box.example/run/answer/")).toBe(true);
    const path = link.slice("https://box.example/run".length);
    expect((await fetch(`${proxied.url}${path}`)).status).toBe(200);
    expect((await postJson(`${proxied.url}/run${path}`, { value: true })).status).toBe(200);
    await proxied.close();
  });
});

describe("an answer link whose condition changes while it is posted to", () => {
  /** Lets nobody read an action before the test says so. */
  class GatedStore extends MemoryStore {
    gate: Promise<void> | undefined;
    waitingCount = 0;
    override async action(...of: Parameters<MemoryStore["action"]>) {
      const action = await super.action(...of);
      this.waitingCount += 1;
      await this.gate;
      return action;
    }
  }

  /** Posts one answer some times, and does something between the look at the question and the answer. */
  async function postBehind(
    count: number,
    meanwhile: (gated: TestServer, runId: string) => Promise<unknown>,
  ) {
    const store = new GatedStore();
    const gated = await TestServer.start({ store });
    const runId = await ask({}, gated);
    const link = await linkTo(runId, {}, gated);
    const { promise, resolve: open } = Promise.withResolvers<void>();
    store.gate = promise;
    store.waitingCount = 0;
    const posts = Array.from({ length: count }, () => postJson(link, { value: true }));
    await until("all have read the question", () => store.waitingCount === count);
    await meanwhile(gated, runId);
    store.gate = undefined;
    open();
    const statuses = (await Promise.all(posts)).map(({ status }) => status);
    const causes = await causesOf(runId, gated);
    const state = await stateOf(runId, gated);
    await gated.close();
    return { statuses: statuses.sort((one, other) => one - other), causes, state };
  }

  test("answers once, also with the same answer", async () => {
    expect(await postBehind(2, async () => undefined)).toEqual({
      statuses: [200, 409],
      causes: ["LINK_USED"],
      state: Run_State.SUCCEEDED,
    });
  });

  test("does not answer what was opened again meanwhile", async () => {
    const reopen = async (gated: TestServer, runId: string) => {
      await gated.runs.cancelRun({ runId });
      await gated.runs.retryRun({ runId });
    };
    expect(await postBehind(1, reopen)).toEqual({
      statuses: [409],
      causes: ["LINK_USED"],
      state: Run_State.RUNNING,
    });
  });
});

test("whoever guesses at links is told to wait, and those who have one are not", async () => {
  const clock = new FakeClock();
  const guarded = await TestServer.start({ clock });
  const runId = await ask({}, guarded);
  const link = await linkTo(runId, {}, guarded);
  const statuses: number[] = [];
  for (let count = 0; count < 22; count += 1)
    statuses.push((await fetch(`${guarded.url}/answer/a.b`)).status);
  expect(statuses).toEqual([...Array<number>(20).fill(403), 429, 429]);
  expect((await getPage(link)).status).toBe(200);
  await clock.advance(60_000);
  const later = await fetch(`${guarded.url}/answer/a.b`);
  expect(later.status).toBe(403);
  await guarded.close();
});

describe("the form of a link", () => {
  test("shows the question, lets nothing else in, and leaks nothing", async () => {
    const nasty = `<script>alert("1")</script> & 'so'`;
    const runId = await ask({ prompt: nasty, description: nasty, link: "https://a.example/?a=<b>" });
    const { status, headers, page } = await getPage(await linkTo(runId));
    expect(status).toBe(200);
    expect(page).not.toContain("<script");
    expect(page).toContain("&lt;script&gt;alert(&quot;1&quot;)&lt;/script&gt; &amp; &#39;so&#39;");
    expect(page).toContain('href="https://a.example/?a=&lt;b&gt;" rel="noopener noreferrer"');
    expect(Object.fromEntries(headers)).toMatchObject({
      "content-type": "text/html; charset=utf-8",
      "cache-control": "no-store",
      "referrer-policy": "no-referrer",
      "x-content-type-options": "nosniff",
      "x-frame-options": "DENY",
    });
    const policy = headers.get("content-security-policy") ?? "";
    expect(policy).toMatch(/^default-src 'none'; style-src 'sha256-[\w+/]{43}='; form-action 'self'; /);
    expect(policy).toContain("frame-ancestors 'none'");
  });

  const text = (value: string) => ({ kind: { case: "stringValue" as const, value } });

  test.each<{ given: string; spec: SpecInit; shows: string; fields: Record<string, string>; gives: unknown }>(
    [
      {
        given: "a bool",
        spec: {},
        shows: '<button type="submit" name="value" value="true">Yes</button>',
        fields: { value: "false", comment: "not yet" },
        gives: { case: "boolValue", value: false },
      },
      {
        given: "a bool with choices",
        spec: { choices: [{ value: { kind: { case: "boolValue", value: true } }, label: "Ship it" }] },
        shows: ">Ship it</button>",
        fields: { value: "true" },
        gives: { case: "boolValue", value: true },
      },
      {
        given: "an int",
        spec: { type: ValueType.INT },
        shows: 'inputmode="numeric"',
        fields: { value: "9007199254740993" },
        gives: { case: "intValue", value: 9007199254740993n },
      },
      {
        given: "a float",
        spec: { type: ValueType.FLOAT },
        shows: 'inputmode="decimal"',
        fields: { value: "2.5" },
        gives: { case: "floatValue", value: 2.5 },
      },
      {
        given: "a text",
        spec: { type: ValueType.STRING },
        shows: '<textarea id="value" name="value"',
        fields: { value: "one\r\ntwo" },
        gives: { case: "stringValue", value: "one\ntwo" },
      },
      {
        given: "one of the choices",
        spec: { type: ValueType.STRING, choices: [{ value: text("r"), label: "Red" }, { value: text("b") }] },
        shows: '<input type="radio" name="choice" value="1" required>\nb',
        fields: { choice: "1", value: "" },
        gives: { case: "stringValue", value: "b" },
      },
      {
        given: "none of the choices",
        spec: { type: ValueType.STRING, choices: [{ value: text("r"), label: "Red" }] },
        shows: "Another answer",
        fields: { choice: "other", value: "green" },
        gives: { case: "stringValue", value: "green" },
      },
      {
        given: "JSON",
        spec: { type: ValueType.JSON, schema: { type: "object" } },
        shows: "JSON Schema",
        fields: { value: '{"a": ["<b>"]}' },
        gives: { case: "jsonValue", value: { kind: { case: "structValue" } } },
      },
    ],
  )("answers with $given, and says what was recorded", async ({ spec, shows, fields, gives }) => {
    const runId = await ask(spec);
    const link = await linkTo(runId);
    const { page } = await getPage(link);
    expect(page).toContain(shows);
    expect(page).toContain('<label for="comment">');
    const sent = await sendForm(link, fields);
    expect(sent.status).toBe(200);
    expect(sent.page).toContain("Your answer is recorded");
    expect(sent.page).not.toContain("<b>");
    expect((await conditionOf(runId))?.answer?.kind).toMatchObject(gives as object);
    expect(await sendForm(link, fields)).toMatchObject({
      status: 409,
      page: expect.stringContaining("This link is used up"),
    });
  });

  test("comes again with what was wrong and what was written", async () => {
    const runId = await ask({ type: ValueType.INT, schema: { maximum: 5 } });
    const link = await linkTo(runId);
    const wrong = await sendForm(link, { value: '"<6>', comment: "</textarea><i>" });
    expect(wrong.status).toBe(400);
    expect(wrong.page).toContain('role="alert"');
    expect(wrong.page).toContain("must be a whole number of 64 bits");
    expect(wrong.page).toContain('value="&quot;&lt;6&gt;"');
    expect(wrong.page).toContain("&lt;/textarea&gt;&lt;i&gt;</textarea>");
    const tooLarge = await sendForm(link, { value: "6" });
    expect(tooLarge).toMatchObject({ status: 400, page: expect.stringContaining('value="6"') });
    expect((await sendForm(link, { value: "5" })).status).toBe(200);
  });
});
