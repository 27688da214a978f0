import { readFileSync } from "node:fs";
import { create, fromJson, type MessageInitShape } from "@bufbuild/protobuf";
import { timestampFromMs, ValueSchema } from "@bufbuild/protobuf/wkt";
import { describe, expect, test } from "vitest";
import { Action_State } from "../../gen/signalbox/v1/action_pb.ts";
import { type Event, EventSchema } from "../../gen/signalbox/v1/event_pb.ts";
import { compileExpression } from "../../src/api/expressions/expression.ts";
import { expressionNodesMax } from "../../src/limits.ts";

const about: MessageInitShape<typeof EventSchema> = {
  eventId: "00000000000000ff",
  createTime: timestampFromMs(Date.UTC(2026, 4, 1)),
  namespace: "default",
  runId: "nightly-17",
  action: "train/step",
  attempt: 2,
  runLabels: { team: "vision", tier: "gold" },
};

const ended = create(EventSchema, {
  ...about,
  detail: {
    case: "actionEnded",
    value: {
      state: Action_State.FAILED,
      epoch: 3n,
      outputs: { loss: { kind: { case: "floatValue", value: 0.25 } } },
      error: { type: "ValueError", message: "shape mismatch" },
    },
  },
});

const published = create(EventSchema, {
  ...about,
  detail: {
    case: "published",
    value: {
      source: "trainer",
      type: "epoch.done",
      attributes: { shard: "4" },
      payload: fromJson(ValueSchema, { epoch: 12, losses: [0.5, 0.25] }),
    },
  },
});

function evaluate(expression: string, event: Event): boolean | string {
  const compiled = compileExpression(expression);
  return compiled.ok ? compiled.matches(event) : compiled.fault;
}

