import { describe, expect, test } from "vitest";
import { aCondition, aTask, aTrace, bool, theTask } from "../support/builders.ts";
import { World } from "../support/world.ts";
import { endsOnce, fenced, oneAnswer } from "./actions.ts";
import { type RecordedEvent, recordOf } from "./record.ts";

/**
 * What the rules make of a run with retries, a hand-back, a child, a step, an answer and a second opening.
 */
function record(): readonly RecordedEvent[] {
  const world = new World();
  world.create({ plan: [aTask("a", { retry: { maxAttempts: 3, initialBackoffMs: 0 } }), aCondition("ok")] });
  world.attach();
  world.assign();
  world.decline(world.reference("a"));
  world.at(1000).start();
  world.add("a", aTrace("step"), aTask("child"));
  world.report(world.reference("a"), { kind: "trace_ended", name: "step", outputs: {}, error: undefined });
  world.report(world.reference("a"), { kind: "progress", percent: 5, message: "" });
  world.fail("a");
  world.at(1000).start();
  world.report(world.reference("a"), { kind: "log", level: "info", message: "again" });
  world.signal("ok", bool(true));
  world.succeed("a/child");
  world.succeed("a");
  world.retry({ force: true });
  world.signal("ok", bool(false));
  world.start();
  world.succeed("a");
  return recordOf(world.feed).flat();
}

const event = (kind: string, parts: Partial<RecordedEvent> = {}): RecordedEvent => ({
  eventId: "e",
  namespace: "default",
  runId: "r",
  action: "a",
  attempt: 1,
  kind,
  ...parts,
});

/** The record with something put in behind the last event that matches. */
function planted(matches: (event: RecordedEvent) => boolean, ...more: readonly RecordedEvent[]) {
  const events = record();
  const at = events.findLastIndex(matches) + 1;
  return [...events.slice(0, at), ...more, ...events.slice(at)];
}

const ofKind =
  (kind: string, action = "a") =>
  (one: RecordedEvent) =>
    one.kind === kind && one.action === action;
const isRunEnd = ofKind("run_ended", "");

describe("what the rules do", () => {
  test("keeps EndsOnce, OneAnswer and Fenced", () => {
    const events = record();
    expect(events.length).toBeGreaterThan(30);
    expect(endsOnce(events, ["default/r"])).toEqual([]);
    const answer = { namespace: "default", runId: "r", action: "ok", value: '{"kind":"bool","value":false}' };
    expect(oneAnswer(events, [answer])).toEqual([]);
    expect(fenced(events)).toEqual([]);
  });

  test("keeps them in a record that begins in the middle", () => {
    const events = record();
    for (let begin = 0; begin < events.length; begin++) {
      const rest = events.slice(begin);
      expect([...endsOnce(rest), ...fenced(rest)]).toEqual([]);
    }
  });
});

describe("EndsOnce sees", () => {
  test.each([
    {
      bug: "a second end",
      events: () => planted(ofKind("action_ended"), event("action_ended", { epoch: 4 })),
      says: "ended twice",
    },
    {
      bug: "a second end of the run",
      events: () => planted(isRunEnd, event("run_ended", { action: "" })),
      says: "ended twice",
    },
    {
      bug: "an attempt behind the end",
      events: () => planted(ofKind("action_ended"), event("action_started")),
      says: "behind its end",
    },
    {
      bug: "what happens behind the end of the run",
      events: () => planted(isRunEnd, event("action_queued")),
      says: "end of its run",
    },
    {
      bug: "a run that ends before its actions",
      events: () => record().filter((one) => !(one.kind === "action_ended" && one.action === "a/child")),
      says: "ended before default/r/a/child",
    },
    {
      bug: "an action that is opened before it has ended",
      events: () => planted(ofKind("action_reopened"), event("action_reopened")),
      says: "before its end",
    },
    {
      bug: "a run that is opened before it has ended",
      events: () => planted(ofKind("run_retried", ""), event("run_retried", { action: "" })),
      says: "before its end",
    },
    {
      bug: "an action that is created twice",
      events: () => planted(ofKind("action_created"), event("action_created")),
      says: "created twice",
    },
    {
      bug: "an accepted run that is lost",
      events: () => record().filter((one) => !isRunEnd(one)),
      says: "has not ended",
    },
  ])("$bug", ({ events, says }) => {
    expect(endsOnce(events(), ["default/r"]).join("\n")).toContain(says);
  });
});

