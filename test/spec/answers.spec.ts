import { describe, expect, test } from "vitest";
import {
  answerBytesMax,
  earlierAnswersBytesMax,
  earlierAnswersMax,
} from "../../src/core/conditions/condition-limits.ts";
import { decidingAnswerOf, standingOf } from "../../src/core/conditions/standing.ts";
import type { AnswerRule } from "../../src/core/conditions/terms.ts";
import type { Json, Value, ValueType } from "../../src/core/value.ts";
import {
  aCondition,
  answerRule,
  aTask,
  bool,
  by,
  float,
  int,
  json,
  noReplays,
  terms,
  text,
} from "../support/builders.ts";
import { World } from "../support/world.ts";

describe("an answer by a schema", () => {
  const items = { type: "object", properties: { items: { type: "array", items: { type: "string" } } } };
  const rows: readonly { type: ValueType; schema: Json; value: Value; wrong: readonly string[] }[] = [
    { type: "string", schema: { minLength: 3 }, value: text("yes"), wrong: [] },
    { type: "string", schema: { minLength: 3 }, value: text("no"), wrong: ["value"] },
    { type: "int", schema: { maximum: 10 }, value: int(10), wrong: [] },
    { type: "int", schema: { maximum: 10 }, value: int(11), wrong: ["value"] },
    { type: "float", schema: { minimum: 0 }, value: int(-1), wrong: ["value"] },
    { type: "bool", schema: { const: true }, value: bool(false), wrong: ["value"] },
    { type: "json", schema: items, value: json({ items: ["a"] }), wrong: [] },
    {
      type: "json",
      schema: items,
      value: json({ items: [1, "a", 2] }),
      wrong: ["value/items/0", "value/items/2"],
    },
    { type: "json", schema: { type: "array" }, value: json({}), wrong: ["value"] },
  ];
  test.each(rows)(
    "$schema of $type, given $value.value, is wrong at $wrong",
    ({ type, schema, value, wrong }) => {
      const world = new World();
      world.create({ plan: [aCondition("c", { type, terms: terms({ schema }) })] });
      const done = world.signal("c", value);
      if (wrong.length === 0)
        expect(done).toMatchObject({ ok: true, answer: { action: { state: "SUCCEEDED" } } });
      else {
        const violations = wrong.map((field) => ({ field }));
        expect(done).toMatchObject({ refusal: { reason: "ANSWER_INVALID", action: "c", violations } });
        expect(world.action("c").state).toBe("PAUSED");
      }
    },
  );

  test("must have the type first, and both before anything else is looked at", () => {
    const world = new World();
    const rule = answerRule({ subjects: ["ana"] });
    const asked = { type: "string" as const, terms: terms({ schema: { minLength: 3 }, rule }) };
    world.create({ plan: [aCondition("c", asked)] });
    const by7 = { by: by("eve"), instance: 7 };
    expect(world.signal("c", bool(true), by7)).toMatchObject({ refusal: { reason: "SIGNAL_TYPE_MISMATCH" } });
    expect(world.signal("c", text("no"), by7)).toMatchObject({ refusal: { reason: "ANSWER_INVALID" } });
    expect(world.signal("c", text("yes"), by7)).toMatchObject({ refusal: { reason: "INSTANCE_CHANGED" } });
    expect(world.signal("c", text("yes"), { by: by("eve") })).toMatchObject({
      refusal: { reason: "NOT_ALLOWED" },
    });
    expect(world.signal("c", text("yes"), { by: by("ana"), instance: 1 })).toMatchObject({ ok: true });
  });
});

