import { describe, expect, test } from "vitest";
import { agreements, options } from "../../src/configuration.ts";
import { boundsOf, environmentNameOf, flagOf } from "../../src/configuration-option.ts";
import { parseConfiguration, type Sources } from "../../src/configuration-parse.ts";
import { printHelp, printMarkdown } from "../../src/configuration-print.ts";

function parse({
  flags = [],
  environment = {},
  files = {},
}: Partial<Sources> & { files?: Record<string, string> }) {
  const readFile = (path: string) => {
    const text = files[path];
    if (text === undefined) {
      throw new Error("no such file");
    }
    return text;
  };
  return parseConfiguration({ flags, environment, readFile });
}

const defaults = {
  host: "127.0.0.1",
  port: 7233,
  store: "embedded",
  data: "./data",
  logLevel: "info",
  logFormat: "json",
  drainTimeoutMs: 8_000,
  leaseMs: 15_000,
  pulseIntervalMs: 5_000,
  acceptTimeoutMs: 10_000,
  bookmarkIntervalMs: 5_000,
  feedRetentionMs: 0,
  feedRetentionSubscribedMs: 0,
  feedRetentionEventsMax: 0,
  allowedOrigins: [],
  allowPrivateTargets: "auto",
  publicUrl: "",
  flyteFolder: "",
  natsServers: [],
  natsCredentials: "",
  tokensFile: "",
};

describe("the configuration", () => {
  test("is made of defaults when nothing is given", () => {
    expect(parse({})).toEqual({ ok: true, configuration: defaults });
  });

  test.each([
    { given: "a flag with its value behind it", from: { flags: ["--port", "0"] }, gives: { port: 0 } },
    { given: "a flag with =", from: { flags: ["--data=/var/a=b"] }, gives: { data: "/var/a=b" } },
    {
      given: "a flag of several words",
      from: { flags: ["--lease-ms", "20000"] },
      gives: { leaseMs: 20_000 },
    },
    {
      given: "the environment",
      from: { environment: { SIGNALBOX_LEASE_MS: "20000" } },
      gives: { leaseMs: 20_000 },
    },
    { given: "an empty variable", from: { environment: { SIGNALBOX_PORT: "" } }, gives: { port: 7233 } },
    {
      given: "variables of others",
      from: { environment: { PORT: "x", SIGNALBOX_TEST_POSTGRES_URL: "x" } },
      gives: {},
    },
    {
      given: "a file that a flag names",
      from: { flags: ["--config", "a.json"], files: { "a.json": '{"port": 1, "logLevel": "debug"}' } },
      gives: { port: 1, logLevel: "debug" },
    },
    {
      given: "a file that the environment names",
      from: { environment: { SIGNALBOX_CONFIG: "a.json" }, files: { "a.json": '{"store": "memory"}' } },
      gives: { store: "memory" },
    },
    {
      given: "a list separated by commas",
      from: { flags: ["--allowed-origins", "https://a.example, https://b.example"] },
      gives: { allowedOrigins: ["https://a.example", "https://b.example"] },
    },
    {
      given: "a list in a file",
      from: { flags: ["--config=a.json"], files: { "a.json": '{"allowedOrigins": ["*"]}' } },
      gives: { allowedOrigins: ["*"] },
    },
  ])("reads $given", ({ from, gives }) => {
    expect(parse(from)).toEqual({ ok: true, configuration: { ...defaults, ...gives } });
  });

  test("takes flags before the environment, and the environment before the file", () => {
    const parsed = parse({
      flags: ["--port", "1"],
      environment: { SIGNALBOX_CONFIG: "a.json", SIGNALBOX_PORT: "2", SIGNALBOX_HOST: "127.0.0.2" },
      files: { "a.json": '{"port": 3, "host": "127.0.0.3", "data": "three"}' },
    });
    expect(parsed).toMatchObject({ ok: true, configuration: { port: 1, host: "127.0.0.2", data: "three" } });
  });
});

