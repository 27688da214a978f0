import { describe, expect, test } from "vitest";
import { keptSignalsPerRunMax } from "../../src/limits.ts";
import { aCondition, answerRule, aTask, bool, by, terms } from "../support/builders.ts";
import { tell } from "../support/story.ts";
import { World } from "../support/world.ts";

const member = (name: string, parts: Parameters<typeof aCondition>[1] = {}, group = "g") =>
  aCondition(name, { ...parts, terms: terms({ ...parts?.terms, group }) });

describe("of the conditions of a group", () => {
  tell([
    {
      title: "the first that is answered ends the others, and the run has not failed",
      plan: [member("a"), member("b"), member("c")],
      script: `
        ana signals b true   -> b SUCCEEDED, a SKIPPED error GroupDecided outcome WITHDRAWN, run SUCCEEDED
        ana signals a true   -> refused ACTION_ENDED
      `,
    },
    {
      title: "those that wait themselves end too, and what waits for a loser is skipped with it",
      plan: [
        aTask("t"),
        member("a"),
        member("b", { after: ["t"] }),
        aTask("x", { after: ["a"] }),
        aTask("y", { after: ["b"] }),
        aCondition("z", { after: ["y"] }),
        aTask("e", { after: ["b ended"] }),
      ],
      script: `
        ana signals a true   -> b SKIPPED error GroupDecided, x QUEUED, y SKIPPED error GroupDecided
        at 0s                -> z SKIPPED error GroupDecided, e QUEUED
        at 1s  w attaches
               w starts
               t succeeds    -> b SKIPPED
               x succeeds
               e succeeds    -> run SUCCEEDED
      `,
    },
    {
      title: "a default decides like any answer",
      plan: [member("a", { timeoutMs: 1000, defaultValue: bool(false) }), member("b")],
      script: `
        at 1s                -> a SUCCEEDED outcome DEFAULTED, b SKIPPED error GroupDecided, run SUCCEEDED
      `,
    },
    {
      title: "one that ends without an answer leaves the others open",
      plan: [member("a", { timeoutMs: 1000 }), member("b")],
      script: `
        at 1s                -> a TIMED_OUT, b PAUSED
        ana signals b true   -> b SUCCEEDED, run TIMED_OUT
      `,
    },
    {
      title: "those of another group, and those without one, go on",
      plan: [member("a"), member("b", {}, "h"), aCondition("c")],
      script: `
        ana signals a true   -> b PAUSED, c PAUSED, run RUNNING
      `,
    },
    {
      title: "an answer that does not decide ends none",
      plan: [member("a", { terms: terms({ rule: answerRule({ requiredCount: 2 }) }) }), member("b")],
      script: `
        ana signals a true   -> a PAUSED, b PAUSED
        ben signals a true   -> a SUCCEEDED, b SKIPPED
      `,
    },
    {
      title: "the losers stay as they are when the run is retried, unless everything is done again",
      plan: [member("a"), member("b"), aTask("x", { after: ["b"] }), aTask("t")],
      script: `
        ana signals a true
        at 1s  w attaches
               w starts
               t fails       -> run FAILED
               ann retries   -> refused ATTEMPTS_EXHAUSTED
               ann forces    -> a SUCCEEDED, b SKIPPED, x SKIPPED, t QUEUED
               w starts
               t fails
               ann forces all -> a PAUSED, b PAUSED, x PENDING
        ana signals b true   -> a SKIPPED, b SUCCEEDED, x QUEUED
      `,
    },
    {
      title: "one that is skipped for another reason asks no more when it is opened again",
      plan: [aTask("t", { retry: { maxAttempts: 2 } }), member("a"), member("b", { after: ["t"] })],
      script: `
        at 1s  w attaches
               w starts
               t fails for good -> b SKIPPED error DependencyFailed
        ana signals a true      -> run FAILED
               ann retries      -> b PENDING
               w starts
               t succeeds       -> b SKIPPED error GroupDecided, run SUCCEEDED
      `,
    },
  ]);

  function running(): World {
    const world = new World();
    world.create({ plan: [aTask("a"), aTask("b")] });
    world.attach();
    world.start();
    return world;
  }

  test("siblings are meant: the same name elsewhere is another group", () => {
    const world = running();
    world.add("a", member("q"));
    world.add("b", member("q"), member("r"));
    world.signal("b/r", bool(true));
    expect(world.action("b/q").state).toBe("SKIPPED");
    expect(world.action("a/q").state).toBe("PAUSED");
  });

  test("one that is added after the decision is skipped at once, also if it would wait", () => {
    const world = running();
    world.add("a", member("q"), aTask("t"));
    world.signal("a/q", bool(true));
    world.add("a", member("r"), member("s", { after: ["t"] }));
    expect(world.action("a/r")).toMatchObject({ state: "SKIPPED", error: { type: "GroupDecided" } });
    expect(world.action("a/s")).toMatchObject({ state: "SKIPPED", error: { type: "GroupDecided" } });
    const created = world.eventsOf("action_created").filter(({ action }) => action === "a/r");
    expect(created).toMatchObject([{ detail: { state: "SKIPPED" } }]);
  });

  test("only one takes a signal that was kept for it", () => {
    const world = running();
    world.signal("a/q", bool(true));
    world.signal("a/r", bool(true));
    world.add("a", member("q"), member("r"));
    expect(world.action("a/q").state).toBe("SUCCEEDED");
    expect(world.action("a/r").state).toBe("SKIPPED");
    expect(world.eventsOf("signal_dropped")).toMatchObject([
      { action: "a/r", detail: { cause: "ACTION_ENDED" } },
    ]);
    expect(world.run()).toMatchObject({ keptSignalCount: 0, pausedConditionCount: 0 });
  });

  test("one that was open before others came is withdrawn if one of these is answered at once", () => {
    const world = running();
    world.add("a", member("q"));
    world.signal("a/r", bool(true));
    world.add("a", member("r"), member("s"));
    expect(["q", "r", "s"].map((name) => world.action(`a/${name}`).state)).toEqual([
      "SKIPPED",
      "SUCCEEDED",
      "SKIPPED",
    ]);
    expect(world.run().pausedConditionCount).toBe(0);
  });

  test("a loser that a retried parent asks for again is skipped again, while the winner stays", () => {
    const world = new World();
    world.create({ plan: [aTask("a", { retry: { maxAttempts: 3, initialBackoffMs: 1000 } })] });
    world.attach();
    world.start();
    world.add("a", member("q"), member("r"));
    world.signal("a/r", bool(true));
    world.fail("a");
    world.at(5000).start();
    world.add("a", member("q"), member("r"));
    expect(world.action("a/q")).toMatchObject({ state: "SKIPPED", error: { type: "GroupDecided" } });
    expect(world.action("a/r")).toMatchObject({ state: "SUCCEEDED" });
  });

  test("the winner of before does not count when everything is done again", () => {
    const world = running();
    world.add("a", member("q"), member("r"));
    world.signal("a/r", bool(true));
    world.succeed("a");
    world.succeed("b");
    world.retry({ force: true, all: true });
    world.start();
    world.add("a", member("q"));
    expect(world.action("a/q").state).toBe("PAUSED");
    world.add("a", member("q"), member("r"));
    expect(world.action("a/r").state).toBe("PAUSED");
    world.signal("a/q", bool(false), { by: by("ana") });
    expect(world.action("a/r").state).toBe("SKIPPED");
  });

  test("exactly one is answered, however many took a signal before", () => {
    const world = running();
    const names = Array.from({ length: keptSignalsPerRunMax }, (_, index) => `c${index}`);
    for (const name of names) world.signal(`a/${name}`, bool(true));
    world.add("a", ...names.map((name) => member(name)));
    const states = names.map((name) => world.action(`a/${name}`).state);
    expect(states.filter((state) => state === "SUCCEEDED")).toHaveLength(1);
    expect(states.filter((state) => state === "SKIPPED")).toHaveLength(names.length - 1);
  });
});
