import { chmodSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { fillArgv, parseArgument } from "../../src/executor/config/argv-template.ts";
import { imageRefusal, parseImagePattern } from "../../src/executor/config/image-pattern.ts";
import { readConfig } from "../../src/executor/config/read-config.ts";
import { temporaryFolder } from "./support.ts";

const path = process.env["PATH"] ?? "";

function read(raw: unknown, { base = "/", environment = { PATH: path } } = {}) {
  return readConfig(raw, { base, environment, place: "config" });
}

function mistakesOf(raw: unknown): readonly string[] {
  const result = read(raw);
  return result.ok ? [] : result.mistakes;
}

const ofOp = (op: unknown) => mistakesOf({ ops: { work: op } });

describe("a config", () => {
  test("says what is not said by defaults", () => {
    const result = read({ ops: { work: { argv: ["sh"] } } });
    expect(result).toMatchObject({
      ok: true,
      config: {
        concurrency: 10,
        keepFolders: false,
        labels: {},
        taints: [],
        sharedNamespaces: [],
        programs: [
          {
            op: "work",
            kind: "process",
            path: expect.stringMatching(/^\/.*\/sh$/),
            argv: [],
            inputs: "stdin",
            needsOutputs: false,
            graceMs: 5_000,
          },
        ],
      },
    });
    expect(result.ok && result.config.programs[0]).not.toHaveProperty("cwd");
  });

  test("finds programs and folders from where it is", () => {
    const base = temporaryFolder();
    writeFileSync(join(base, "tool"), "");
    chmodSync(join(base, "tool"), 0o755);
    const result = read({ folders: ".", ops: { work: { argv: ["./tool"], cwd: "." } } }, { base });
    expect(result).toMatchObject({
      ok: true,
      config: { folders: base, programs: [{ path: join(base, "tool"), cwd: base }] },
    });
  });

  test("finds a program on the PATH that it gives it", () => {
    const base = temporaryFolder();
    writeFileSync(join(base, "tool"), "");
    chmodSync(join(base, "tool"), 0o755);
    const result = read({ ops: { work: { argv: ["tool"], env: { PATH: base } } } });
    expect(result).toMatchObject({ ok: true, config: { programs: [{ path: join(base, "tool") }] } });
  });

  test("is told of all that is wrong with it at once", () => {
    const mistakes = mistakesOf({
      concurency: 5,
      concurrency: 0,
      folders: "/no/such/folder",
      taints: [{ value: "x" }],
      capacity: {
        cpu: -1,
        devices: [
          { index: 0, vramMb: 1 },
          { index: 0, vramMb: 0.5 },
        ],
      },
      ops: { "a b": { argv: ["sh"] }, work: { argv: ["sh", "{what}", "{"], graceMs: "5s", cwd: "/no/such" } },
    });
    expect(mistakes.map((mistake) => mistake.split("; ")[0])).toEqual([
      'config has no field "concurency"',
      "config.capacity.cpu must be a number from 0 to 100000",
      "config.capacity.devices[1].vramMb must be a whole number from 0 to 1000000000",
      "config.capacity.devices has an index twice",
      "config.taints[0].key is missing",
      "config.concurrency must be a whole number from 1 to 5000",
      "config.ops.a b is no name of an op: 1 to 128 letters, digits, dots, dashes, slashes",
      "config.ops.work.argv has an unknown placeholder {what}",
      'config.ops.work.argv has a brace that stands alone in "{"',
      "config.ops.work.graceMs must be a whole number from 0 to 3600000",
      "config.ops.work.cwd is /no/such, where there is no folder",
      "config.folders is /no/such/folder, where there is no folder to write to",
    ]);
  });

  test.each([
    { given: "a list", raw: [], says: "config must be an object" },
    { given: "no ops", raw: { ops: {} }, says: "config.ops must be an object with 1 to 1000 ops by name" },
  ])("that is $given is refused", ({ raw, says }) => {
    expect(mistakesOf(raw)).toContain(says);
  });

  test.each([
    { given: "no program", op: {}, says: /argv must name a program/ },
    { given: "an input for a program", op: { argv: ["{input.x}"] }, says: /the server never chooses it/ },
    { given: "a part of a program's name", op: { argv: ["to{op}"] }, says: /the server never chooses it/ },
    {
      given: "a program that is not there",
      op: { argv: ["no-such-tool"] },
      says: /"no-such-tool".*not there/,
    },
    { given: "a folder for a program", op: { argv: ["/tmp"] }, says: /not there/ },
    {
      given: "an input in a script",
      op: { argv: ["sh", "-c", "echo {input.x}"] },
      says: /into a script of sh/,
    },
    {
      given: "an input in a script behind other options",
      op: { argv: ["bash", "-e", "-uc", "echo {input.x}"] },
      says: /into a script of bash/,
    },
    {
      given: "an input in a script of a container",
      op: { kind: "docker", allowImages: ["a"], argv: ["/bin/sh", "-c", "echo {input.x}"] },
      says: /into a script of sh/,
    },
    {
      given: "a variable of ours",
      op: { argv: ["sh"], env: { SIGNALBOX_X: "1" } },
      says: /the worker's own/,
    },
    { given: "no variable", op: { argv: ["sh"], env: { "A B": "1" } }, says: /no name of a variable/ },
    { given: "an unknown kind", op: { argv: ["sh"], kind: "vm" }, says: /kind must be process or docker/ },
    {
      given: "images of a process",
      op: { argv: ["sh"], allowImages: ["a"] },
      says: /has no field "allowImages"/,
    },
    { given: "no images", op: { kind: "docker", argv: [] }, says: /must name the images/ },
    {
      given: "an image that is an option",
      op: { kind: "docker", allowImages: ["--privileged"] },
      says: /no image/,
    },
    {
      given: "an image among the options",
      op: { kind: "docker", allowImages: ["a"], dockerArguments: ["alpine"] },
      says: /are options of docker run/,
    },
  ])("with $given is refused", ({ op, says }) => {
    expect(ofOp(op).join("\n")).toMatch(says);
  });

  test("hands an input to a shell beside its script", () => {
    expect(ofOp({ argv: ["sh", "-c", 'echo "$1"', "sh", "{input.x}"] })).toEqual([]);
  });
});

describe("an argument", () => {
  const values = {
    run_id: "r",
    action: "main/a",
    attempt: "2",
    attempt_id: "r/main/a_att_2",
    namespace: "n",
    op: "o",
    inputs_file: "/f/inputs.json",
    outputs_file: "/f/outputs.json",
    folder: "/f",
    device_indexes: "0,1",
  };
  const inputs = { text: "a b", "a.b": 1, flag: true, nothing: null, list: [1], big: 2n ** 60n };

  test.each([
    { text: "", gives: "" },
    { text: "plain", gives: "plain" },
    { text: "{run_id}/{action}:{attempt}", gives: "r/main/a:2" },
    { text: "{attempt_id} {namespace} {op}", gives: "r/main/a_att_2 n o" },
    { text: "{inputs_file}{outputs_file}{folder}", gives: "/f/inputs.json/f/outputs.json/f" },
    { text: "{device_indexes}", gives: "0,1" },
    { text: "x={input.text}", gives: "x=a b" },
    { text: "{input.a.b}{input.flag}{input.nothing}", gives: "1truenull" },
    { text: "{input.list} {input.big}", gives: "[1] 1152921504606846976" },
    { text: "{{print $1}}", gives: "{print $1}" },
    { text: "{{{run_id}}}", gives: "{r}" },
  ])("$text becomes $gives", ({ text, gives }) => {
    const mistakes: string[] = [];
    const parts = parseArgument(text, (what) => mistakes.push(what));
    expect([mistakes, fillArgv([parts], { values, inputs })]).toEqual([[], [gives]]);
  });

  test.each(["{", "}", "{}", "{input}", "{input.}", "{RUN_ID}", "{ run_id }", "{a{b}c}"])(
    "%s is a mistake",
    (text) => {
      const mistakes: string[] = [];
      parseArgument(text, (what) => mistakes.push(what));
      expect(mistakes).not.toEqual([]);
    },
  );

  test("never finds an input that is only a property of all objects", () => {
    const parts = parseArgument("{input.constructor}", () => undefined);
    expect(() => fillArgv([parts], { values, inputs })).toThrow("the input constructor");
  });
});

describe("an image", () => {
  const patterns = ["trainer:*", "registry.example.com/ml/*", "ghcr.io/**", "alpine"].flatMap(
    (text) => parseImagePattern(text) ?? [],
  );

  test.each([
    { image: "trainer:1.2", allowed: true },
    { image: "trainer", allowed: false },
    { image: "trainer:1/2", allowed: false },
    { image: "registry.example.com/ml/resize:3", allowed: true },
    { image: "registry.example.com/ml/deep/resize", allowed: false },
    { image: "registryXexample.com/ml/resize", allowed: false },
    { image: "ghcr.io/a/b/c:1", allowed: true },
    { image: `ghcr.io/a@sha256:${"0".repeat(64)}`, allowed: true },
    { image: "alpine", allowed: true },
    { image: "alpine:3", allowed: false },
    { image: "evil.io/alpine", allowed: false },
    { image: "--privileged", allowed: false },
    { image: "ghcr.io/a --privileged", allowed: false },
    { image: "ghcr.io/a\n", allowed: false },
    { image: "", allowed: false },
  ])("$image may be run: $allowed", ({ image, allowed }) => {
    expect(imageRefusal(image, patterns) === undefined).toBe(allowed);
  });
});
