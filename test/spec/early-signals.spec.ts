import { describe, expect, test } from "vitest";
import type { CommandOf } from "../../src/core/command.ts";
import { keyedSignalsMax } from "../../src/core/conditions/condition-limits.ts";
import { standingOf } from "../../src/core/conditions/standing.ts";
import type { ConditionTerms } from "../../src/core/conditions/terms.ts";
import { aCondition, answerRule, aTask, bool, by, noRequest, terms, text } from "../support/builders.ts";
import { type Done, type theRun, World } from "../support/world.ts";

const theKey = "order-7";

function running(): World {
  const world = new World();
  world.create({ createdBy: "rita", plan: [aTask("a")] });
  world.attach();
  world.start();
  return world;
}

/** A signal for the key, kept for 10 s unless said. */
function signalKey(
  world: World,
  value = bool(true),
  parts: Partial<CommandOf<"signalByKey">> = {},
): Done<"signalByKey"> {
  return world.do<"signalByKey">({
    kind: "signalByKey",
    request: noRequest,
    namespace: "default",
    correlationKey: theKey,
    value,
    by: by("ana"),
    keepForMs: 10_000,
    ...parts,
  });
}

const keyed = (name: string, parts: Partial<ConditionTerms> = {}) =>
  aCondition(name, { terms: terms({ correlationKey: theKey, ...parts }) });

/** What makes a signal of no use to the condition that opens, however it was kept. */
const useless = [
  { cause: "TOO_EARLY", type: "bool", asked: { dropsEarly: true } },
  { cause: "SIGNAL_TYPE_MISMATCH", type: "string", asked: {} },
  { cause: "ANSWER_INVALID", type: "bool", asked: { schema: { const: false } } },
  { cause: "NOT_ALLOWED", type: "bool", asked: { rule: answerRule({ subjects: ["eve"] }) } },
] as const;

describe("a signal that was kept for a name", () => {
  test.each(useless)("is dropped as $cause when its condition opens, which goes on waiting", (row) => {
    const world = running();
    world.signal("a/c", bool(true), { by: by("ana") });
    world.add("a", aCondition("c", { type: row.type, terms: terms(row.asked) }));
    expect(world.action("a/c").state).toBe("PAUSED");
    expect(world.eventsOf("signal_dropped")).toMatchObject([
      { action: "a/c", detail: { cause: row.cause, correlationKey: undefined } },
    ]);
    expect(world.run().keptSignalCount).toBe(0);
  });

  test("is one answer of those that its condition takes", () => {
    const world = running();
    world.signal("a/c", bool(true), { by: by("ana") });
    world.at(3000);
    world.add("a", aCondition("c", { terms: terms({ rule: answerRule({ requiredCount: 2 }) }) }));
    expect(standingOf(world.action("a/c")).answers).toMatchObject([{ subject: "ana", timeMs: 0 }]);
    expect(world.action("a/c").state).toBe("PAUSED");
    expect(world.signal("a/c", bool(true), { by: by("ana") })).toMatchObject({ answer: { repeated: true } });
    world.signal("a/c", bool(true), { by: by("ben") });
    expect(world.action("a/c").state).toBe("SUCCEEDED");
  });

  test("is refused by a condition that is there and takes none from before it is open", () => {
    const world = new World();
    world.create({
      plan: [aTask("a"), aCondition("c", { after: ["a"], terms: terms({ dropsEarly: true }) })],
    });
    expect(world.signal("c", bool(true))).toMatchObject({
      refusal: { reason: "CONDITION_NOT_OPEN", action: "c", state: "PENDING" },
    });
    expect(world.run().keptSignalCount).toBe(0);
  });

  test("says who sent it", () => {
    const world = running();
    world.signal("a/c", bool(true), { by: by("ana", { signalledBy: "Ana" }) });
    expect(world.eventsOf("signal_kept")).toMatchObject([{ detail: { subject: "ana", signalledBy: "Ana" } }]);
  });

  test.each([
    { given: "wrong by the schema", signal: { value: bool(false) }, reason: "ANSWER_INVALID" },
    { given: "of somebody who may not answer", signal: { signer: by("eve") }, reason: "NOT_ALLOWED" },
    { given: "for an opening that cannot come", signal: { instance: 2 }, reason: "INSTANCE_CHANGED" },
    { given: "for the opening that comes", signal: { instance: 1 }, reason: undefined },
  ])("of a condition that waits, $given: $reason", ({ signal, reason }) => {
    const world = new World();
    const asked = { schema: { const: true }, rule: answerRule({ subjects: ["ana"] }) };
    world.create({ plan: [aTask("a"), aCondition("c", { after: ["a"], terms: terms(asked) })] });
    const { value = bool(true), signer = by("ana"), instance = 0 } = signal;
    const done = world.signal("c", value, { by: signer, instance });
    if (reason === undefined) expect(done).toMatchObject({ answer: { kept: true } });
    else expect(done).toMatchObject({ refusal: { reason } });
  });

  test.each([
    { instance: 1, reason: undefined },
    { instance: 2, reason: "INSTANCE_CHANGED" },
  ])("of a condition that is not there, for its opening $instance: $reason", ({ instance, reason }) => {
    const done = running().signal("a/c", bool(true), { instance });
    if (reason === undefined) expect(done).toMatchObject({ answer: { kept: true } });
    else expect(done).toMatchObject({ refusal: { reason, instance, currentInstance: 0 } });
  });

  test("of one that is asked for again counts for its next opening", () => {
    const world = running();
    world.add("a", aCondition("c"));
    world.signal("a/c", bool(true));
    world.succeed("a");
    world.retry({ force: true, all: true });
    world.start();
    expect(world.signal("a/c", bool(false), { instance: 1 })).toMatchObject({
      refusal: { reason: "INSTANCE_CHANGED", currentInstance: 2 },
    });
    expect(world.signal("a/c", bool(false), { instance: 2 })).toMatchObject({ answer: { kept: true } });
    world.add("a", aCondition("c"));
    expect(world.action("a/c")).toMatchObject({ state: "SUCCEEDED", outputs: { value: bool(false) } });
    expect(standingOf(world.action("a/c")).instance).toBe(2);
  });
});

