import { describe, expect, test } from "vitest";
import type { CommandOf } from "../../src/core/command.ts";
import { linkRefusalsMax, postCauseLengthMax } from "../../src/core/conditions/condition-limits.ts";
import type { ConditionTerms } from "../../src/core/conditions/terms.ts";
import { aCondition, answerRule, aTask, bool, by, terms } from "../support/builders.ts";
import { theRun, World } from "../support/world.ts";

const webhook = {
  url: "https://example.test/hook",
  payload: undefined,
  secret: "",
  linkLifetimeMs: undefined,
  headers: {},
};
const told = (name: string, parts: Partial<ConditionTerms> = {}, timeoutMs?: number) =>
  aCondition(name, { timeoutMs, terms: terms({ webhook, ...parts }) });
const step = (afterMs: number) => ({ afterMs, notify: [], subjects: [], groups: [], assignee: "" });

/** The keys of the posts that wait, without the run. */
function postsOf(world: World): readonly string[] {
  const { posts } = world.state.decisions.duePosts(Number.MAX_SAFE_INTEGER, 1000);
  return posts.map(({ key }) => key.slice(theRun.length + 1)).sort();
}

function settle(world: World, key: string, end: CommandOf<"settlePost">["end"]): void {
  world.must<"settlePost">({ kind: "settlePost", post: { key: `${theRun} ${key}` }, end });
}

describe("the webhook of a condition", () => {
  test("is told when it is open, at each step, and when it has ended", () => {
    const world = new World();
    world.create({ plan: [told("c", { escalations: [step(1000), step(2000)] })] });
    expect(postsOf(world)).toEqual(["c 1 condition_paused 0"]);
    expect(world.effects.at(-1)).toEqual({ kind: "post" });
    settle(world, "c 1 condition_paused 0", "taken");
    world.at(1000);
    expect(postsOf(world)).toEqual(["c 1 condition_escalated 1"]);
    settle(world, "c 1 condition_escalated 1", "taken");
    world.at(2000);
    expect(postsOf(world)).toEqual(["c 1 condition_escalated 2"]);
    settle(world, "c 1 condition_escalated 2", "taken");
    world.signal("c", bool(true));
    expect(postsOf(world)).toEqual(["c 1 condition_ended 0"]);
  });

  test.each([
    { how: "is answered", end: (world: World) => world.signal("c", bool(true)) },
    { how: "is out of time", end: (world: World) => world.at(9000) },
    { how: "is cancelled", end: (world: World) => world.cancel() },
  ])("is told of the wait no more once it $how, only of the end", ({ end }) => {
    const world = new World();
    world.create({ plan: [told("c", { escalations: [step(1000)] }, 9000)] });
    world.at(1000);
    expect(postsOf(world)).toEqual(["c 1 condition_escalated 1", "c 1 condition_paused 0"]);
    end(world);
    expect(postsOf(world)).toEqual(["c 1 condition_ended 0"]);
  });

  test.each([
    { payload: { text: "{prompt} {callback_uri}" }, posts: [] },
    { payload: { text: "{event} {prompt}" }, posts: ["c 1 condition_ended 0"] },
    { payload: { deep: ["{outcome}"] }, posts: ["c 1 condition_ended 0"] },
    { payload: { text: "answered {answer}" }, posts: ["c 1 condition_ended 0"] },
  ])("with the payload $payload is told of the end: $posts", ({ payload, posts }) => {
    const world = new World();
    world.create({ plan: [told("c", { webhook: { ...webhook, payload } })] });
    world.signal("c", bool(true));
    expect(postsOf(world)).toEqual(posts);
  });

  test("is told nothing of one that is answered at once, or that never was open", () => {
    const world = new World();
    world.create({ plan: [aTask("a"), told("b", {}), told("c", { group: "g" })] });
    world.attach();
    world.start();
    world.signal("a/q", bool(true));
    world.add("a", told("q"), told("r", { group: "g" }), aTask("t"), {
      ...told("s", { group: "g" }),
      dependencies: [{ action: "t", requirement: "succeeded", equals: undefined }],
    });
    expect(world.action("a/q").state).toBe("SUCCEEDED");
    world.signal("a/r", bool(true));
    expect(world.action("a/s").state).toBe("SKIPPED");
    expect(postsOf(world)).toEqual([
      "a/r 1 condition_ended 0",
      "b 1 condition_paused 0",
      "c 1 condition_paused 0",
    ]);
  });

  test("is told of one that has some answers, and still waits for more", () => {
    const world = new World();
    world.create({ plan: [aTask("a")] });
    world.attach();
    world.start();
    world.signal("a/q", bool(true));
    world.add("a", told("q", { rule: answerRule({ requiredCount: 2 }) }));
    expect(postsOf(world)).toEqual(["a/q 1 condition_paused 0"]);
  });

  test("is told of each opening anew", () => {
    const world = new World();
    world.create({ plan: [told("c")] });
    world.signal("c", bool(true));
    world.retry({ force: true });
    expect(postsOf(world)).toEqual(["c 1 condition_ended 0", "c 2 condition_paused 0"]);
  });

  test("gets nothing for a condition without one", () => {
    const world = new World();
    world.create({ plan: [aCondition("c", { terms: terms({ escalations: [step(1000)] }) })] });
    world.at(1000);
    world.signal("c", bool(true));
    expect(postsOf(world)).toEqual([]);
    expect(world.effects.filter(({ kind }) => kind === "post")).toEqual([]);
  });
});

