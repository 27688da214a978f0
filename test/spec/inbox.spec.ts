import { describe, expect, test } from "vitest";
import { conditionWaitMsMax, delegationsMax } from "../../src/core/conditions/condition-limits.ts";
import { standingOf } from "../../src/core/conditions/standing.ts";
import type { Escalation } from "../../src/core/conditions/terms.ts";
import { aCondition, answerRule, aTask, bool, terms } from "../support/builders.ts";
import { change } from "../support/inbox-verbs.ts";
import { tell } from "../support/story.ts";
import { World } from "../support/world.ts";

const anybody = aCondition("c");
const named = aCondition("c", { terms: terms({ rule: answerRule({ subjects: ["ana", "ben"] }) }) });
const step = (afterMs: number, parts: Partial<Escalation> = {}): Escalation => {
  return { afterMs, notify: [], subjects: [], groups: [], assignee: "", ...parts };
};

describe("a claim", () => {
  tell([
    {
      title: "says that somebody is on it, and others may still answer",
      plan: [anybody],
      script: `
        ana claims c            -> c PAUSED assignee ana
        ana claims c            -> c PAUSED assignee ana
        ben claims c            -> refused ALREADY_CLAIMED, c PAUSED assignee ana
        ben claims c by force   -> c PAUSED assignee ben
        ana signals c true      -> c SUCCEEDED by ana
      `,
    },
    {
      title: "is given back by who has it, or by force",
      plan: [anybody],
      script: `
        ana releases c          -> c PAUSED assignee nobody
        ana claims c
        ben releases c          -> refused ALREADY_CLAIMED
        ana releases c          -> c PAUSED assignee nobody
        ana claims c
        ben releases c by force -> c PAUSED assignee nobody
      `,
    },
    {
      title: "takes the right to answer",
      plan: [named],
      script: `
        eve claims c            -> refused NOT_ALLOWED, c PAUSED assignee nobody
        ana claims c            -> c PAUSED assignee ana
        eve releases c by force -> refused NOT_ALLOWED
      `,
    },
    {
      title: "is of an open condition",
      plan: [aTask("a"), aCondition("c", { after: ["a"] }), aCondition("d")],
      script: `
        ana claims c            -> refused CONDITION_NOT_OPEN
        ana claims a            -> refused ACTION_NOT_CONDITION
        ana claims x            -> refused ACTION_NOT_FOUND
        ana signals d true
        ana claims d            -> refused ACTION_ENDED
      `,
    },
    {
      title: "of who was asked first is theirs until it is taken",
      plan: [aCondition("c", { terms: terms({ assignee: "ana" }) })],
      script: `
        at 0s                   -> c PAUSED assignee ana
        ben claims c            -> refused ALREADY_CLAIMED
        ana claims c            -> c PAUSED assignee ana
      `,
    },
  ]);

  test("is told once: what is so already is not", () => {
    const world = new World();
    world.create({ plan: [anybody] });
    for (const force of [false, true]) {
      change(world, "ana", "c", { kind: "claim", force });
      change(world, "ana", "c", { kind: "claim", force });
      change(world, "ana", "c", { kind: "release", force });
      change(world, "ana", "c", { kind: "release", force });
    }
    const told = world.eventsOf("condition_changed").map(({ detail }) => detail);
    expect(told.map(({ change: what, subject, assignee }) => [what, subject, assignee])).toEqual([
      ["claimed", "ana", "ana"],
      ["released", "ana", ""],
      ["claimed", "ana", "ana"],
      ["released", "ana", ""],
    ]);
  });
});

