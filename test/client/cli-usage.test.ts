import { mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { commands } from "../../src/cli/commands.ts";
import { exitCodeMeanings } from "../../src/cli/exit-codes.ts";
import { didYouMean } from "../../src/cli/input/did-you-mean.ts";
import { readOpFile } from "../../src/cli/input/op-file.ts";
import { parseDurationMs } from "../../src/cli/input/parse-duration.ts";
import { parseLiteral, parseTyped } from "../../src/cli/input/parse-value.ts";
import { readPlanFile } from "../../src/cli/input/plan-file.ts";
import { printAge, printDuration } from "../../src/cli/output/print-duration.ts";
import { runCli } from "./cli-run.ts";

const folder = mkdtempSync(join(tmpdir(), "signalbox-cli-"));

function file(content: string): string {
  const path = join(folder, `${content.length}-${Math.trunc(content.charCodeAt(3))}.json`);
  writeFileSync(path, content);
  return path;
}

describe("a command line that makes no sense ends with 2 and says what would", () => {
  test.each([
    { args: ["runz"], says: "there is no command runz (did you mean run or runs?)" },
    { args: ["frobnicate"], says: "there is no command frobnicate" },
    {
      args: ["op", "list"],
      says: "there is no command op list: say op show or op register or op validate or op delete",
    },
    { args: ["run", "--wiat"], says: "there is no option --wiat here (did you mean --wait?)" },
    { args: ["--jsn", "runs"], says: "there is no option --jsn here (did you mean --json?)" },
    { args: ["runs", "--state"], says: "--state needs a value: --state STATE" },
    { args: ["runs", "--state", "--json"], says: "--state needs a value" },
    { args: ["runs", "--json=yes"], says: "--json takes no value" },
    { args: ["runs", "--state", "done"], says: '--state is "done" and must be one of queued, running' },
    { args: ["runs", "--limit", "2", "--limit", "3"], says: "--limit can be said only once" },
    { args: ["runs", "--limit", "-1"], says: '--limit is "-1" and must be a whole number from 0' },
    { args: ["runs", "--label", "team"], says: '--label is "team" and must be NAME=VALUE' },
    { args: ["runs", "--label", "a=1", "--label", "a=2"], says: "--label says a twice" },
    { args: ["signal", "r1"], says: "signal needs NAME" },
    { args: ["watch", "r1", "r2"], says: 'watch does not know what to do with "r2"' },
    { args: ["run"], says: "run needs an op or --plan FILE.json" },
    { args: ["run", "count", "--plan", "x.json"], says: "run needs an op or --plan FILE.json" },
    { args: ["run", "--plan", "/no/such.json"], says: "cannot read /no/such.json" },
    { args: ["run", "--plan", "x.json", "--input", "a=1"], says: "--input is for an op" },
    { args: ["run", "count", "--timeout", "5"], says: '--timeout is "5", which is no duration: say 90s' },
    { args: ["run", "count", "--priority", "5000"], says: "--priority is" },
    { args: ["run", "count", "--input-json", "[1]"], says: "--input-json must be a JSON object" },
    {
      args: ["run", "count", "--input-json", "{"],
      says: "--input-json must be a JSON object, and this is no JSON",
    },
    {
      args: ["run", "count", "--input", "a=1", "--input-json", '{"a":2}'],
      says: "--input and --input-json both say a",
    },
    { args: ["update", "r1"], says: "update needs something to change" },
    { args: ["events", "--from", "now"], says: "say --follow" },
    { args: ["events", "--kind", "run_endet"], says: "--kind is" },
    { args: ["run", "count", "--cpu", "many"], says: '--cpu is "many" and must be a number from 0' },
    { args: ["run", "count", "--devices", "65"], says: "--devices is" },
    { args: ["run", "--plan", "x.json", "--cpu", "1"], says: "--cpu is for an op" },
    { args: ["run", "--plan", "x.json", "--tolerate", "gpu"], says: "--tolerate is for an op" },
    { args: ["run", "count", "--attribute", "k=v"], says: "--attribute is for a run with a --topic" },
    { args: ["runs", "--within", "today"], says: '--within is "today", which is no duration' },
    { args: ["timeline", "r1", "--attempt", "0"], says: "--attempt is" },
    { args: ["evict"], says: "evict needs WORKER" },
    { args: ["end", "r1", "main"], says: "end needs STATE" },
    { args: ["end", "r1", "main", "done"], says: '"done" and must be one of succeeded, failed, cancelled' },
    { args: ["end", "r1", "main", "failed"], says: "needs --error: what went wrong" },
    { args: ["end", "r1", "main", "cancelled", "--output", "a=1"], says: "--output is for an action" },
    { args: ["end", "r1", "main", "succeeded", "--error", "x"], says: "--error and --error-type are for" },
    { args: ["op", "delete", "a", "--version", "1.0.0"], says: "--version is" },
    { args: ["events", "--kind", "run_endet"], says: "(did you mean run_ended?)" },
    { args: ["signal-key", "k", "5", "--type", "integer"], says: "must be one of bool, int, float" },
    { args: ["snooze", "r1", "ok", "--until", "2020-01-01T00:00Z"], says: "is over: --wake brings it back" },
    { args: ["op", "register", "/no/such.json"], says: "cannot read /no/such.json" },
    { args: ["op", "validate", "a", "--input-json", "5"], says: "--input-json must be a JSON object" },
    { args: ["limit", "set", "a", "--max", "2"], says: "needs one of --op OP, --label K[=V] and --all" },
    { args: ["limit", "set", "a", "--op", "b", "--all", "--max", "2"], says: "limit set needs one of" },
    { args: ["limit", "set", "a", "--op", "b"], says: "needs something to hold: --max, --rate or --weight" },
    { args: ["limit", "set", "a", "--op", "b", "--max", "0"], says: "--max is" },
    { args: ["limit", "set", "a", "--op", "b", "--rate", "5"], says: "must be N/DURATION, such as 100/1m" },
    { args: ["limit", "set", "a", "--op", "b", "--rate", "0/1m"], says: "must be N/DURATION" },
    {
      args: ["limit", "set", "a", "--op", "b", "--rate", "5/x"],
      says: '--rate is "x", which is no duration',
    },
    { args: ["limit", "set", "a", "--op", "b", "--weight", "2"], says: "--weight is for a limit of --all" },
    { args: ["subscription", "create", "a", "--secret", "x"], says: "--secret is for a --webhook" },
    {
      args: ["subscription", "create", "a", "--post-timeout", "1s"],
      says: "--post-timeout is for a --webhook",
    },
    { args: ["subscription", "create", "a", "--subject", "x"], says: "--subject is for --nats" },
    { args: ["subscription", "create", "a", "--nats", "--webhook", "x"], says: "say --webhook or --nats" },
    { args: ["subscription", "create", "a", "--kind", "run_endet"], says: "--kind is" },
    { args: ["subscription", "consume", "a", "--count", "0"], says: "--count is" },
    {
      args: ["subscription", "list"],
      says: "there is no command subscription list: say subscription show or",
    },
    { args: ["dead-letters", "a", "--release", "--forget"], says: "say --release or --forget, not both" },
    { args: ["--server", "not a url", "runs"], says: 'the address "not a url" is no URL and no host:port' },
  ])("$args", async ({ args, says }) => {
    const ran = await runCli(args);
    expect(ran.notes).toContain(says);
    expect(ran).toMatchObject({ code: 2, out: "" });
  });

  test("with --json as one JSON object on the other stream", async () => {
    const { notes } = await runCli(["runz", "--json"]);
    expect(JSON.parse(notes)).toEqual({
      error: { kind: "usage", message: "there is no command runz (did you mean run or runs?)" },
    });
  });
});

describe("help", () => {
  test.each([{ args: [] }, { args: ["help"] }, { args: ["--help"] }, { args: ["-h"] }])(
    "$args names every command and every exit code",
    async ({ args }) => {
      const { code, out } = await runCli(args);
      expect(code).toBe(0);
      for (const { name } of commands) {
        expect(out).toContain(`  ${name}`);
      }
      for (const { code: exitCode, meaning } of exitCodeMeanings) {
        expect(out).toMatch(new RegExp(`${exitCode} +${meaning.replace(/[()]/g, ".")}`));
      }
    },
  );

  test.each(commands.map(({ name }) => ({ name })))(
    "tells about $name without a server",
    async ({ name }) => {
      const asked = await runCli(["help", ...name.split(" ")]);
      const flagged = await runCli([...name.split(" "), "--help"]);
      expect(asked.out).toContain(`signalbox ${name}`);
      expect(flagged).toEqual(asked);
    },
  );

  test("tells the options of the server too", async () => {
    const written: string[] = [];
    const write = process.stdout.write.bind(process.stdout);
    process.stdout.write = (text) => written.push(String(text)) > 0;
    const { code } = await runCli(["help", "serve"]).finally(() => {
      process.stdout.write = write;
    });
    expect(code).toBe(0);
    expect(written.join("")).toContain("--port");
  });
});

test("the documentation names every command and every exit code", () => {
  const page = readFileSync(`${import.meta.dirname}/../../docs/cli.md`, "utf8");
  const missing = commands.filter(({ name }) => !page.includes(`\`${name}`)).map(({ name }) => name);
  expect(missing).toEqual([]);
  for (const { code, meaning } of exitCodeMeanings) {
    expect(page).toContain(`| ${code} | ${meaning} |`);
  }
});

test.each([{ args: ["version"] }, { args: ["--version"] }])("$args says the version", async ({ args }) => {
  expect((await runCli(args)).out).toMatch(/^signalbox \d+\.\d+\.\d+/);
  const { out } = await runCli([...args, "--json"]);
  expect(JSON.parse(out)).toEqual({ version: expect.stringMatching(/^\d/) });
});

describe("a word that is not known", () => {
  test.each([
    { unknown: "wrokers", near: " (did you mean workers?)" },
    { unknown: "cond", near: " (did you mean conditions?)" },
    { unknown: "sgnal", near: " (did you mean signal?)" },
    { unknown: "x", near: "" },
    { unknown: "completely", near: "" },
  ])("$unknown leads to '$near'", ({ unknown, near }) => {
    expect(didYouMean(unknown, ["workers", "conditions", "signal", "runs"])).toBe(near);
  });
});

describe("a duration", () => {
  test.each([
    { text: "90s", ms: 90_000 },
    { text: "1h30m", ms: 5_400_000 },
    { text: "250ms", ms: 250 },
    { text: "1.5s", ms: 1_500 },
    { text: "2d", ms: 172_800_000 },
  ])("$text is $ms ms", ({ text, ms }) => {
    expect(parseDurationMs(text, "it")).toBe(ms);
  });

  test.each(["", "5", "m", "5 m", "5m!", "-5s", "1h banana"])("%j is none", (text) => {
    expect(() => parseDurationMs(text, "it")).toThrow("it is");
  });

  test.each([
    { ms: 0, prints: "0ms" },
    { ms: 349.6, prints: "350ms" },
    { ms: 4_200, prints: "4.2s" },
    { ms: 59_960, prints: "1m00s" },
    { ms: 125_000, prints: "2m05s" },
    { ms: 12_000_000, prints: "3h20m" },
    { ms: 360_000_000, prints: "4d04h" },
  ])("of $ms ms prints as $prints", ({ ms, prints }) => {
    expect(printDuration(ms)).toBe(prints);
  });

  test.each([
    { seconds: 42, prints: "42s" },
    { seconds: 185, prints: "3m" },
    { seconds: 90_000, prints: "25h" },
    { seconds: 172_800, prints: "2d" },
    { seconds: -5, prints: "0s" },
  ])("since $seconds s ago prints as $prints", ({ seconds, prints }) => {
    const now = new Date(1_000_000_000_000);
    expect(printAge(new Date(now.getTime() - seconds * 1_000), now)).toBe(prints);
  });
});

describe("an answer", () => {
  test.each([
    { text: "true", type: "bool", gives: { case: "boolValue", value: true } },
    { text: "No", type: "bool", gives: { case: "boolValue", value: false } },
    { text: "9007199254740993", type: "int", gives: { case: "intValue", value: 9007199254740993n } },
    { text: "5", type: "float", gives: { case: "floatValue", value: 5 } },
    { text: "-1e3", type: "float", gives: { case: "floatValue", value: -1000 } },
    { text: "true", type: "string", gives: { case: "stringValue", value: "true" } },
  ] as const)("$text as a $type is $gives.case", ({ text, type, gives }) => {
    expect(parseTyped(text, type, "it").kind).toEqual(gives);
  });

  test.each([
    { text: '{"a": [1]}', gives: "structValue" },
    { text: '"text"', gives: "stringValue" },
    { text: "null", gives: "nullValue" },
  ])("$text as JSON is a $gives", ({ text, gives }) => {
    expect(parseTyped(text, "json", "it").kind).toMatchObject({
      case: "jsonValue",
      value: { kind: { case: gives } },
    });
  });

  test.each([
    { text: "maybe", type: "bool", says: "it asks for a bool: say true or false" },
    { text: "1.5", type: "int", says: "it asks for an int" },
    { text: "9223372036854775808", type: "int", says: "whole number of 64 bits" },
    { text: "five", type: "float", says: "it asks for a float" },
    { text: "{a}", type: "json", says: "it asks for JSON, and this is no JSON" },
  ] as const)("$text as a $type is a mistake", ({ text, type, says }) => {
    expect(() => parseTyped(text, type, "it")).toThrow(says);
  });

  test.each([
    { text: "true", gives: "boolValue" },
    { text: "5", gives: "intValue" },
    { text: "5.5", gives: "floatValue" },
    { text: "007", gives: "stringValue" },
    { text: "1.10", gives: "stringValue" },
    { text: "99999999999999999999", gives: "stringValue" },
    { text: "null", gives: "nullValue" },
    { text: '"5"', gives: "stringValue" },
    { text: "[1]", gives: "jsonValue" },
    { text: "anything else", gives: "stringValue" },
  ])("$text of no declared type is a $gives", ({ text, gives }) => {
    expect(parseLiteral(text).kind.case).toBe(gives);
  });
});

describe("an op file", () => {
  test("that is wrong is told all that is wrong with it at once", () => {
    const wrong = JSON.stringify({
      name: "a",
      inputs: { n: { type: "number" }, m: { typ: "int" } },
      outputs: { p: { type: "string", default: 5 } },
      resources: { cpus: 1 },
      placement: { tolerations: [{ value: "x" }, 5] },
      delivery: { attributes: {} },
    });
    expect(() => readOpFile(file(wrong))).toThrow(
      [
        'resources has no field "cpus" (did you mean cpu?)',
        "placement.tolerations needs key, text",
        "placement.tolerations must be an object",
        "delivery needs topic, text",
        "inputs.n.type must be one of string, int, float, bool, object, array, any",
        'inputs.m has no field "typ" (did you mean type?)',
        "inputs.m needs type, text",
        'outputs.p has no field "default"',
      ].join("\n  "),
    );
  });
});

describe("a plan file", () => {
  test("says what its tasks ask for, each part checked", () => {
    const task = { op: "x", resources: { cpu: 1 }, placement: { tolerations: [{ key: "gpu" }] } };
    expect(readPlanFile(file(JSON.stringify([{ name: "a", task }])))).toMatchObject([{ name: "a", task }]);
    const wrong = { op: "x", resources: { gpu: 1 }, placement: { zone: "a" }, timeouts: 5 };
    expect(() => readPlanFile(file(JSON.stringify([{ name: "ab", task: wrong }])))).toThrow(
      [
        "ab.task.timeouts must be an object",
        'ab.task.resources has no field "gpu" (did you mean cpu?)',
        'ab.task.placement has no field "zone"',
      ].join("\n  "),
    );
  });

  test("is a list of actions, or an object whose plan is one", () => {
    const plan = '[{"name": "a", "task": {"op": "x", "inputFrom": {"n": {"from": "b"}}, "input": {"m": 1}}}]';
    const actions = readPlanFile(file(plan));
    expect(actions).toMatchObject([
      { name: "a", task: { op: "x", input: { m: 1, n: { from: "b", output: "" } } } },
    ]);
    expect(readPlanFile(file(`{"plan": ${plan}}`))).toEqual(actions);
  });

  test("that is wrong is told all that is wrong with it at once", () => {
    const wrong = JSON.stringify([
      { name: "a", tsk: { op: "x" } },
      {
        name: "b",
        task: { inputFrom: { p: { frm: "a" } }, input: { p: 1 } },
        dependsOn: [{ action: "a", requirement: "X" }],
      },
      { name: "c", condition: { type: "boolean" } },
      { task: { op: 5 } },
      7,
    ]);
    expect(() => readPlanFile(file(wrong))).toThrow(
      [
        'a has no field "tsk" (did you mean task?)',
        "a must have either a task or a condition",
        "b.dependsOn.requirement must be SUCCEEDED or ENDED",
        "b.task needs op, text",
        'b.task.inputFrom.p has no field "frm" (did you mean from?)',
        "b.task.inputFrom.p needs from, text",
        "b.task.inputFrom.p stands in input too",
        "c.condition.type must be one of bool, int, float, string, json",
        "action 4 needs name, text",
        "action 4.task.op must be text",
        "action 5 must be an object",
      ].join("\n  "),
    );
  });

  test("that is wrong in the terms of a condition is told where", () => {
    const condition = {
      type: "bool",
      choices: [{ value: true }, "no"],
      webhook: "https://hooks.example.com",
      answerRule: { requiredCount: 2.5, subjects: [5], voterCnt: 3 },
      escalations: [{ afterMs: 5, notify: "ops" }, { after: 5 }],
    };
    expect(() => readPlanFile(file(JSON.stringify([{ name: "a", condition }])))).toThrow(
      [
        "a.condition.webhook must be an object",
        "a.condition.choices[1] must be an object",
        "a.condition.escalations[0].notify must be a list of texts",
        'a.condition.escalations[1] has no field "after" (did you mean afterMs?)',
        "a.condition.escalations[1] needs afterMs, a number",
        'a.condition.answerRule has no field "voterCnt" (did you mean voterCount?)',
        "a.condition.answerRule.requiredCount must be a whole number",
        "a.condition.answerRule.subjects must be a list of texts",
      ].join("\n  "),
    );
  });

  test.each(["{}", "[]", "5"])("with %s is none", (content) => {
    expect(() => readPlanFile(file(content))).toThrow("a plan is a list of actions");
  });
});