describe("OneAnswer sees", () => {
  const yes = '{"kind":"bool","value":true}';
  const answered = (value: string) => event("condition_answered", { action: "ok", value });
  test.each([
    {
      bug: "a second answer",
      events: () => planted(ofKind("condition_answered", "ok"), answered(yes)),
      says: "took",
    },
    {
      bug: "an answer behind the end",
      events: () => planted(ofKind("action_ended", "ok"), answered(yes)),
      says: "took",
    },
    {
      bug: "an end with another value",
      events: () => record().map((one) => (ofKind("action_ended", "ok")(one) ? { ...one, value: yes } : one)),
      says: "not with its answer",
    },
  ])("$bug", ({ events, says }) => {
    expect(oneAnswer(events()).join("\n")).toContain(says);
  });

  test("an accepted signal that was not taken", () => {
    const signal = { namespace: "default", runId: "r", action: "ok", value: '{"kind":"bool","value":"no"}' };
    expect(oneAnswer(record(), [signal])).toHaveLength(1);
  });
});

describe("Fenced sees", () => {
  const failed = (one: RecordedEvent) => one.kind === "attempt_failed";
  test.each([
    {
      bug: "an end under an old epoch",
      events: () => record().map((one) => (ofKind("action_ended")(one) ? { ...one, epoch: 2 } : one)),
      says: "under 2 while",
    },
    {
      bug: "an epoch that does not grow",
      events: () => planted(failed, event("action_assigned", { epoch: 2 })),
      says: "leased as 2 after 2",
    },
    {
      bug: "a lease beside the current one",
      events: () => planted(ofKind("action_started"), event("action_assigned", { epoch: 9, attempt: 4 })),
      says: "was current",
    },
    {
      bug: "progress of an attempt that has failed",
      events: () => planted(failed, event("action_progressed")),
      says: "was over",
    },
    {
      bug: "a log line of an earlier attempt",
      events: () => planted(ofKind("action_logged"), event("action_logged", { attempt: 1 })),
      says: "of attempt 1",
    },
    {
      bug: "a start after it was given back",
      events: () => planted(ofKind("action_returned"), event("action_started", { epoch: 1 })),
      says: "was over",
    },
    {
      bug: "a step that ends after its task's attempt",
      events: () => planted(failed, event("action_ended", { action: "a/step", attempt: 0, epoch: 2 })),
      says: "was over",
    },
  ])("$bug", ({ events, says }) => {
    expect(fenced(events()).join("\n")).toContain(says);
  });

  test("a report that is taken without the fence", () => {
    const world = new World();
    world.create({ task: theTask({ retry: { maxAttempts: 2, initialBackoffMs: 0 } }) });
    world.attach();
    world.start();
    world.fail("main");
    world.at(0).start();
    // A server that skips the fence would take the end that attempt 1 reports now.
    const [end] = recordOf([{ first: 1n as never, events: world.events().slice(0, 1) }])[0] ?? [];
    const late = {
      ...end,
      ...event("action_ended", { action: "main", attempt: 1, epoch: 1, state: "SUCCEEDED" }),
    };
    expect(fenced([...recordOf(world.feed).flat(), late])).toEqual([
      "e: default/r/main has action_ended under 1 while 2 was current",
      "e: default/r/main has action_ended of attempt 1",
    ]);
  });
});
