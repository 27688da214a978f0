import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { tally, type Verdict } from "../../src/core/conditions/answers/tally.ts";
import { voterOf } from "../../src/core/conditions/answers/voter.ts";
import { quorumAnswerBytesMax } from "../../src/core/conditions/condition-limits.ts";
import { decidingAnswerOf, standingOf } from "../../src/core/conditions/standing.ts";
import type { AnswerRule } from "../../src/core/conditions/terms.ts";
import { areEqual, type Value } from "../../src/core/value.ts";
import { aCondition, answerRule, aTask, bool, by, float, int, terms, text } from "../support/builders.ts";
import { tell } from "../support/story.ts";
import { World } from "../support/world.ts";

const asked = (parts: Partial<AnswerRule>, name = "c") =>
  aCondition(name, { terms: terms({ rule: answerRule(parts) }) });

describe("a condition that takes several answers", () => {
  tell([
    {
      title: "is decided by the first answer that makes enough equal ones",
      plan: [asked({ requiredCount: 2, voterCount: 3 })],
      script: `
        ana signals c true    -> c PAUSED answers 1 value undefined
        ben signals c false   -> c PAUSED answers 2
        cleo signals c true   -> c SUCCEEDED answers 3 value true outcome ANSWERED by cleo, run SUCCEEDED
      `,
    },
    {
      title: "counts one answer of each voter, and nobody changes theirs",
      plan: [asked({ requiredCount: 2, voterCount: 3 })],
      script: `
        ana signals c true    -> c PAUSED answers 1
        ana signals c true    -> c PAUSED answers 1
        ana signals c false   -> refused ALREADY_ANSWERED, c PAUSED answers 1
        ben signals c true    -> c SUCCEEDED answers 2
      `,
    },
    {
      title: "is decided at once by a veto",
      plan: [asked({ requiredCount: 3, veto: bool(false) })],
      script: `
        ana signals c true    -> c PAUSED
        ben signals c false   -> c SUCCEEDED value false outcome ANSWERED by ben
      `,
    },
    {
      title: "FAILS as Undecided as soon as no answer can decide it any more",
      plan: [asked({ requiredCount: 3, voterCount: 4 }), aTask("a", { after: ["c"] })],
      script: `
        ana signals c true    -> c PAUSED
        ben signals c false   -> c PAUSED
        cleo signals c false  -> c PAUSED
        dora signals c true   -> c FAILED error Undecided outcome EXPIRED answers 4, a SKIPPED, run FAILED
        eve signals c true    -> refused ACTION_ENDED
      `,
    },
    {
      title: "does not wait for the last voter if theirs cannot matter",
      plan: [asked({ requiredCount: 3, voterCount: 3 })],
      script: `
        ana signals c true    -> c PAUSED
        ben signals c false   -> c FAILED error Undecided answers 2
      `,
    },
    {
      title: "that cannot be decided takes its default value, if it has one",
      plan: [
        aCondition("c", {
          defaultValue: bool(false),
          terms: terms({ rule: answerRule({ requiredCount: 2, voterCount: 2 }) }),
        }),
      ],
      script: `
        ana signals c true    -> c PAUSED
        ben signals c false   -> c SUCCEEDED value false outcome DEFAULTED answers 3
        eve signals c false   -> c SUCCEEDED answers 3
        eve signals c true    -> refused ALREADY_ANSWERED
      `,
    },
    {
      title: "that is out of time ends as any other, whatever answers it has",
      plan: [aCondition("c", { timeoutMs: 5000, terms: terms({ rule: answerRule({ requiredCount: 2 }) }) })],
      script: `
        at 1s  ana signals c true  -> c PAUSED due 5s answers 1
        at 5s                      -> c TIMED_OUT error Timeout outcome EXPIRED answers 1
      `,
    },
    {
      title: "takes behind its end the answer that decided of anybody, and of each their own",
      plan: [asked({ requiredCount: 2, voterCount: 3 })],
      script: `
        ana signals c true    -> c PAUSED
        ben signals c false   -> c PAUSED
        cleo signals c true   -> c SUCCEEDED answers 3
        eve signals c true    -> c SUCCEEDED answers 3
        ben signals c false   -> c SUCCEEDED answers 3
        eve signals c false   -> refused ALREADY_ANSWERED
      `,
    },
    {
      title: "that is opened again begins without answers",
      plan: [asked({ requiredCount: 2 })],
      script: `
        ana signals c true    -> c PAUSED answers 1
        ann cancels           -> c CANCELLED
        ann retries           -> c PAUSED answers 0 instance 2
        ana signals c false   -> c PAUSED answers 1
      `,
    },
  ]);

  test("says each answer that does not decide it, how many there are and how many it takes", () => {
    const world = new World();
    world.create({ plan: [asked({ requiredCount: 2 })] });
    world.signal("c", bool(true), { by: by("ana", { comment: "fine", origin: "10.0.0.1" }) });
    world.signal("c", bool(true), { by: by("ben") });
    const first = { value: bool(true), subject: "ana", comment: "fine", origin: "10.0.0.1", channel: "call" };
    expect(world.eventsOf("answer_given").map(({ detail }) => detail)).toMatchObject([
      { answer: first, answerCount: 1, requiredCount: 2 },
    ]);
    expect(world.eventsOf("condition_answered")).toMatchObject([
      { detail: { value: bool(true), signalledBy: "ben", defaulted: false, answer: { subject: "ben" } } },
    ]);
    expect(standingOf(world.action("c")).answers).toMatchObject([first, { subject: "ben" }]);
  });

  test("compares answers as its type has them", () => {
    const world = new World();
    const rule = answerRule({ requiredCount: 2, veto: int(0) });
    world.create({
      plan: [
        aCondition("c", { type: "float", terms: terms({ rule }) }),
        aCondition("d", { type: "float", terms: terms({ rule }) }),
      ],
    });
    world.signal("c", int(3), { by: by("ana") });
    world.signal("c", float(3), { by: by("ben") });
    expect(world.action("c")).toMatchObject({ state: "SUCCEEDED", outputs: { value: float(3) } });
    world.signal("d", float(0), { by: by("ana") });
    expect(world.action("d")).toMatchObject({ state: "SUCCEEDED", outputs: { value: float(0) } });
  });

  test("takes no answer that is too large to stand beside 99 others", () => {
    const world = new World();
    const large = text("x".repeat(quorumAnswerBytesMax));
    world.create({
      plan: [
        aCondition("one", { type: "string" }),
        aCondition("c", { type: "string", terms: terms({ rule: answerRule({ requiredCount: 2 }) }) }),
      ],
    });
    expect(world.signal("one", large)).toMatchObject({ ok: true });
    expect(world.signal("c", large)).toMatchObject({
      refusal: { reason: "LIMIT_REACHED", limit: "quorumAnswerBytesMax" },
    });
  });
});

