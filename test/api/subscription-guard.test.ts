import { describe, expect, test } from "vitest";
import { EventKind } from "../../gen/signalbox/v1/event_pb.ts";
import { subjectFault, subjectOf } from "../../src/api/delivery/nats-subject.ts";
import { AddressForbidden, isInside, TargetGuard } from "../../src/api/delivery/target-guard.ts";
import { addressFault, secretFault } from "../../src/api/delivery/webhook-content.ts";
import { until } from "../support/fake-clock.ts";
import { eventOf } from "../support/fake-store.ts";
import { refusalIn, TestServer } from "../support/test-server.ts";
import { WebhookReceiver } from "../support/webhook-receiver.ts";

describe("an address", () => {
  test.each([
    "127.0.0.1",
    "127.9.9.9",
    "0.0.0.0",
    "10.1.2.3",
    "172.16.0.1",
    "172.31.255.255",
    "192.168.0.1",
    "169.254.169.254",
    "100.64.0.1",
    "224.0.0.1",
    "255.255.255.255",
    "::1",
    "::",
    "::ffff:127.0.0.1",
    "::ffff:a9fe:a9fe",
    "64:ff9b::a00:1",
    "2002:7f00:1::",
    "fe80::1",
    "fd00::1",
    "ff02::1",
  ])("%s is inside", (address) => {
    expect(isInside(address)).toBe(true);
  });

  test.each([
    "1.1.1.1",
    "172.32.0.1",
    "100.128.0.1",
    "93.184.216.34",
    "2606:4700:4700::1111",
    "2a00:1450::1",
  ])("%s is public", (address) => {
    expect(isInside(address)).toBe(false);
  });
});

describe("the guard", () => {
  const guard = new TargetGuard({ allowsInside: false });

  test.each([
    { url: "http://127.0.0.1:80/x", gives: "127.0.0.1" },
    { url: "http://[::1]/x", gives: "::1" },
    { url: "http://0x7f.1/", gives: "127.0.0.1" },
    { url: "http://2130706433/", gives: "127.0.0.1" },
    { url: "http://[::ffff:10.0.0.1]/", gives: "::ffff:a00:1" },
    { url: "http://1.1.1.1/", gives: undefined },
    { url: "http://nobody.invalid/", gives: undefined },
  ])("says of $url: $gives", async ({ url, gives }) => {
    expect(await guard.forbidden(url)).toBe(gives);
  });

  test("looks names up, and does so again for each connection", async () => {
    expect(await guard.forbidden("http://localhost:1/")).toMatch(/^localhost \((127\.0\.0\.1|::1)\)$/);
    for (const options of [{}, { all: true }] as const) {
      const error = await new Promise((resolve) => guard.lookup("localhost", options, resolve));
      expect(error).toBeInstanceOf(AddressForbidden);
    }
    expect(() => guard.check("http://127.0.0.1/")).toThrow(AddressForbidden);
  });

  test("lets everything pass where that is allowed", async () => {
    const open = new TargetGuard({ allowsInside: true });
    expect(await open.forbidden("http://127.0.0.1/")).toBeUndefined();
    const found = await new Promise((resolve) => {
      open.lookup("127.0.0.1", {}, (error, address) => resolve(error ?? address));
    });
    expect(found).toBe("127.0.0.1");
  });

  test("refuses a webhook inside when it is created: ADDRESS_FORBIDDEN", async () => {
    const server = await TestServer.start({ deliveries: { allowsInside: false } });
    const target = { case: "webhook", value: { url: "http://169.254.169.254/latest" } } as const;
    const refusal = await refusalIn(
      server.subscriptions.createSubscription({ subscription: { name: "s", target } }),
    );
    expect(refusal).toMatchObject({
      code: "InvalidArgument",
      reason: "ADDRESS_FORBIDDEN",
      metadata: { address: "169.254.169.254" },
    });
    await server.close();
  });

  test("stops a webhook whose name leads inside by now, at the connection", async () => {
    const receiver = await WebhookReceiver.start();
    const server = await TestServer.start({ deliveries: { allowsInside: false } });
    const content = {
      filter: { namespace: "default", runId: "", kinds: [], labels: {}, topics: [] },
      ackTimeoutMs: 1_000,
      deliveriesMax: 1,
      inFlightMax: 1,
      initialBackoffMs: 1,
      maxBackoffMs: 1,
    };
    for (const [name, host] of [
      ["by-name", "localhost"],
      ["by-address", "127.0.0.1"],
    ] as const) {
      const url = receiver.url().replace("127.0.0.1", host);
      // As one that was created while its name led elsewhere.
      await server.engine.execute({
        kind: "createSubscription",
        request: { requestId: "", digest: "" },
        namespace: "default",
        name,
        content: { ...content, target: { kind: "webhook", url, secret: "x", timeoutMs: 1_000 } },
        through: 0,
      });
    }
    await server.events.publishEvents({ events: [{ published: { source: "test", type: "a" } }] });
    for (const name of ["by-name", "by-address"]) {
      const letters = async () => (await server.subscriptions.listDeadLetters({ name })).deadLetters;
      await until(`${name} was set aside`, async () => (await letters()).length > 0);
      expect((await letters())[0]?.cause).toContain("an address inside");
    }
    expect(receiver.posts).toEqual([]);
    await server.close();
    receiver.close();
  });
});