describe("a mistake", () => {
  test.each([
    {
      given: "a number that is too large",
      from: { flags: ["--port", "70000"] },
      says: 'flag --port must be a whole number from 0 to 65535, not "70000"',
    },
    {
      given: "a number that is none",
      from: { environment: { SIGNALBOX_DRAIN_TIMEOUT_MS: "5s" } },
      says:
        "environment variable SIGNALBOX_DRAIN_TIMEOUT_MS must be a whole number from 0 to 600000 ms, " +
        'not "5s"',
    },
    {
      given: "a number with a fraction in a file",
      from: { flags: ["--config", "a.json"], files: { "a.json": '{"port": 1.5}' } },
      says: "configuration file a.json, key port must be a whole number from 0 to 65535, not 1.5",
    },
    {
      given: "a word that is not one of the choices",
      from: { flags: ["--store", "postgres"] },
      says: 'flag --store must be one of embedded, memory, not "postgres"',
    },
    {
      given: "an empty text",
      from: { flags: ["--data="] },
      says: 'flag --data must be text of 1 to 4096 characters, not ""',
    },
    {
      given: "an empty item of a list",
      from: { flags: ["--allowed-origins=a,,b"] },
      says: 'flag --allowed-origins must be a list of at most 64 texts of 1 to 255 characters, not "a,,b"',
    },
    {
      given: "an unknown flag",
      from: { flags: ["--prot", "1"] },
      says: "flag --prot is unknown; did you mean --port?",
    },
    {
      given: "an unknown flag like no other",
      from: { flags: ["--colour=red"] },
      says: "flag --colour is unknown",
    },
    {
      given: "a flag without a value",
      from: { flags: ["--port", "--data=a"] },
      says: "flag --port needs a value",
    },
    {
      given: "a flag at the end without a value",
      from: { flags: ["--port"] },
      says: "flag --port needs a value",
    },
    { given: "a flag twice", from: { flags: ["--port=1", "--port=2"] }, says: "flag --port is given twice" },
    {
      given: "a word without a flag",
      from: { flags: ["7233"] },
      says: '"7233" stands on the command line without a flag before it',
    },
    {
      given: "a variable with a slip in its name",
      from: { environment: { SIGNALBOX_LEAS_MS: "1" } },
      says: "environment variable SIGNALBOX_LEAS_MS is unknown; did you mean SIGNALBOX_LEASE_MS?",
    },
    {
      given: "an unknown key",
      from: { flags: ["--config=a.json"], files: { "a.json": '{"leasems": 1}' } },
      says: "configuration file a.json, key leasems is unknown; did you mean leaseMs?",
    },
    {
      given: "a file that is not there",
      from: { environment: { SIGNALBOX_CONFIG: "a.json" } },
      says:
        "configuration file a.json (named by environment variable SIGNALBOX_CONFIG) " +
        "cannot be read as JSON: no such file",
    },
    {
      given: "a file that holds something else",
      from: { flags: ["--config=a.json"], files: { "a.json": "[]" } },
      says: "configuration file a.json must hold one JSON object",
    },
    {
      given: "a pulse that a lease does not outlast",
      from: { flags: ["--pulse-interval-ms=9000"] },
      says:
        "pulseIntervalMs must be at most half of leaseMs, so that one lost pulse does not cost a lease: " +
        "pulseIntervalMs is 9000, leaseMs is 15000",
    },
    {
      given: "a public address that nothing can be added to",
      from: { flags: ["--public-url=https://a.example/?b"] },
      says:
        "publicUrl must be an address of http or https without user, query and fragment, so that links can " +
        "be made by adding to it: publicUrl is https://a.example/?b",
    },
  ])("in $given names its source, value and bounds", ({ from, says }) => {
    expect(parse(from)).toEqual({ ok: false, mistakes: [says] });
  });

  test("hides no other: all are told at once, also those that a stronger source outvotes", () => {
    const parsed = parse({
      flags: ["--port", "1", "--hots", "a", "--log-level", "loud"],
      environment: { SIGNALBOX_PORT: "one", SIGNALBOX_CONFIG: "a.json" },
      files: { "a.json": '{"leaseMs": 1, "colour": "red"}' },
    });
    expect(parsed).toMatchObject({
      ok: false,
      mistakes: [
        expect.stringContaining("flag --hots is unknown"),
        expect.stringContaining("key colour is unknown"),
        expect.stringContaining("SIGNALBOX_PORT must be"),
        expect.stringContaining("flag --log-level must be"),
        expect.stringContaining("key leaseMs must be"),
      ],
    });
  });
});

describe("the table of options", () => {
  test.each(options)("has a default within bounds and a sentence for $key", (option) => {
    const { key, sentence } = option;
    const written = Array.isArray(option.default)
      ? JSON.stringify(option.default)
      : JSON.stringify(option.default);
    const parsed = parse({ flags: ["--config=a.json"], files: { "a.json": `{"${key}": ${written}}` } });
    expect(parsed).toMatchObject({ ok: true });
    expect(sentence).toMatch(/^[A-Z].*\.$/);
  });

  test.each([{ print: printHelp }, { print: printMarkdown }])(
    "is printed whole by $print.name",
    ({ print }) => {
      for (const option of options) {
        for (const part of [
          flagOf(option.key),
          environmentNameOf(option.key),
          boundsOf(option),
          option.sentence,
        ]) {
          expect(print()).toContain(part);
        }
      }
    },
  );

  test("agrees with its own rules across options", () => {
    const parsed = parse({});
    expect(agreements.every(({ holds }) => parsed.ok && holds(parsed.configuration))).toBe(true);
  });
});