describe("a right to answer that is handed on", () => {
  tell([
    {
      title: "is not theirs any more who handed it on, where the rule names who may answer",
      plan: [named],
      script: `
        ana delegates c to eve  -> c PAUSED assignee eve
        ana signals c true      -> refused NOT_ALLOWED
        ana delegates c to eve  -> c PAUSED assignee eve
        ana delegates c to ben  -> refused NOT_ALLOWED
        ben claims c by force   -> c PAUSED assignee ben
        ana delegates c to eve  -> c PAUSED assignee ben
        eve signals c true      -> c SUCCEEDED by eve
      `,
    },
    {
      title: "is not kept by a link: who made one before may not use it any more, and the new one may",
      plan: [
        aCondition("c", {
          terms: terms({ rule: answerRule({ requiredCount: 3, subjects: ["ana", "ben", "cleo"] }) }),
        }),
      ],
      script: `
        ana delegates c to eve         -> c PAUSED assignee eve
        ana signals c true by link     -> refused NOT_ALLOWED, c PAUSED answers 0
        eve signals c true by link     -> c PAUSED answers 1
        ben signals c true by link     -> c PAUSED answers 2
        dora signals c true by link    -> c SUCCEEDED answers 3
      `,
    },
    {
      title: "may come back",
      plan: [named],
      script: `
        ana delegates c to eve  -> c PAUSED assignee eve
        eve delegates c to ana  -> c PAUSED assignee ana
        eve signals c true      -> refused NOT_ALLOWED
        ana delegates c to eve  -> c PAUSED assignee eve
        eve delegates c to dora -> c PAUSED assignee dora
        dora signals c true     -> c SUCCEEDED by dora
      `,
    },
    {
      title: "is still theirs where anybody may answer",
      plan: [anybody],
      script: `
        ana delegates c to ben  -> c PAUSED assignee ben
        ana claims c by force   -> c PAUSED assignee ana
        ana delegates c to ben  -> c PAUSED assignee ben
        ana signals c true      -> c SUCCEEDED by ana
      `,
    },
    {
      title: "is one that somebody has, and has not used",
      plan: [
        aCondition("c", { terms: terms({ rule: answerRule({ requiredCount: 2, subjects: ["ana"] }) }) }),
      ],
      script: `
        eve delegates c to ben  -> refused NOT_ALLOWED
        ana delegates c to ana  -> refused INVALID_REQUEST
        ana signals c true      -> c PAUSED answers 1
        ana delegates c to ben  -> refused ALREADY_ANSWERED
      `,
    },
    {
      title: "is not handed to somebody who has answered: two rights in one hand are one vote",
      plan: [
        aCondition("c", {
          terms: terms({ rule: answerRule({ requiredCount: 2, subjects: ["ana", "ben"] }) }),
        }),
      ],
      script: `
        ana signals c true      -> c PAUSED answers 1
        ben delegates c to ana  -> refused NOT_ALLOWED
        ben delegates c to eve  -> c PAUSED assignee eve
      `,
    },
    {
      title: "is not for who created the run, if they may not answer",
      plan: [aCondition("c", { terms: terms({ rule: answerRule({ excludesRequester: true }) }) })],
      script: `
        ana delegates c to rita -> refused NOT_ALLOWED
      `,
    },
  ]);

  test(`is handed on ${delegationsMax} times at most`, () => {
    const world = new World();
    world.create({ plan: [named] });
    const holders = ["ana", ...Array.from({ length: delegationsMax }, (_, index) => `s${index}`)];
    for (const [index, to] of holders.slice(1).entries()) {
      expect(change(world, holders[index] ?? "", "c", { kind: "delegate", to }).ok).toBe(true);
    }
    const last = holders.at(-1) ?? "";
    expect(change(world, last, "c", { kind: "delegate", to: "one-more" })).toMatchObject({
      refusal: { reason: "LIMIT_REACHED", limit: "delegationsMax" },
    });
    expect(standingOf(world.action("c")).delegations).toHaveLength(delegationsMax);
  });
});

describe("a snooze", () => {
  tell([
    {
      title: "is over at its time",
      plan: [anybody],
      script: `
        ana snoozes c until 5s   -> c PAUSED snoozed 5s due 5s
        at 5s                    -> c PAUSED snoozed no due never
      `,
    },
    {
      title: "is moved by the next one, and ended by one that is not after now",
      plan: [anybody],
      script: `
        ana snoozes c until 5s    -> c PAUSED due 5s
        at 1s
        ana snoozes c until 3s    -> c PAUSED due 3s
        ana snoozes c until 1s    -> c PAUSED snoozed no due never
        ana snoozes c until never -> c PAUSED snoozed no
      `,
    },
    {
      title: "leaves the deadline where it is",
      plan: [aCondition("c", { timeoutMs: 3000 })],
      script: `
        ana snoozes c until 5s   -> c PAUSED snoozed 5s due 3s
        at 3s                    -> c TIMED_OUT due never
      `,
    },
  ]);

  test("that would be over at the deadline is not told as over: what is due at the deadline is not done", () => {
    const world = new World();
    world.create({
      plan: [aCondition("c", { timeoutMs: 3000, terms: terms({ escalations: [step(3000)] }) })],
    });
    change(world, "ana", "c", { kind: "snooze", endMs: 3000 });
    world.at(3000);
    expect(world.feed.at(-1)?.events.map(({ detail }) => detail.kind)).toEqual(["action_ended", "run_ended"]);
  });

  test("that is over by itself was ended by nobody", () => {
    const world = new World();
    world.create({ plan: [anybody] });
    change(world, "ana", "c", { kind: "snooze", endMs: 5000 });
    world.at(5000);
    expect(world.eventsOf("condition_changed")).toMatchObject([
      { detail: { change: "snoozed", subject: "ana", snoozeEndMs: 5000 } },
      { detail: { change: "woken", subject: "", snoozeEndMs: undefined } },
    ]);
  });
});

