import { describe, expect, test } from "vitest";
import { answerOfForm, answerOfJson } from "../../src/api/callbacks/answer-body.ts";
import { valueOfJson, valueOfText } from "../../src/api/callbacks/answer-value.ts";
import {
  callbackBodyBytesMax,
  invalidLinkPeersMax,
  invalidLinksMax,
} from "../../src/api/callbacks/callback-limits.ts";
import { html } from "../../src/api/callbacks/html.ts";
import { InvalidLinks } from "../../src/api/callbacks/invalid-links.ts";
import { fillPayload, PayloadTooLarge } from "../../src/api/callbacks/payload.ts";
import { headerFault } from "../../src/api/callbacks/webhook-faults.ts";
import type { ConditionSpec } from "../../src/core/action.ts";
import { plainTerms } from "../../src/core/conditions/terms.ts";
import type { Json, ValueType } from "../../src/core/value.ts";

const filling = {
  callback_uri: "https://box.example/answer/t",
  prompt: 'Deploy "it"? {callback_uri} $& $1',
  run_id: "r1",
  name: "a/b",
  namespace: "team",
  event: "ended",
  outcome: "ANSWERED",
  answer: "true",
};

describe("a payload", () => {
  test.each<{ given: string; template: Json; gives: Json }>([
    { given: "a place alone", template: { u: "{callback_uri}" }, gives: { u: filling.callback_uri } },
    {
      given: "places within a text, and twice",
      template: { t: "<{callback_uri}|{name}> {name} in {namespace}/{run_id}" },
      gives: { t: `<${filling.callback_uri}|a/b> a/b in team/r1` },
    },
    {
      given: "places deep inside, in lists too",
      template: { a: [{ b: ["{name}", 1, null, true, { c: "{run_id}" }] }] },
      gives: { a: [{ b: ["a/b", 1, null, true, { c: "r1" }] }] },
    },
    {
      given: "names of members that look like places",
      template: { "{name}": "{name}" },
      gives: { "{name}": "a/b" },
    },
    {
      given: "other braces",
      template: { t: "{} {other} {{name}} { name } {NAME} {callback_uri" },
      gives: { t: "{} {other} {a/b} { name } {NAME} {callback_uri" },
    },
    { given: "what is filled in, once", template: { t: "{prompt}" }, gives: { t: filling.prompt } },
    {
      given: "a member __proto__",
      template: JSON.parse('{"__proto__": "{name}"}'),
      gives: JSON.parse('{"__proto__": "a/b"}'),
    },
    {
      given: "how it ended",
      template: { t: "{event}: {outcome} {answer}" },
      gives: { t: "ended: ANSWERED true" },
    },
    { given: "nothing to fill in", template: {}, gives: {} },
  ])("fills in $given", ({ template, gives }) => {
    expect(fillPayload(template, filling)).toBe(JSON.stringify(gives));
  });

  test("that grows beyond what is posted is none", () => {
    const prompt = "x".repeat(10_000);
    const places = Math.floor(callbackBodyBytesMax / prompt.length);
    const template = (count: number) => ({ t: "{prompt}".repeat(count) });
    expect(fillPayload(template(places), { ...filling, prompt }).length).toBeGreaterThan(1_000_000);
    expect(() => fillPayload(template(places + 1), { ...filling, prompt })).toThrow(PayloadTooLarge);
    expect(() => fillPayload({ t: "é".repeat(600_000) }, filling)).toThrow(PayloadTooLarge);
  });
});