describe("an expression", () => {
  test.each([
    { sees: "the kind", expression: `event.kind == "action_ended"`, gives: true },
    { sees: "another kind", expression: `event.kind in ["run_ended", "published"]`, gives: false },
    { sees: "enums by their names", expression: `event.action_ended.state == "FAILED"`, gives: true },
    { sees: "labels", expression: `event.run_labels["team"] == "vision"`, gives: true },
    { sees: "labels as fields", expression: `event.run_labels.team.startsWith("vis")`, gives: true },
    {
      sees: "whole numbers",
      expression: `event.attempt + 1 == 3 && event.action_ended.epoch > 2`,
      gives: true,
    },
    { sees: "fractions", expression: `event.action_ended.outputs["loss"].float_value < 0.5`, gives: true },
    { sees: "times", expression: `event.create_time >= timestamp("2026-05-01T00:00:00Z")`, gives: true },
    { sees: "what is set", expression: `has(event.action_ended.error) && !has(event.delivery)`, gives: true },
    { sees: "names by a pattern", expression: `event.run_id.matches("^nightly-[0-9]+$")`, gives: true },
    { sees: "maps as a whole", expression: `event.run_labels.exists(name, name == "tier")`, gives: true },
    {
      sees: "the event as a whole",
      expression: `event == event && size(event.run_labels) == 2`,
      gives: true,
    },
  ])("sees $sees: $expression", ({ expression, gives }) => {
    expect(evaluate(expression, ended)).toBe(gives);
  });

  test.each([
    { expression: `event.published.payload.epoch == 12`, gives: true },
    { expression: `event.published.payload.losses.all(loss, loss < 1.0)`, gives: true },
    { expression: `event.published.payload.losses[1] == 0.25`, gives: true },
    { expression: `event.published.attributes.shard == "4"`, gives: true },
    { expression: `event.published.payload.nothing == 1`, gives: false },
  ])("sees what is published: $expression", ({ expression, gives }) => {
    expect(evaluate(expression, published)).toBe(gives);
  });

  test.each([
    { of: "a detail that the event does not have", expression: `event.run_ended.state == "FAILED"` },
    { of: "the opposite of it", expression: `!(event.run_ended.state == "FAILED")` },
    { of: "a label that is not there", expression: `event.run_labels.nobody != "x"` },
    { of: "values of other types", expression: `event.run_id < 3` },
    { of: "something else than true", expression: `event.attempt == 2 ? event.run_id : "no"` },
    { of: "a number divided by nothing", expression: `event.attempt / 0 == 1` },
  ])("does not match because of $of: $expression", ({ expression }) => {
    expect(evaluate(expression, ended)).toBe(false);
  });

  test("needs only one side of an or", () => {
    expect(evaluate(`event.run_ended.state == "FAILED" || event.attempt == 2`, ended)).toBe(true);
  });

  const deep = `${"(".repeat(33)}true${")".repeat(33)}`;
  test.each([
    { given: "a syntax error", expression: `event.kind ==`, fault: /^at 12: found = / },
    {
      given: "a field that there is not",
      expression: `event.foo == 1`,
      fault: /^at 6: Event has no field foo$/,
    },
    {
      given: "a field that a detail has not",
      expression: `event.action_ended.stat == ""`,
      fault: /^at 19: ActionEnded has no field stat$/,
    },
    {
      given: "a kind that there is not",
      expression: `event.kind == "run_end"`,
      fault: /no kind of event "run_end"/,
    },
    {
      given: "a state that there is not",
      expression: `event.action_ended.state == "failed"`,
      fault: /no state "failed"/,
    },
    { given: "another variable", expression: `request.user == "x"`, fault: /there is no request/ },
    { given: "a function that there is not", expression: `event.run_id.frob()`, fault: /no function frob/ },
    { given: "too many arguments", expression: `size(event.run_id, 1) == 2`, fault: /size is not used/ },
    { given: "no test", expression: `event.namespace`, fault: /must be true or false/ },
    { given: "a bad pattern", expression: `event.run_id.matches("(")`, fault: /the pattern is none/ },
    {
      given: "a pattern that is not known before",
      expression: `event.run_id.matches(event.action)`,
      fault: /must be a text that stands there/,
    },
    { given: "messages", expression: `google.protobuf.Empty{} == event`, fault: /messages cannot be made/ },
    {
      given: "three loops in each other",
      expression: `[1].all(a, [1].all(b, [1].all(c, true)))`,
      fault: /more than 2 loops/,
    },
    { given: "too many brackets", expression: deep, fault: /^at 33: more than 32 brackets/ },
    {
      given: "too many parts",
      expression: `true${" && true".repeat(expressionNodesMax)}`,
      fault: /more than 500 parts/,
    },
    { given: "nothing", expression: " ", fault: /found end of input/ },
  ])("with $given is refused, with the place: $fault", ({ expression, fault }) => {
    expect(evaluate(expression, ended)).toMatch(fault);
  });

  test("that takes too many steps does not match, though it is true", () => {
    const list = `[${Array.from({ length: 100 }, (_, index) => index).join(",")}]`;
    expect(evaluate(`${list}.all(a, a >= 0)`, ended)).toBe(true);
    expect(evaluate(`${list}.all(a, ${list}.all(b, a + b >= 0 && a - b < 1000 && a * b >= 0))`, ended)).toBe(
      false,
    );
  });

  test("that looks through large texts again and again does not match", () => {
    const message = "x".repeat(16_000);
    const logged = create(EventSchema, { ...about, detail: { case: "actionLogged", value: { message } } });
    const once = `event.action_logged.message.matches("y$") == false`;
    expect(evaluate(once, logged)).toBe(true);
    expect(evaluate(Array.from({ length: 20 }, () => once).join(" && "), logged)).toBe(false);
  });
});

describe("docs/feed.md", () => {
  const text = readFileSync(new URL("../../docs/feed.md", import.meta.url), "utf8");
  const section = /\| example \| wants \|\n([\s\S]*?)\n\n/.exec(text)?.[1] ?? "";
  const examples = [...section.matchAll(/^\| `(.+?)` \|/gm)].map(([, one]) =>
    (one ?? "").replaceAll("\\|", "|"),
  );
  const sources = examples.filter((one) => one.includes("event."));

  test("has examples", () => {
    expect(sources.length).toBeGreaterThan(8);
  });

  test.each(sources)("has an example that can be used: %s", (expression) => {
    expect(compileExpression(expression)).toMatchObject({ ok: true });
  });
});