describe("a deadline", () => {
  tell([
    {
      title: "is moved, earlier or later, or to never",
      plan: [aCondition("c", { timeoutMs: 5000 })],
      script: `
        at 1s
        ana extends c to 9s      -> c PAUSED due 9s
        at 6s
        ana extends c to 6s      -> refused INVALID_REQUEST
        ana extends c to 7s      -> c PAUSED due 7s
        ana extends c to never   -> c PAUSED due never
        at 99s                   -> c PAUSED
        ana extends c to 100s    -> c PAUSED due 100s
        at 100s                  -> c TIMED_OUT error Timeout
      `,
    },
    {
      title: "is set for one that had none",
      plan: [anybody],
      script: `
        ana extends c to 4s      -> c PAUSED due 4s
        at 4s                    -> c TIMED_OUT
        ann retries              -> c PAUSED due never
      `,
    },
  ]);

  test.each([
    { kind: "extend" as const, field: "deadline_time", key: "deadlineMs" },
    { kind: "snooze" as const, field: "end_time", key: "endMs" },
  ])("or a snooze is at most 366 days from now: $field", ({ kind, field, key }) => {
    const world = new World();
    world.create({ plan: [anybody] });
    world.at(1000);
    const at = (ms: number) => change(world, "ana", "c", { kind, [key]: ms } as Parameters<typeof change>[3]);
    expect(at(1000 + conditionWaitMsMax).ok).toBe(true);
    expect(at(1001 + conditionWaitMsMax)).toMatchObject({
      refusal: {
        reason: "INVALID_REQUEST",
        violations: [{ field, description: "is more than 366 days from now" }],
      },
    });
  });
});

describe("an escalation", () => {
  const steps = [
    step(1000, { notify: ["team"], assignee: "ben" }),
    step(3000, { subjects: ["eve"], groups: ["ops"] }),
  ];
  const asked = (timeoutMs?: number) =>
    aCondition("c", {
      timeoutMs,
      terms: terms({ assignee: "ana", rule: answerRule({ subjects: ["ana"] }), escalations: steps }),
    });
  tell([
    {
      title: "is taken at its time, once, and says whose turn it is",
      plan: [asked()],
      script: `
        at 0s                 -> c PAUSED due 1s steps 0 assignee ana
        at 1s                 -> c PAUSED due 3s steps 1 assignee ben
        eve signals c true    -> refused NOT_ALLOWED
        at 3s                 -> c PAUSED due never steps 2 assignee ben
        eve signals c true    -> c SUCCEEDED by eve
      `,
    },
    {
      title: "counts from when the condition is open",
      plan: [
        aTask("a"),
        { ...asked(), dependencies: [{ action: "a", requirement: "succeeded", equals: undefined }] },
      ],
      script: `
        at 5s  w attaches
               w starts
               a succeeds     -> c PAUSED due 6s steps 0
        at 6s                 -> c PAUSED due 8s steps 1
      `,
    },
    {
      title: "is not taken at the deadline or behind it",
      plan: [asked(3000)],
      script: `
        at 3s                 -> c TIMED_OUT steps 1
      `,
    },
    {
      title: "goes on while its condition is out of sight",
      plan: [asked()],
      script: `
        ana snoozes c until 2s -> c PAUSED due 1s
        at 1s                  -> c PAUSED due 2s steps 1 snoozed 2s
        at 2s                  -> c PAUSED due 3s steps 1 snoozed no
      `,
    },
    {
      title: "begins anew when its condition is opened again",
      plan: [asked(4000)],
      script: `
        at 4s                 -> c TIMED_OUT steps 2
        ann retries           -> c PAUSED steps 0 due 5s assignee ana
      `,
    },
  ]);

  test("that fell due while the server was down is taken late, and each is told in order", () => {
    const world = new World();
    world.create({ plan: [asked(7000)] });
    change(world, "ana", "c", { kind: "snooze", endMs: 2000 });
    world.nowMs = 6000;
    world.do<"fire">({ kind: "fire", due: { kind: "action", run: world.run().key, action: "c" } });
    expect(world.feed.at(-1)?.events.map(({ detail }) => detail)).toMatchObject([
      { kind: "condition_escalated", step: 1, notify: ["team"], assignee: "ben" },
      { kind: "condition_changed", change: "woken", subject: "" },
      { kind: "condition_escalated", step: 2, notify: [], assignee: "ben" },
    ]);
    expect(world.action("c").dueMs).toBe(7000);
  });

  test("and the deadline that fell due together are taken in order, and the deadline is the end", () => {
    const world = new World();
    world.create({ plan: [asked(2000)] });
    world.nowMs = 600_000;
    world.do<"fire">({ kind: "fire", due: { kind: "action", run: world.run().key, action: "c" } });
    expect(world.feed.at(-1)?.events.map(({ detail }) => detail.kind)).toEqual([
      "condition_escalated",
      "action_ended",
      "run_ended",
    ]);
  });

  test("lets members of its groups answer", () => {
    const world = new World();
    world.create({ plan: [asked()] });
    world.at(3000);
    const member = { subject: "zoe", groups: ["ops"], signalledBy: "", comment: "", origin: "" };
    expect(world.signal("c", bool(true), { by: { ...member, channel: "call" } })).toMatchObject({ ok: true });
  });
});
