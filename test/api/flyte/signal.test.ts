import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ActionsService } from "../../../gen/flyteidl2/actions/actions_service_pb.ts";
import { SimpleType } from "../../../gen/flyteidl2/core/types_pb.ts";
import { type EventPayload, RunService } from "../../../gen/flyteidl2/workflow/run_service_pb.ts";
import { runKey } from "../../../src/core/name.ts";
import {
  actionId,
  condition,
  FlyteServer,
  faultIn,
  namespaceOfRun,
  runId,
  task,
} from "../../support/flyte-clients.ts";
import { WebhookReceiver } from "../../support/webhook-receiver.ts";

let flyte: FlyteServer;

beforeAll(async () => {
  flyte = await FlyteServer.start();
});
afterAll(() => flyte.server.close());

type Payload = EventPayload["value"];

function signal(run: string, name: string, value: Payload, parent = "a0") {
  const payload = value.case === undefined ? {} : { payload: { value } };
  return flyte.runs.signalEvent({ actionId: actionId(run, name), parentActionName: parent, ...payload });
}

const yes: Payload = { case: "boolValue", value: true };
const no: Payload = { case: "boolValue", value: false };

describe("SignalEvent", () => {
  test.each([
    { type: SimpleType.BOOLEAN, payload: yes, answer: { kind: "bool", value: true } },
    {
      type: SimpleType.INTEGER,
      payload: { case: "intValue", value: 2n ** 62n },
      answer: { kind: "int", value: "4611686018427387904" },
    },
    {
      type: SimpleType.FLOAT,
      payload: { case: "floatValue", value: 1.5 },
      answer: { kind: "float", value: 1.5 },
    },
    {
      type: SimpleType.STRING,
      payload: { case: "stringValue", value: "" },
      answer: { kind: "string", value: "" },
    },
  ] as const)("gives a condition of type $type an answer of its type", async ({ type, payload, answer }) => {
    const run = `answered-${type}`;
    await flyte.holdRun(run);
    await flyte.enqueue(run, "c1", condition("approve", type));
    await signal(run, "c1", payload);
    const action = await flyte.server.store.action(runKey(namespaceOfRun(run), run), "a0/c1");
    expect(action?.outputs).toEqual({ value: answer });
    expect(action?.state).toBe("SUCCEEDED");
  });

  test("is seen by the next list, and finds the parent by itself", async () => {
    await flyte.holdRun("seen");
    await flyte.enqueue("seen", "c1", condition("approve"));
    const before = await flyte.runs.listActions({ runId: runId("seen"), request: { limit: 10 } });
    expect(before.actions.find(({ id }) => id?.name === "c1")?.status?.phase).toBe(9);
    await signal("seen", "c1", yes, "");
    const { actions } = await flyte.runs.listActions({ runId: runId("seen"), request: { limit: 10 } });
    expect(actions.find(({ id }) => id?.name === "c1")?.status?.phase).toBe(5);
  });

  test("is refused by what is wrong first, as Flyte's own server does", async () => {
    const run = "refused";
    await flyte.holdRun(run);
    await flyte.enqueue(run, "open", condition("open", SimpleType.FLOAT));
    await flyte.enqueue(run, "answered", condition("answered"));
    await flyte.enqueue(run, "aborted", condition("aborted"));
    await flyte.enqueue(run, "sub", task("sub"));
    await signal(run, "answered", yes);
    await flyte.runs.abortAction({ actionId: actionId(run, "aborted"), reason: "changed my mind" });
    await signal(run, "answered", yes);
    const none: Payload = { case: undefined };
    const one: Payload = { case: "intValue", value: 1n };
    const cases = [
      { name: "nowhere", value: none, code: "InvalidArgument", says: "concrete bool/int/float/str" },
      { name: "nowhere", value: yes, code: "NotFound", says: "not found" },
      { name: "a0", value: yes, code: "FailedPrecondition", says: "is not a condition" },
      { name: "sub", value: yes, code: "FailedPrecondition", says: "is not a condition" },
      { name: "answered", value: no, code: "FailedPrecondition", says: "already signalled with a different" },
      {
        name: "answered",
        value: one,
        code: "FailedPrecondition",
        says: "already signalled with a different",
      },
      { name: "aborted", value: one, code: "FailedPrecondition", says: "already completed" },
      { name: "open", value: one, code: "InvalidArgument", says: "does not match declared condition type" },
    ] as const;
    for (const { name, value, code, says } of cases) {
      const fault = await faultIn(signal(run, name, value));
      expect(fault, `${name} ${value.case}`).toEqual({ code, message: expect.stringContaining(says) });
    }
    const elsewhere = await faultIn(signal("no-such-run", "c1", yes));
    expect(elsewhere.code).toBe("NotFound");
  });

  test("says in whose name it was, as headers that a load balancer sets say it", async () => {
    await flyte.holdRun("named");
    await flyte.enqueue("named", "c1", condition("approve"));
    const claims = Buffer.from(JSON.stringify({ sub: "u1", email: "ana@example.com" })).toString("base64url");
    const payload = { value: yes };
    const headers = { "x-amzn-oidc-data": `e30.${claims}.c2ln` };
    await flyte.runs.signalEvent({ actionId: actionId("named", "c1"), payload }, { headers });
    const condition1 = await flyte.server.conditions.getCondition({
      namespace: namespaceOfRun("named"),
      runId: "named",
      name: "a0/c1",
    });
    expect(condition1.condition?.signalledBy).toBe("ana@example.com");
    const { details } = await flyte.runs.getActionDetails({ actionId: actionId("named", "c1") });
    const result = details?.result;
    const by = result?.case === "signalInfo" ? result.value.signalledBy?.principal : undefined;
    expect(by?.case === "user" ? by.value.id?.subject : undefined).toBe("ana@example.com");
  });

  test("through ActionsService takes a literal", async () => {
    await flyte.holdRun("literal");
    await flyte.enqueue("literal", "c1", condition("count", SimpleType.INTEGER));
    await flyte.actions.signal({
      actionId: actionId("literal", "c1"),
      value: {
        value: {
          case: "scalar",
          value: { value: { case: "primitive", value: { value: { case: "integer", value: 7n } } } },
        },
      },
    });
    const { outputs } = await flyte.data.getActionData({ actionId: actionId("literal", "c1") });
    expect(outputs?.literals.map(({ name }) => name)).toEqual(["o0"]);
  });
});