describe("an answer", () => {
  const deep = (levels: number): unknown => (levels === 0 ? 1 : [deep(levels - 1)]);

  test.each<{ type: ValueType; json: unknown; gives: unknown }>([
    { type: "bool", json: true, gives: { kind: "bool", value: true } },
    { type: "bool", json: "true", gives: "must be true or false" },
    { type: "int", json: 7, gives: { kind: "int", value: "7" } },
    { type: "int", json: -0, gives: { kind: "int", value: "0" } },
    { type: "int", json: "9007199254740993", gives: { kind: "int", value: "9007199254740993" } },
    { type: "int", json: "+007", gives: { kind: "int", value: "7" } },
    { type: "int", json: 9007199254740992, gives: "must be a whole number, beyond 2^53 as a text" },
    { type: "int", json: 1.5, gives: "must be a whole number, beyond 2^53 as a text" },
    { type: "int", json: "9223372036854775807", gives: { kind: "int", value: "9223372036854775807" } },
    { type: "int", json: "9223372036854775808", gives: "must be a whole number of 64 bits" },
    { type: "int", json: "-9223372036854775808", gives: { kind: "int", value: "-9223372036854775808" } },
    { type: "int", json: "1".repeat(60_000), gives: "must be a whole number of 64 bits" },
    { type: "float", json: 1.5, gives: { kind: "float", value: 1.5 } },
    { type: "float", json: "NaN", gives: { kind: "float", value: "NaN" } },
    { type: "float", json: "1.5", gives: 'must be a number, or "NaN", "Infinity" or "-Infinity"' },
    { type: "string", json: "", gives: { kind: "string", value: "" } },
    { type: "string", json: 1, gives: "must be a text" },
    { type: "json", json: null, gives: { kind: "json", value: null } },
    { type: "json", json: { a: [1] }, gives: { kind: "json", value: { a: [1] } } },
    { type: "json", json: deep(29), gives: { kind: "json", value: deep(29) } },
    { type: "json", json: deep(30), gives: "must not be nested deeper than 30 levels" },
  ])("of $type in JSON is read as $gives", ({ type, json, gives }) => {
    const read = valueOfJson(json, { type });
    expect(read.ok ? read.value : read.violation.description).toEqual(gives);
  });

  test.each<{ type: ValueType; text: string; gives: unknown }>([
    { type: "bool", text: "false", gives: { kind: "bool", value: false } },
    { type: "bool", text: "no", gives: "must be true or false" },
    { type: "int", text: " 12 ", gives: { kind: "int", value: "12" } },
    { type: "int", text: "1e3", gives: "must be a whole number of 64 bits" },
    { type: "float", text: "-1.5e3", gives: { kind: "float", value: -1500 } },
    { type: "float", text: ".5", gives: { kind: "float", value: 0.5 } },
    { type: "float", text: "Infinity", gives: { kind: "float", value: "Infinity" } },
    { type: "float", text: "1e999", gives: "must be a number" },
    { type: "float", text: "0x10", gives: "must be a number" },
    { type: "float", text: "", gives: "must be a number" },
    { type: "string", text: " a\r\nb ", gives: { kind: "string", value: " a\nb " } },
    { type: "json", text: '{"a": 1}', gives: { kind: "json", value: { a: 1 } } },
    { type: "json", text: "{", gives: expect.stringMatching(/^must be JSON: /) },
  ])("of $type in a form is read from $text", ({ type, text, gives }) => {
    const read = valueOfText(text, { type });
    expect(read.ok ? read.value : read.violation.description).toEqual(gives);
  });

  const spec = (parts: Partial<ConditionSpec> = {}): ConditionSpec => ({
    kind: "condition",
    type: "string",
    prompt: "",
    description: "",
    timeoutMs: undefined,
    defaultValue: undefined,
    terms: undefined,
    dependencies: [],
    labels: {},
    ...parts,
  });
  const red = { kind: "string", value: "red" } as const;
  const choosing = spec({
    terms: { ...plainTerms, choices: [{ value: red, label: "Red", description: "" }] },
  });

  test.each([
    { form: "value=a&comment=b", of: spec(), gives: { value: { kind: "string", value: "a" }, comment: "b" } },
    { form: "choice=0&value=", of: choosing, gives: { value: red, comment: "" } },
    {
      form: "choice=other&value=blue",
      of: choosing,
      gives: { value: { kind: "string", value: "blue" }, comment: "" },
    },
    { form: "choice=1&value=blue", of: choosing, gives: ["choice"] },
    { form: "choice=0", of: spec(), gives: ["choice"] },
    { form: "comment=b", of: spec(), gives: ["value"] },
    { form: "", of: spec(), gives: ["value"] },
    { form: `value=x&comment=${"c".repeat(5_000)}`, of: spec({ type: "int" }), gives: ["value", "comment"] },
  ])("in the form $form is read", ({ form, of, gives }) => {
    const read = answerOfForm(form, of);
    expect(read.ok ? read.answer : read.violations.map(({ field }) => field)).toEqual(gives);
  });

  test.each([
    {
      text: '{"value": "a", "comment": "b"}',
      gives: { value: { kind: "string", value: "a" }, comment: "b" },
    },
    { text: "{}", gives: ["value"] },
    { text: '{"vaule": 1}', gives: ["vaule"] },
    { text: '{"value": "a", "comment": 1}', gives: ["comment"] },
    { text: '{"__proto__": {"value": "a"}}', gives: ["__proto__"] },
  ])("in the JSON $text is read", ({ text, gives }) => {
    const read = answerOfJson(text, spec());
    expect(read.ok ? read.answer : read.violations.map(({ field }) => field)).toEqual(gives);
  });

  test.each(["", "{", "1", "[]", "null"])("is not in the JSON %s", (text) => {
    expect(() => answerOfJson(text, spec())).toThrow(/JSON/);
  });
});

test("HTML escapes what is filled in, unless it is HTML", () => {
  const nasty = `<script>"'&</script>`;
  expect(html`<p title="${nasty}">${html`<b>${nasty}</b>`}${undefined}${[html`<i></i>`]}${1}</p>`.text).toBe(
    '<p title="&lt;script&gt;&quot;&#39;&amp;&lt;/script&gt;">' +
      "<b>&lt;script&gt;&quot;&#39;&amp;&lt;/script&gt;</b><i></i>1</p>",
  );
});

test.each([
  "Host",
  "content-length",
  "Transfer-Encoding",
  "webhook-signature",
  "CE-Type",
  "proxy-authorization",
])("a webhook cannot set the header %s", (name) => {
  expect(headerFault(name)).toMatch(/header/);
});

test.each(["authorization", "content-type", "X-Team", "hosts"])("a webhook can set the header %s", (name) => {
  expect(headerFault(name)).toBeUndefined();
});

describe("invalid links", () => {
  test("are counted by address, and forgotten with their window", () => {
    const invalid = new InvalidLinks();
    const counted = Array.from({ length: invalidLinksMax + 1 }, () => invalid.count("a", 0));
    expect(counted.filter((isLittle) => isLittle)).toHaveLength(invalidLinksMax);
    expect(invalid.count("b", 0)).toBe(true);
    expect(invalid.count("a", 59_999)).toBe(false);
    expect(invalid.count("a", 60_000)).toBe(true);
  });

  test("of too many addresses are forgotten, the oldest first", () => {
    const invalid = new InvalidLinks();
    for (let count = 0; count <= invalidLinksMax; count += 1) invalid.count("first", 0);
    for (let peer = 1; peer < invalidLinkPeersMax; peer += 1) invalid.count(`peer ${peer}`, 0);
    expect(invalid.count("first", 0)).toBe(false);
    invalid.count("one more", 0);
    expect(invalid.count("first", 0)).toBe(true);
  });
});