describe("a signal for one that is asked for again and never was open", () => {
  test("is for its first opening", () => {
    const world = running();
    world.add("a", aTask("t"), aCondition("c", { after: ["t"] }));
    world.start();
    world.fail("a/t");
    expect(world.action("a/c").state).toBe("SKIPPED");
    world.succeed("a");
    world.retry({ force: true, all: true });
    world.start();
    expect(world.signal("a/c", bool(true), { instance: 2 })).toMatchObject({
      refusal: { reason: "INSTANCE_CHANGED", currentInstance: 1 },
    });
    expect(world.signal("a/c", bool(true), { instance: 1 })).toMatchObject({ answer: { kept: true } });
  });
});

describe("a signal by correlation key", () => {
  test("answers the one open condition that has it, in whatever run", () => {
    const world = new World();
    world.create({ plan: [keyed("c")] });
    expect(signalKey(world, bool(true), { keepForMs: undefined })).toMatchObject({
      answer: { action: { name: "c", state: "SUCCEEDED" }, kept: false, repeated: false },
    });
    expect(world.action("c").signalledBy).toBe("ana");
  });

  test("is checked as any other", () => {
    const world = new World();
    world.create({ plan: [keyed("c", { rule: answerRule({ subjects: ["eve"] }) })] });
    expect(signalKey(world)).toMatchObject({ refusal: { reason: "NOT_ALLOWED" } });
    expect(signalKey(world, text("x"))).toMatchObject({ refusal: { reason: "SIGNAL_TYPE_MISMATCH" } });
  });

  test("does not choose among several, and names ten of them", () => {
    const world = new World();
    const names = Array.from({ length: 12 }, (_, index) => `c${String(index).padStart(2, "0")}`);
    world.create({ plan: names.map((name) => keyed(name)) });
    expect(signalKey(world)).toMatchObject({
      refusal: { reason: "CORRELATION_AMBIGUOUS", conditions: names.slice(0, 10).map((name) => `r/${name}`) },
    });
    for (const name of names.slice(1)) world.signal(name, bool(true));
    expect(signalKey(world)).toMatchObject({ answer: { action: { name: "c00" } } });
  });

  test("finds what is open now: not what has ended, nor what still waits", () => {
    const world = new World();
    world.create({ plan: [aTask("a"), keyed("c"), { ...keyed("d"), dependencies: after("a") }] });
    world.signal("c", bool(true));
    expect(signalKey(world, bool(true), { keepForMs: undefined })).toMatchObject({
      refusal: { reason: "CORRELATION_NOT_FOUND", correlationKey: theKey },
    });
  });

  test("is kept for the next one, for as long as it says", () => {
    const world = running();
    expect(signalKey(world)).toMatchObject({ answer: { action: undefined, kept: true, repeated: false } });
    expect(world.effects.at(-1)).toEqual({ kind: "due", atMs: 10_000 });
    expect(world.eventsOf("signal_kept")).toMatchObject([
      {
        runId: "",
        namespace: "default",
        detail: { correlationKey: theKey, expireMs: 10_000, subject: "ana" },
      },
    ]);
    world.at(9999);
    world.add("a", keyed("c"));
    expect(world.action("a/c")).toMatchObject({ state: "SUCCEEDED", signalledBy: "ana" });
    expect(standingOf(world.action("a/c")).answers).toMatchObject([{ timeMs: 0 }]);
    expect(world.state.keyedSignalCount("default")).toBe(0);
    expect(world.eventsOf("signal_dropped")).toEqual([]);
  });

  test("is dropped at its time, and says so", () => {
    const world = running();
    // What makes the clock be set for it.
    expect(signalKey(world)).toMatchObject({ effects: [{ kind: "due", atMs: 10_000 }] });
    const due = { kind: "keyedSignal", namespace: "default", correlationKey: theKey } as const;
    world.do<"fire">({ kind: "fire", due });
    expect(world.state.keyedSignalCount("default")).toBe(1);
    world.at(10_000);
    world.do<"fire">({ kind: "fire", due });
    expect(world.eventsOf("signal_dropped")).toMatchObject([
      { runId: "", detail: { cause: "EXPIRED", correlationKey: theKey } },
    ]);
    expect(world.state.keyedSignalCount("default")).toBe(0);
    world.add("a", keyed("c"));
    expect(world.action("a/c").state).toBe("PAUSED");
  });

  test.each(["a condition", "another signal"])(
    "whose time is over is not taken by %s that comes before the clock is asked",
    (what) => {
      const world = running();
      signalKey(world);
      world.nowMs = 10_000;
      if (what === "a condition") world.add("a", keyed("c"));
      else expect(signalKey(world, bool(false))).toMatchObject({ answer: { kept: true, repeated: false } });
      expect(world.eventsOf("signal_dropped")).toMatchObject([{ detail: { cause: "EXPIRED" } }]);
      if (what === "a condition") expect(world.action("a/c").state).toBe("PAUSED");
      else
        expect(world.state.keyedSignal("default", theKey)).toMatchObject({
          value: bool(false),
          expireMs: 20_000,
        });
    },
  );

  test("is kept once for a key: the same again changes nothing, another one is refused", () => {
    const world = running();
    signalKey(world);
    expect(signalKey(world, bool(true), { by: by("ben") })).toMatchObject({
      answer: { kept: true, repeated: true },
      events: [],
    });
    expect(signalKey(world, bool(false))).toMatchObject({
      refusal: { reason: "ALREADY_ANSWERED", runId: "", action: theKey },
    });
    expect(signalKey(world, bool(false), { correlationKey: "order-8" })).toMatchObject({ ok: true });
  });

  test("returns its first answer to the same request id, also once it was taken", () => {
    const world = running();
    const request = { requestId: "1", digest: "d" };
    signalKey(world, bool(true), { request });
    world.add("a", keyed("c"));
    expect(signalKey(world, bool(true), { request })).toMatchObject({
      answer: { action: undefined, kept: true, repeated: false },
      events: [],
    });
  });

  test.each(useless)(
    "that was kept is dropped as $cause when a condition opens",
    ({ cause, type, asked }) => {
      const world = running();
      signalKey(world);
      world.add("a", aCondition("c", { type, terms: terms({ correlationKey: theKey, ...asked }) }));
      expect(world.action("a/c").state).toBe("PAUSED");
      expect(world.eventsOf("signal_dropped")).toMatchObject([
        { runId: "r", action: "a/c", detail: { cause, correlationKey: theKey } },
      ]);
      expect(world.state.keyedSignalCount("default")).toBe(0);
    },
  );

  test("that was kept is taken by the first that opens, and stays if that has a signal of its own", () => {
    const world = running();
    signalKey(world);
    world.signal("a/c", bool(false), { by: by("ben") });
    world.add("a", keyed("c"));
    expect(world.action("a/c")).toMatchObject({ state: "SUCCEEDED", signalledBy: "ben" });
    expect(world.state.keyedSignalCount("default")).toBe(1);
    world.add("a", keyed("d"), keyed("e"));
    expect(world.action("a/d")).toMatchObject({ state: "SUCCEEDED", signalledBy: "ana" });
    expect(world.action("a/e").state).toBe("PAUSED");
  });

  test("that was kept stays for the next one, though the condition takes several answers", () => {
    const world = running();
    signalKey(world);
    world.signal("a/c", bool(true), { by: by("ben") });
    world.add("a", keyed("c", { rule: answerRule({ requiredCount: 2 }) }));
    expect(standingOf(world.action("a/c")).answers).toMatchObject([{ subject: "ben" }]);
    expect(world.state.keyedSignalCount("default")).toBe(1);
  });

  test("that was kept is tried if the one for the name was of no use", () => {
    const world = running();
    signalKey(world);
    world.signal("a/c", text("yes"), { by: by("ben") });
    world.add("a", keyed("c"));
    expect(world.action("a/c")).toMatchObject({ state: "SUCCEEDED", signalledBy: "ana" });
  });

  test(`is kept for ${keyedSignalsMax} keys of a namespace at most`, () => {
    const world = running();
    world.state.keyedSignalCount = () => keyedSignalsMax;
    expect(signalKey(world)).toMatchObject({
      refusal: { reason: "LIMIT_REACHED", limit: "keyedSignalsMax", maximum: keyedSignalsMax },
    });
  });

  test("is of its namespace", () => {
    const world = new World();
    world.create({ namespace: "other", plan: [keyed("c")] });
    expect(signalKey(world, bool(true), { keepForMs: undefined })).toMatchObject({
      refusal: { reason: "CORRELATION_NOT_FOUND" },
    });
    expect(world.action("c", "other/r" as typeof theRun).state).toBe("PAUSED");
  });
});

function after(action: string) {
  return [{ action, requirement: "succeeded" as const, equals: undefined }];
}