describe("what is stated of a target", () => {
  test.each([
    { template: "signalbox.{topic}", gives: undefined },
    { template: "a.{namespace}.{run_id}.b", gives: undefined },
    { template: "a.{action}", gives: /braces/ },
    { template: "a.{topic", gives: /braces/ },
    { template: "a b", gives: /spaces/ },
    { template: "a.>", gives: /spaces/ },
    { template: "a..b", gives: /single dots/ },
    { template: ".a", gives: /single dots/ },
    { template: "$JS.API", gives: /\$/ },
  ])("the subject $template: $gives", ({ template, gives }) => {
    const fault = subjectFault(template);
    if (gives === undefined) expect(fault).toBeUndefined();
    else expect(fault).toMatch(gives);
  });

  test.each([
    { event: { runId: "r.1", delivery: { topic: "a.b", attributes: {} } }, gives: "x.a.b.default.r_1" },
    { event: { runId: "", delivery: undefined }, gives: "x._.default._" },
  ])("the subject of an event of run '$event.runId' is $gives", ({ event, gives }) => {
    expect(subjectOf("x.{topic}.{namespace}.{run_id}", { ...eventOf("r", 1), ...event })).toBe(gives);
  });

  test.each([
    { url: "https://example.com/a?b=c", gives: undefined },
    { url: "https://", gives: /address/ },
    { url: "ftp://example.com", gives: /http or https/ },
    { url: "https://user:pass@example.com", gives: /password/ },
  ])("the address $url: $gives", ({ url, gives }) => {
    const fault = addressFault(url);
    if (gives === undefined) expect(fault).toBeUndefined();
    else expect(fault).toMatch(gives);
  });

  test.each([
    { secret: "anything", gives: undefined },
    { secret: "whsec_YQ==", gives: undefined },
    { secret: "whsec_", gives: /base64/ },
    { secret: "whsec_*", gives: /base64/ },
  ])("the secret $secret: $gives", ({ secret, gives }) => {
    const fault = secretFault(secret);
    if (gives === undefined) expect(fault).toBeUndefined();
    else expect(fault).toMatch(gives);
  });

  test("is refused with the fields that are wrong: INVALID_REQUEST", async () => {
    const server = await TestServer.start({ deliveries: { allowsInside: true } });
    const create = (target: object) =>
      refusalIn(server.subscriptions.createSubscription({ subscription: { name: "s", target } as never }));
    const webhook = await create({ case: "webhook", value: { url: "https://a:b@c", secret: "whsec_*" } });
    expect(webhook.fields).toEqual(["subscription.webhook.url", "subscription.webhook.secret"]);
    const nats = await create({ case: "nats", value: { subject: "a.>" } });
    expect(nats).toMatchObject({ reason: "INVALID_REQUEST", fields: ["subscription.nats.subject"] });
    const unconfigured = await create({ case: "nats", value: {} });
    expect(unconfigured).toMatchObject({ code: "FailedPrecondition", reason: "NATS_NOT_CONFIGURED" });
    const ids = { name: "s", eventIds: ["12", "ffffffffffffffff", "000000000000000a"] };
    const release = await refusalIn(server.subscriptions.releaseDeadLetters(ids));
    expect(release.fields).toEqual(["event_ids[0]", "event_ids[1]"]);
    expect(EventKind.PUBLISHED).toBeGreaterThan(0);
    await server.close();
  });
});
