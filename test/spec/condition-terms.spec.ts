import { describe, expect, test } from "vitest";
import { escalationsMax, termsBytesMax } from "../../src/core/conditions/condition-limits.ts";
import type { ConditionTerms } from "../../src/core/conditions/terms.ts";
import type { NewCondition } from "../../src/core/stated.ts";
import type { Json, Value } from "../../src/core/value.ts";
import { aCondition, answerRule, aTask, bool, int, terms, text } from "../support/builders.ts";
import { World } from "../support/world.ts";

const choice = (value: Value) => ({ value, label: "", description: "" });
const step = (afterMs: number) => ({ afterMs, notify: [], subjects: [], groups: [], assignee: "" });

interface Row {
  readonly what: string;
  readonly asked: Partial<Omit<NewCondition, "terms">> & { readonly terms?: Partial<ConditionTerms> };
  readonly wrong: readonly string[];
}

const nested: Json = { type: "array", items: { pattern: "(" } };
const rows: readonly Row[] = [
  { what: "nothing but a type", asked: {}, wrong: [] },
  { what: "a schema", asked: { terms: { schema: { type: "boolean" } } }, wrong: [] },
  {
    what: "a schema that cannot be read, at each place",
    asked: { terms: { schema: { minimum: "a", properties: { a: nested } } } },
    wrong: ["schema/minimum", "schema/properties/a/items/pattern"],
  },
  { what: "a schema that is none", asked: { terms: { schema: [] } }, wrong: ["schema"] },
  {
    what: "a default value of another type, and without a timeout",
    asked: { defaultValue: text("no") },
    wrong: ["default_value", "default_value"],
  },
  {
    what: "a default value without a timeout, for when its answers do not decide",
    asked: { defaultValue: bool(true), terms: { rule: answerRule({ requiredCount: 2 }) } },
    wrong: [],
  },
  {
    what: "a default value that does not keep the schema",
    asked: { type: "int", timeoutMs: 1, defaultValue: int(3), terms: { schema: { minimum: 4 } } },
    wrong: ["default_value"],
  },
  {
    what: "choices that do not fit",
    asked: {
      type: "string",
      terms: {
        schema: { minLength: 2 },
        choices: [choice(text("yes")), choice(text("n")), choice(bool(true))],
      },
    },
    wrong: ["choices[1].value", "choices[2].value"],
  },
  {
    what: "choices of which an int stands for a float",
    asked: { type: "float", terms: { choices: [choice(int(1))] } },
    wrong: [],
  },
  {
    what: "a veto of another type",
    asked: { terms: { rule: answerRule({ veto: text("no") }) } },
    wrong: ["answer_rule.veto"],
  },
  {
    what: "a veto that does not keep the schema",
    asked: { terms: { schema: { const: true }, rule: answerRule({ veto: bool(false) }) } },
    wrong: ["answer_rule.veto"],
  },
  {
    what: "more equal answers than voters",
    asked: { terms: { rule: answerRule({ requiredCount: 3, voterCount: 2 }) } },
    wrong: ["answer_rule.voter_count"],
  },
  {
    what: "as many equal answers as voters",
    asked: { terms: { rule: answerRule({ requiredCount: 2, voterCount: 2 }) } },
    wrong: [],
  },
  {
    what: "steps out of order",
    asked: { terms: { escalations: [step(2), step(1), step(1), step(0)] } },
    wrong: ["escalations[1].after", "escalations[3].after"],
  },
  {
    what: "too many steps",
    asked: { terms: { escalations: Array.from({ length: escalationsMax + 1 }, (_, index) => step(index)) } },
    wrong: ["escalations"],
  },
  {
    what: "too much in all",
    asked: { terms: { choices: [{ ...choice(bool(true)), description: "x".repeat(termsBytesMax) }] } },
    wrong: [""],
  },
  {
    what: "several things that are wrong, all of them at once",
    asked: {
      defaultValue: int(1),
      terms: {
        schema: { minimum: "a" },
        rule: answerRule({ requiredCount: 3, voterCount: 2, veto: int(1) }),
        escalations: [step(2), step(1)],
      },
    },
    wrong: [
      "schema/minimum",
      "default_value",
      "answer_rule.voter_count",
      "answer_rule.veto",
      "escalations[1].after",
    ],
  },
];

describe("a condition that asks for", () => {
  const conditionOf = ({ asked: { terms: asked, ...parts } }: Row) =>
    aCondition("c", { ...parts, ...(asked === undefined ? {} : { terms: terms(asked) }) });
  const violationsOf = (field: string, wrong: readonly string[]) =>
    wrong.map((path) => ({ field: path === "" ? field : `${field}.${path}` }));

  test.each(rows)("$what, in a plan, is wrong at $wrong", (row) => {
    const world = new World();
    const done = world.create({ plan: [aTask("a"), conditionOf(row)] });
    if (row.wrong.length === 0) expect(done).toMatchObject({ ok: true });
    else {
      const violations = violationsOf("run.plan.actions[1].condition", row.wrong);
      expect(done).toMatchObject({ refusal: { reason: "INVALID_REQUEST", violations } });
    }
  });

  test.each(rows)("$what, from a task, is wrong at $wrong", (row) => {
    const world = new World();
    world.create({ plan: [aTask("a")] });
    world.attach();
    world.start();
    const done = world.add("a", conditionOf(row));
    if (row.wrong.length === 0) expect(done).toMatchObject({ ok: true });
    else {
      const violations = violationsOf("add_actions.actions[0].condition", row.wrong);
      expect(done).toMatchObject({ refusal: { reason: "INVALID_REQUEST", violations } });
    }
  });
});

describe("a task that asks again for its condition", () => {
  test("finds it as it is, whatever else it asks for now", () => {
    const world = new World();
    world.create({ plan: [aTask("a")] });
    world.attach();
    world.start();
    world.add("a", aCondition("c"));
    const done = world.add("a", aCondition("c", { terms: terms({ schema: { const: true } }) }));
    expect(done).toMatchObject({
      ok: true,
      answer: { actions: [{ state: "PAUSED", spec: { terms: undefined } }] },
    });
  });

  test("of another type is refused", () => {
    const world = new World();
    world.create({ plan: [aTask("a")] });
    world.attach();
    world.start();
    world.add("a", aCondition("c"));
    expect(world.add("a", aCondition("c", { type: "string" }))).toMatchObject({
      refusal: { reason: "ACTION_EXISTS" },
    });
  });
});