describe("a post", () => {
  const key = "c 1 condition_paused 0";
  function waiting(): World {
    const world = new World();
    world.create({ plan: [told("c")] });
    return world;
  }

  test("that was taken is gone, and the feed says so", () => {
    const world = waiting();
    settle(world, key, { cause: "500", retryMs: 3000 });
    settle(world, key, "taken");
    expect(postsOf(world)).toEqual([]);
    expect(world.eventsOf("webhook_posted")).toMatchObject([
      { action: "c", detail: { about: "condition_paused", deliveryCount: 2, cause: "" } },
    ]);
  });

  test("that was not taken is due again at its time, and nothing is said", () => {
    const world = waiting();
    settle(world, key, { cause: "500", retryMs: 3000 });
    const { posts, nextMs } = world.state.decisions.duePosts(2999, 10);
    expect({ posts, nextMs }).toEqual({ posts: [], nextMs: 3000 });
    expect(world.state.post(`${theRun} ${key}`)).toMatchObject({
      deliveryCount: 1,
      cause: "500",
      dueMs: 3000,
    });
    expect(world.eventsOf("webhook_posted")).toEqual([]);
  });

  test("that is given up is gone, and the feed says why, at some length", () => {
    const world = waiting();
    settle(world, key, { cause: "x".repeat(postCauseLengthMax + 1), retryMs: undefined });
    expect(postsOf(world)).toEqual([]);
    expect(world.eventsOf("webhook_posted")).toMatchObject([
      { detail: { deliveryCount: 1, cause: "x".repeat(postCauseLengthMax) } },
    ]);
  });

  test("that went away meanwhile is not told of", () => {
    const world = waiting();
    world.signal("c", bool(true));
    settle(world, key, "taken");
    expect(world.eventsOf("webhook_posted")).toEqual([]);
    expect(postsOf(world)).toEqual(["c 1 condition_ended 0"]);
  });
});

describe("a link that was used in vain", () => {
  const note = (world: World, action = "c", run = theRun) =>
    world.must<"noteLinkRefusal">({
      kind: "noteLinkRefusal",
      run,
      action,
      cause: "LINK_EXPIRED",
      origin: "10.0.0.1",
    });

  test(`is told of ${linkRefusalsMax} times for a condition, whatever has become of it`, () => {
    const world = new World();
    world.create({ plan: [aCondition("c")] });
    note(world);
    world.signal("c", bool(true), { by: by("ana") });
    for (let count = 2; count <= linkRefusalsMax; count++) expect(note(world)).toEqual({ wasNoted: true });
    expect(note(world)).toEqual({ wasNoted: false });
    const told = world.eventsOf("link_refused");
    expect(told).toHaveLength(linkRefusalsMax);
    expect(told[0]).toMatchObject({ action: "c", detail: { cause: "LINK_EXPIRED", origin: "10.0.0.1" } });
    expect(world.action("c")).toMatchObject({ state: "SUCCEEDED" });
  });

  test.each([
    { of: "a run that is not there", action: "c", run: "default/x" as typeof theRun },
    { of: "a condition that is not there", action: "x", run: theRun },
    { of: "a task", action: "a", run: theRun },
  ])("of $of is not told of", ({ action, run }) => {
    const world = new World();
    world.create({ plan: [aCondition("c"), aTask("a")] });
    expect(note(world, action, run)).toEqual({ wasNoted: false });
    expect(world.eventsOf("link_refused")).toEqual([]);
  });
});