describe("a condition of Flyte", () => {
  test("stands in the inbox and is answered there", async () => {
    await flyte.holdRun("inbox");
    await flyte.enqueue(
      "inbox",
      "c1",
      condition("approve", SimpleType.BOOLEAN, { description: "Look first." }),
    );
    const { conditions } = await flyte.server.conditions.listConditions({
      filter: { namespace: namespaceOfRun("inbox"), runId: "inbox" },
    });
    expect(
      conditions.map(({ name, spec }) => ({ name, prompt: spec?.prompt, description: spec?.description })),
    ).toEqual([{ name: "a0/c1", prompt: "Go on?", description: "Look first." }]);
    await flyte.server.conditions.signalCondition({
      namespace: namespaceOfRun("inbox"),
      runId: "inbox",
      name: "a0/c1",
      value: { kind: { case: "boolValue", value: true } },
    });
    const { actions } = await flyte.runs.listActions({ runId: runId("inbox"), request: { limit: 10 } });
    expect(actions.find(({ id }) => id?.name === "c1")?.status?.phase).toBe(5);
  });

  test("posts its webhook, and is answered at the address in it", async () => {
    const receiver = await WebhookReceiver.start();
    const inside = await FlyteServer.start({ deliveries: { allowsInside: true } });
    try {
      await inside.holdRun("hook");
      const payload = { text: "Go on?", buttons: [{ url: "{callback_uri}" }] };
      const webhook = { url: receiver.url(), payload };
      await inside.enqueue("hook", "c1", condition("approve", SimpleType.BOOLEAN, { webhook }));
      await expect.poll(() => receiver.posts.length).toBe(1);
      const { text, buttons } = JSON.parse(receiver.posts[0]?.body ?? "{}");
      expect(text).toBe("Go on?");
      const headers = { "content-type": "application/json" };
      const body = JSON.stringify({ value: true });
      expect((await fetch(buttons[0].url, { method: "POST", headers, body })).status).toBe(200);
      const { actions } = await inside.runs.listActions({ runId: runId("hook"), request: { limit: 10 } });
      expect(actions.find(({ id }) => id?.name === "c1")?.status?.phase).toBe(5);
    } finally {
      await inside.server.close();
      receiver.close();
    }
  });

  test("is the same over gRPC on HTTP/2", async () => {
    await flyte.holdRun("grpc");
    const grpc = flyte.server.client(ActionsService);
    const spec = condition("approve");
    await grpc.enqueue({ action: { actionId: actionId("grpc", "c1"), parentActionName: "a0", spec } });
    const runs = flyte.server.client(RunService);
    await runs.signalEvent({ actionId: actionId("grpc", "c1"), payload: { value: yes } });
    const { details } = await runs.getActionDetails({ actionId: actionId("grpc", "c1") });
    expect(details?.status?.phase).toBe(5);
  });
});