describe("who may answer", () => {
  const named = { subjects: ["ana"], groups: ["ops"] };
  const link = (subject: string) => by(subject, { channel: "link" });
  const rows: readonly {
    rule: Partial<AnswerRule>;
    who: string;
    signer: ReturnType<typeof by>;
    against?: string;
  }[] = [
    { rule: {}, who: "anybody", signer: by("eve") },
    { rule: {}, who: "somebody without a token", signer: by() },
    { rule: named, who: "a named subject", signer: by("ana") },
    { rule: named, who: "a member of a named group", signer: by("ben", { groups: ["qa", "ops"] }) },
    { rule: named, who: "somebody else", signer: by("eve"), against: "only ana, members of ops may answer" },
    {
      rule: named,
      who: "somebody else who says a name",
      signer: by("eve", { signalledBy: "ana" }),
      against: "only ana, members of ops may answer",
    },
    {
      rule: named,
      who: "somebody without a token who says a name",
      signer: by("anonymous", { signalledBy: "ana", groups: ["ops"] }),
      against: "only ana, members of ops may answer",
    },
    {
      rule: { subjects: ["anonymous"] },
      who: "somebody without a token, by a rule that names them so",
      signer: by(),
      against: "only anonymous may answer",
    },
    { rule: named, who: "whoever has a link", signer: link("eve") },
    { rule: named, who: "whoever has a link for nobody", signer: link("") },
    {
      rule: { excludesRequester: true },
      who: "who created the run",
      signer: by("rita"),
      against: "who created the run may not answer",
    },
    {
      rule: { excludesRequester: true, subjects: ["rita"] },
      who: "who created the run, though named",
      signer: by("rita"),
      against: "who created the run may not answer",
    },
    {
      rule: { excludesRequester: true },
      who: "who created the run, by a link of theirs",
      signer: link("rita"),
      against: "who created the run may not answer",
    },
    {
      rule: { excludesRequester: true },
      who: "whoever says the name of who created the run",
      signer: by("anonymous", { signalledBy: "rita" }),
      against: "who created the run may not answer",
    },
    { rule: { excludesRequester: true }, who: "anybody else", signer: by("eve") },
    { rule: { excludesRequester: true }, who: "whoever has a link for nobody", signer: link("") },
  ];
  test.each(rows)("by $rule: $who: $against", ({ rule, signer, against }) => {
    const world = new World();
    world.create({
      createdBy: "rita",
      plan: [aCondition("c", { terms: terms({ rule: answerRule(rule) }) })],
    });
    const done = world.signal("c", bool(true), { by: signer });
    if (against === undefined) expect(done).toMatchObject({ ok: true });
    else expect(done).toMatchObject({ refusal: { reason: "NOT_ALLOWED", rule: against } });
  });

  test.each([
    { who: "who says no name", signer: by(), reason: "NOT_ALLOWED" },
    { who: "who says a name", signer: by("anonymous", { signalledBy: "ana" }), reason: undefined },
    { who: "by a link for nobody", signer: link("anonymous"), reason: undefined },
  ])("where nobody has a token, and not the requester, $who: $reason", ({ signer, reason }) => {
    const world = new World();
    const rule = answerRule({ excludesRequester: true });
    world.create({ createdBy: "anonymous", plan: [aCondition("c", { terms: terms({ rule }) })] });
    const done = world.signal("c", bool(true), { by: signer });
    expect(done).toMatchObject(reason === undefined ? { ok: true } : { refusal: { reason } });
  });

  test("is told by the first 10 names", () => {
    const world = new World();
    const subjects = Array.from({ length: 12 }, (_, index) => `s${index}`);
    world.create({ plan: [aCondition("c", { terms: terms({ rule: answerRule({ subjects }) }) })] });
    expect(world.signal("c", bool(true), { by: by("eve") })).toMatchObject({
      refusal: { rule: `only ${subjects.slice(0, 10).join(", ")} and 2 more may answer` },
    });
  });
});

describe("an answer that was given", () => {
  test("is kept with who gave it, why, when and from where, also of a plain condition", () => {
    const world = new World();
    world.create({ plan: [aCondition("c")] });
    world.at(3000);
    const ana = by("ana", { signalledBy: "Ana", comment: "looks good", origin: "10.0.0.1" });
    world.signal("c", bool(true), { by: ana });
    const given = {
      value: bool(true),
      subject: "ana",
      signalledBy: "Ana",
      comment: "looks good",
      channel: "call",
      origin: "10.0.0.1",
      timeMs: 3000,
      instance: 1,
      runId: "",
    };
    expect(standingOf(world.action("c")).answers).toEqual([given]);
    expect(world.eventsOf("condition_answered")).toMatchObject([{ detail: { answer: given } }]);
  });

  test("is the default value where nobody gave one", () => {
    const world = new World();
    world.create({ plan: [aCondition("c", { timeoutMs: 10, type: "float", defaultValue: int(1) })] });
    world.at(10);
    expect(standingOf(world.action("c")).answers).toMatchObject([
      { value: float(1), channel: "default", subject: "", timeMs: 10 },
    ]);
    expect(world.action("c")).toMatchObject({ outcome: "DEFAULTED", signalledBy: "" });
  });

  test.each([
    { signer: by("ana"), signedBy: "ana" },
    { signer: by("ana", { signalledBy: "Ana" }), signedBy: "Ana" },
    { signer: by(), signedBy: "" },
    { signer: by("anonymous", { signalledBy: "ben" }), signedBy: "ben" },
    { signer: by("", { channel: "link" }), signedBy: "" },
  ])("by $signer.subject as $signer.signalledBy is signed by $signedBy", ({ signer, signedBy }) => {
    const world = new World();
    world.create({ plan: [aCondition("c")] });
    world.signal("c", bool(true), { by: signer });
    expect(world.action("c").signalledBy).toBe(signedBy);
    expect(world.eventsOf("condition_answered")).toMatchObject([{ detail: { signalledBy: signedBy } }]);
  });

  test("that must be the one of before and is another one FAILS its condition", () => {
    const world = new World();
    world.create({ plan: [aCondition("c")] });
    world.signal("c", bool(true));
    world.retry({ force: true, replays: { ...noReplays, all: "requireBoth" } });
    expect(world.signal("c", bool(false), { by: by("eve") })).toMatchObject({ ok: true });
    expect(world.action("c")).toMatchObject({
      state: "FAILED",
      outputs: undefined,
      outcome: "EXPIRED",
      error: { type: "AnswersDiffer", nonRetryable: true },
    });
    expect(world.eventsOf("answer_given")).toMatchObject([{ detail: { answer: { subject: "eve" } } }]);
    world.retry();
    world.signal("c", bool(true));
    expect(world.action("c")).toMatchObject({ state: "SUCCEEDED", outputs: { value: bool(true) } });
  });
});