describe("a voter", () => {
  test.each([
    { who: "a caller with a token", signer: by("ana"), voter: "ana" },
    {
      who: "one who says another name too",
      signer: by("ana", { signalledBy: "the boss" }),
      voter: "ana",
    },
    { who: "one without a token", signer: by(), voter: "anonymous" },
    { who: "one without a token, by a name", signer: by("anonymous", { signalledBy: "ben" }), voter: "ben" },
    { who: "whoever has a link for somebody", signer: by("ana", { channel: "link" }), voter: "ana" },
    { who: "whoever has a link for nobody", signer: by("", { channel: "link" }), voter: "anonymous" },
    {
      who: "whoever has a link for nobody and says a name",
      signer: by("anonymous", { channel: "link", signalledBy: "ben" }),
      voter: "anonymous",
    },
  ])("is $who: $voter", ({ signer, voter }) => {
    expect(voterOf(signer)).toBe(voter);
  });

  test("is one, however many links were made for nobody in particular", () => {
    const world = new World();
    world.create({ plan: [asked({ requiredCount: 2 })] });
    const link = by("", { channel: "link", signalledBy: "ana" });
    world.signal("c", bool(true), { by: link });
    expect(world.signal("c", bool(true), { by: { ...link, signalledBy: "ben" } })).toMatchObject({
      answer: { repeated: true, action: { state: "PAUSED" } },
    });
  });
});

