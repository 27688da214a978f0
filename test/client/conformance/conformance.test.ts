import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { runConformance } from "../../../src/conformance/run-conformance.ts";
import { scenarios } from "../../../src/conformance/scenarios.ts";
import { runCli } from "../cli-run.ts";

const worker = join(import.meta.dirname, "faulty-worker.ts");

async function judge(fault: string, names: readonly string[]) {
  const verdicts = runConformance({
    command: [process.execPath, worker, fault],
    scenarios: scenarios.filter(({ name }) => names.includes(name)),
    parallel: 2,
    environment: process.env,
    signal: new AbortController().signal,
  });
  return await Array.fromAsync(verdicts);
}

describe.concurrent("the conformance kit", () => {
  test.each([
    {
      fault: "executes-twice",
      scenario: "duplicate-assignment",
      says: /two different things|more than once/,
    },
    {
      fault: "takes-the-new-epoch",
      scenario: "granted-again",
      says: /does not report what was executed under it/,
    },
    { fault: "loses-results", scenario: "lost-recorded", says: /does not name .* whose end is not recorded/ },
    { fault: "numbers-anew", scenario: "lost-recorded", says: /report 2 .* had ended the attempt/ },
    { fault: "never-forgets", scenario: "lost-recorded", says: /says an end again that was recorded/ },
    { fault: "ignores-delay", scenario: "leave-delay", says: /and was told to after 700 ms/ },
    { fault: "never-pulses", scenario: "pulses-while-busy", says: /it pulsed 1 times|it pulsed 0 times/ },
    {
      fault: "ignores-drop",
      scenario: "drop-stops-the-work",
      says: /did not permit 4|goes on about|still holds/,
    },
  ])("finds a worker that $fault by $scenario", { timeout: 60_000 }, async ({ fault, scenario, says }) => {
    const [verdict] = await judge(fault, [scenario]);
    expect(verdict?.passed, "the worker is faulty").toBe(false);
    expect(verdict?.reason).toMatch(says);
    expect(verdict?.transcript.join("\n")).toContain("Attach, running nothing");
  });

  test("lets a worker without these faults pass the same scenarios", { timeout: 60_000 }, async () => {
    const verdicts = await judge("none", [
      "duplicate-assignment",
      "lost-recorded",
      "leave-delay",
      "idle-proxy",
    ]);
    expect(verdicts.map(({ reason }) => reason)).toEqual([undefined, undefined, undefined, undefined]);
  });

  test("says of a command that cannot be started just that", { timeout: 60_000 }, async () => {
    const ran = await runCli(
      ["conformance", "worker", "--only", "happy-path", "--json", "--", "/no/such/worker"],
      {
        environment: {},
      },
    );
    const [verdict, sum] = ran.out.trim().split("\n");
    expect(ran.code).toBe(1);
    expect(JSON.parse(verdict ?? "")).toMatchObject({ scenario: "happy-path", passed: false });
    expect(JSON.parse(sum ?? "")).toEqual({ passed: 0, failed: ["happy-path"] });
    expect(verdict).toContain("could not be started");
  });
});

describe("the scenarios", () => {
  test("have names of their own, and stand in docs/conformance.md as they are", () => {
    const names = scenarios.map(({ name }) => name);
    expect(new Set(names).size).toBe(names.length);
    expect(names.length).toBeGreaterThanOrEqual(20);
    const page = readFileSync(join(import.meta.dirname, "../../../docs/conformance.md"), "utf8");
    const missing = scenarios.filter(
      ({ name, shows, matters }) => !page.includes(`| \`${name}\` | ${shows} | ${matters} |`),
    );
    expect(missing.map(({ name }) => name)).toEqual([]);
  });

  test("are listed by the command, and what is none of them is a mistake", async () => {
    const listed = await runCli(["conformance", "worker", "--list", "--json"]);
    expect(listed.out.trim().split("\n").length).toBe(scenarios.length);
    const mistaken = await runCli(["conformance", "worker", "--only", "happy-pat", "--", "true"]);
    expect(mistaken.code).toBe(2);
    expect(mistaken.notes).toContain("did you mean happy-path?");
    expect((await runCli(["conformance", "worker"])).code).toBe(2);
  });
});