describe("an opening of a condition", () => {
  function openAgain(world: World): void {
    world.retry({ force: true, replays: { ...noReplays, all: "askAgain" } });
  }

  test("has a number, which an answer may name", () => {
    const world = new World();
    world.create({ plan: [aCondition("c")] });
    world.signal("c", bool(true), { instance: 1 });
    openAgain(world);
    expect(standingOf(world.action("c"))).toMatchObject({ instance: 2, answers: [] });
    expect(world.eventsOf("condition_paused").map(({ detail }) => detail.instance)).toEqual([undefined, 2]);
    expect(world.signal("c", bool(true), { instance: 1 })).toMatchObject({
      refusal: { reason: "INSTANCE_CHANGED", instance: 1, currentInstance: 2 },
    });
    expect(world.signal("c", bool(false), { instance: 2 })).toMatchObject({ ok: true });
    expect(world.signal("c", bool(false), { instance: 2 })).toMatchObject({ answer: { repeated: true } });
    expect(world.signal("c", bool(false), { instance: 3 })).toMatchObject({
      refusal: { reason: "INSTANCE_CHANGED", instance: 3, currentInstance: 2 },
    });
  });

  test("does not count if the condition was never asked", () => {
    const world = new World();
    world.create({ plan: [aTask("a", { retry: { maxAttempts: 9 } }), aCondition("c", { after: ["a"] })] });
    world.attach();
    world.start();
    world.fail("a", "Broken", true);
    expect(world.action("c").state).toBe("SKIPPED");
    world.retry();
    world.start();
    world.succeed("a");
    expect(standingOf(world.action("c")).instance).toBe(1);
  });

  test("knows what decided those before", () => {
    const world = new World();
    world.create({ plan: [aCondition("c", { timeoutMs: 10 })] });
    world.signal("c", bool(true), { by: by("ana") });
    openAgain(world);
    world.at(20);
    expect(world.action("c").state).toBe("TIMED_OUT");
    openAgain(world);
    world.signal("c", bool(false), { by: by("ben") });
    openAgain(world);
    expect(standingOf(world.action("c"))).toMatchObject({
      instance: 4,
      earlier: [
        { subject: "ana", instance: 1, value: bool(true) },
        { subject: "ben", instance: 3, value: bool(false) },
      ],
    });
  });

  test.each([
    { sizeBytes: 10, openings: earlierAnswersMax + 5, kept: earlierAnswersMax },
    { sizeBytes: earlierAnswersBytesMax / 4, openings: 6, kept: 3 },
    { sizeBytes: answerBytesMax - 8, openings: 3, kept: 1 },
  ])("knows the last $kept of $openings answers of $sizeBytes bytes", ({ sizeBytes, openings, kept }) => {
    const world = new World();
    world.create({ plan: [aCondition("c", { type: "string" })] });
    for (let opening = 1; opening <= openings; opening++) {
      world.signal("c", text("x".repeat(sizeBytes)));
      openAgain(world);
    }
    const { earlier } = standingOf(world.action("c"));
    expect(earlier).toHaveLength(kept);
    expect(earlier.at(-1)?.instance).toBe(openings);
  });

  test("counts the comments of earlier answers as well", () => {
    const world = new World();
    world.create({ plan: [aCondition("c")] });
    const comment = "x".repeat(earlierAnswersBytesMax / 4);
    for (let opening = 1; opening <= 6; opening++) {
      world.signal("c", bool(true), { by: by("ana", { comment }) });
      openAgain(world);
    }
    expect(standingOf(world.action("c")).earlier.map(({ instance }) => instance)).toEqual([4, 5, 6]);
  });

  test.each(["c", "main/c"])("of more than 256 KiB is refused, for %s", (name) => {
    const world = new World();
    world.create({ plan: [aCondition("c", { type: "string" }), aTask("main")] });
    const large = text("x".repeat(answerBytesMax));
    expect(world.signal(name, large)).toMatchObject({
      refusal: { reason: "LIMIT_REACHED", limit: "answerBytesMax" },
    });
  });

  test("of a condition from before answers were kept is known by what its action says", () => {
    const world = new World();
    world.create({ plan: [aCondition("c")] });
    world.signal("c", bool(true));
    const old = { ...world.action("c"), standing: undefined };
    expect(decidingAnswerOf(old)).toMatchObject({ value: bool(true), signalledBy: "ann", channel: "call" });
  });
});