describe("the verdict on some answers", () => {
  const values = (letters: string): readonly Value[] => letters.split("").map((letter) => text(letter));
  const rows: readonly (Partial<AnswerRule> & { given: string; gives: Verdict })[] = [
    { requiredCount: 1, given: "", gives: "open" },
    { requiredCount: 1, given: "y", gives: "decided" },
    { requiredCount: 2, given: "y", gives: "open" },
    { requiredCount: 2, given: "yny", gives: "decided" },
    { requiredCount: 2, voterCount: 3, given: "yn", gives: "open" },
    { requiredCount: 2, voterCount: 3, given: "ynm", gives: "undecided" },
    { requiredCount: 2, voterCount: 2, given: "yn", gives: "undecided" },
    { requiredCount: 3, voterCount: 5, given: "yynn", gives: "open" },
    { requiredCount: 3, voterCount: 5, given: "yynnm", gives: "undecided" },
    { requiredCount: 4, voterCount: 5, given: "yynn", gives: "undecided" },
    { requiredCount: 3, voterCount: 3, veto: text("n"), given: "yyn", gives: "decided" },
    { requiredCount: 3, voterCount: 3, veto: text("n"), given: "ym", gives: "undecided" },
  ];
  test.each(rows)("$requiredCount of $voterCount, veto $veto.value, given $given: $gives", (row) => {
    const { given, gives, ...parts } = row;
    expect(tally(answerRule(parts), "string", values(given))).toBe(gives);
  });
});

describe("whoever answers, in whatever order", () => {
  const voters = ["ana", "ben", "cleo", "dora", "eve"];
  const vote = fc.record({
    voter: fc.constantFrom(...voters),
    isYes: fc.boolean(),
    isLink: fc.boolean(),
    after: fc.constantFrom(0, 0, 0, 2000),
  });
  const rule = fc
    .record({
      requiredCount: fc.integer({ min: 1, max: 5 }),
      spare: fc.integer({ min: 0, max: 2 }),
      veto: fc.constantFrom(undefined, bool(false)),
      isNamed: fc.boolean(),
      excludesRequester: fc.boolean(),
      defaults: fc.boolean(),
    })
    .map(({ requiredCount, spare, isNamed, ...rest }) => ({
      ...rest,
      requiredCount,
      voterCount: requiredCount + spare,
      subjects: isNamed ? ["ana", "ben", "cleo"] : [],
    }));

  test("there is one end, nobody counts twice, and only enough equal answers or a veto decide", () => {
    const property = fc.property(rule, fc.array(vote, { maxLength: 14 }), ({ defaults, ...parts }, votes) => {
      const world = new World();
      const stated = { timeoutMs: 9000, defaultValue: defaults ? bool(true) : undefined };
      world.create({
        createdBy: "ana",
        plan: [aCondition("c", { ...stated, terms: terms({ rule: answerRule(parts) }) })],
      });
      for (const { voter, isYes, isLink, after } of votes) {
        world.at(world.nowMs + after);
        world.signal("c", bool(isYes), { by: by(voter, { channel: isLink ? "link" : "call" }) });
      }
      const ends = world.eventsOf("action_ended").length;
      const condition = world.action("c");
      const { answers } = standingOf(condition);
      const given = answers.filter(({ channel }) => channel !== "default");
      expect(ends).toBe(condition.state === "PAUSED" ? 0 : 1);
      expect(world.run().pausedConditionCount).toBe(1 - ends);
      expect(new Set(given.map(({ subject }) => subject)).size).toBe(given.length);
      expect(given.length).toBeLessThanOrEqual(parts.voterCount);
      for (const { subject, channel } of given) {
        expect(parts.excludesRequester && subject === "ana").toBe(false);
        expect(channel === "link" || parts.subjects.length === 0 || parts.subjects.includes(subject)).toBe(
          true,
        );
      }
      const equal = (value: Value) => given.filter((one) => areEqual(one.value, value)).length;
      const isDecided =
        equal(bool(true)) >= parts.requiredCount ||
        equal(bool(false)) >= (parts.veto === undefined ? parts.requiredCount : 1);
      const deciding = decidingAnswerOf(condition);
      expect(condition.outcome === "ANSWERED").toBe(isDecided);
      expect(deciding?.channel === "default").toBe(condition.outcome === "DEFAULTED");
      if (condition.state === "SUCCEEDED") expect(condition.outputs).toEqual({ value: deciding?.value });
    });
    fc.assert(property, { seed: 20261121, numRuns: 500 });
  });
});
