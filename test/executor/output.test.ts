import { describe, expect, test } from "vitest";
import { readDirective } from "../../src/executor/output/directive.ts";
import { LineSplitter } from "../../src/executor/output/line-splitter.ts";
import { LogPacer } from "../../src/executor/output/log-pacer.ts";

describe("output is split into lines", () => {
  const split = (...chunks: string[]) => {
    const splitter = new LineSplitter();
    return [...chunks.flatMap((chunk) => splitter.push(Buffer.from(chunk, "latin1"))), ...splitter.end()];
  };

  test.each([
    { given: "each ended", chunks: ["a\nb\n"], gives: ["a", "b"] },
    { given: "the last not ended", chunks: ["a\nb"], gives: ["a", "b"] },
    { given: "one in pieces", chunks: ["a", "b", "c\nd"], gives: ["abc", "d"] },
    { given: "with returns", chunks: ["a\r", "\nb\r\n"], gives: ["a", "b"] },
    { given: "of a progress bar", chunks: ["10%\r20%\r30%\n"], gives: ["10%", "20%", "30%"] },
    { given: "some of them empty", chunks: ["\n\na\n\n"], gives: ["a"] },
    { given: "none", chunks: [], gives: [] },
    { given: "that are no UTF-8", chunks: ["a\xffb\n"], gives: ["a\uFFFDb"] },
  ])("$given", ({ chunks, gives }) => {
    expect(split(...chunks).map(({ text }) => text)).toEqual(gives);
  });

  test("and a character that comes in two pieces is one", () => {
    const splitter = new LineSplitter();
    const [first, second] = [Buffer.from("ä").subarray(0, 1), Buffer.from("ä\n").subarray(1)];
    expect([...splitter.push(first), ...splitter.push(second)]).toMatchObject([{ text: "ä" }]);
  });

  test.each([
    { given: "a long line", begins: "", keeps: 64 * 1024 },
    { given: "a long directive", begins: "::signalbox ", keeps: 1.25 * 1024 * 1024 },
  ])("and $given keeps its beginning, in whatever pieces it comes", ({ begins, keeps }) => {
    const line = begins + "x".repeat(3 * 1024 * 1024 - begins.length);
    const pieces = [
      line.slice(0, 5),
      line.slice(5, 13),
      ...(line.slice(13).match(/.{1,100000}/g) ?? []),
      "\nnext\n",
    ];
    expect(split(...pieces)).toEqual([
      { text: line.slice(0, keeps), cutBytes: line.length - keeps },
      { text: "next", cutBytes: 0 },
    ]);
  });
});

describe("a directive", () => {
  test.each([
    { text: '{"progress":0}', gives: { kind: "progress", percent: 0, message: "" } },
    { text: '{"progress":99.5,"message":"x"}', gives: { kind: "progress", percent: 99.5, message: "x" } },
    { text: '{"heartbeat":true}', gives: { kind: "heartbeat" } },
    { text: '{"log":"x"}', gives: { kind: "log", level: "info", message: "x" } },
    { text: '{"log":"x","level":"error"}', gives: { kind: "log", level: "error", message: "x" } },
    { text: '{"event":{"type":"t"}}', gives: { kind: "event", event: { type: "t", attributes: {} } } },
    {
      text: '{"event":{"type":"t","source":"s","attributes":{"a":"b"},"payload":null}}',
      gives: { kind: "event", event: { type: "t", source: "s", attributes: { a: "b" }, payload: null } },
    },
    {
      text: '{"error":{}}',
      gives: { kind: "error", error: { type: "Error", message: "", isForGood: false } },
    },
    {
      text: '{"error":{"type":"T","message":"m","non_retryable":true}}',
      gives: { kind: "error", error: { type: "T", message: "m", isForGood: true } },
    },
  ])("$text is understood", ({ text, gives }) => {
    expect(readDirective(text)).toEqual({ ok: true, directive: gives });
  });

  test.each([
    "",
    "progress",
    "5",
    "[]",
    "null",
    "{}",
    '{"speed":1}',
    '{"progress":"40"}',
    '{"progress":-1}',
    '{"progress":101}',
    '{"progress":1,"message":5}',
    '{"progress":1,"extra":5}',
    '{"progress":1,"heartbeat":true}',
    '{"heartbeat":false}',
    '{"log":5}',
    '{"log":"x","level":"loud"}',
    '{"event":"t"}',
    '{"event":{}}',
    '{"event":{"type":""}}',
    '{"event":{"type":"t","attributes":{"a":1}}}',
    '{"event":{"type":"t","source":1}}',
    '{"error":"x"}',
    '{"error":{"type":""}}',
    '{"error":{"message":1}}',
    '{"error":{"code":1}}',
    '{"error":{"non_retryable":"yes"}}',
  ])("%s is a mistake", (text) => {
    expect(readDirective(text).ok).toBe(false);
  });
});

/** A pacer over a time that the test moves. */
function pacer() {
  const written: string[] = [];
  const time = { now: 0, calls: [] as { readonly at: number; readonly call: () => void }[] };
  const logs = new LogPacer((level, text) => written.push(`${level}: ${text}`), {
    now: () => time.now,
    after(delayMs, call) {
      const timer = { at: time.now + delayMs, call };
      time.calls.push(timer);
      return () => {
        time.calls = time.calls.filter((one) => one !== timer);
      };
    },
  });
  const pass = (ms: number) => {
    const endsAt = time.now + ms;
    for (;;) {
      const next = time.calls.toSorted((a, b) => a.at - b.at)[0];
      if (next === undefined || next.at > endsAt) break;
      time.calls = time.calls.filter((one) => one !== next);
      time.now = next.at;
      next.call();
    }
    time.now = endsAt;
  };
  return { logs, written, pass };
}

describe("log lines", () => {
  test("go through at once as long as there are no more than 200", () => {
    const { logs, written } = pacer();
    for (let count = 0; count < 200; count += 1) logs.line("info", `${count}`);
    expect(written.length).toBe(200);
  });

  test("that come faster are joined with those of their level, in order", () => {
    const { logs, written, pass } = pacer();
    for (let count = 0; count < 200; count += 1) logs.line("info", "early");
    for (const [level, text] of [
      ["info", "a"],
      ["info", "b"],
      ["warn", "c"],
      ["info", "d"],
    ] as const) {
      logs.line(level, text);
    }
    expect(written.length).toBe(200);
    pass(1_000);
    expect(written.slice(200)).toEqual(["info: a\nb", "warn: c", "info: d"]);
  });

  test("go through 50 times a second in the long run, 8,192 characters at a time", () => {
    const { logs, written, pass } = pacer();
    for (let second = 0; second < 20; second += 1) {
      for (let count = 0; count < 1_000; count += 1) logs.line("info", "x".repeat(99));
      pass(1_000);
    }
    expect(written.length).toBeLessThanOrEqual(200 + 20 * 50);
    expect(Math.max(...written.map((text) => text.length))).toBeLessThanOrEqual(8_192 + "info: ".length);
  });

  test("that do not fit what is held back are dropped, and counted in their place", () => {
    const { logs, written, pass } = pacer();
    for (let count = 0; count < 200; count += 1) logs.line("info", "early");
    for (let count = 0; count < 1_000; count += 1) logs.line("info", "x".repeat(999));
    pass(100);
    logs.line("info", "later");
    pass(10_000);
    const held = written.slice(200);
    const kept = held.flatMap((text) => text.split("\n").filter((line) => line.includes("xxx"))).length;
    const dropped = `warn: ${1_000 - kept} lines are missing here: the program wrote too many at once`;
    expect(held.slice(-2)).toEqual([dropped, "info: later"]);
    expect(kept).toBe(65);
  });

  test("of changing levels are held back no more than 64 at a time", () => {
    const { logs, written } = pacer();
    for (let count = 0; count < 200; count += 1) logs.line("info", "early");
    for (let count = 0; count < 1_000; count += 1) logs.line(count % 2 === 0 ? "info" : "warn", `${count}`);
    logs.end();
    expect(written.length).toBe(200 + 64 + 1);
    expect(written.at(-1)).toContain("936 lines are missing here");
  });

  test("that are held back all go through at the end", () => {
    const { logs, written } = pacer();
    for (let count = 0; count < 250; count += 1) logs.line("info", `${count}`);
    logs.end();
    expect(written.slice(200)).toEqual([
      `info: ${Array.from({ length: 50 }, (_, index) => index + 200).join("\n")}`,
    ]);
  });

  test.each([
    {
      given: "that are too long are cut",
      text: "x".repeat(20_000),
      cutBytes: 0,
      says: "… 3680 characters are left out",
    },
    {
      given: "that were cut before say how much is left out in all",
      text: "ä".repeat(20_000),
      cutBytes: 100,
      says: `… ${100 + 2 * 3_680} bytes are left out`,
    },
  ])("$given", ({ text, cutBytes, says }) => {
    const { logs, written } = pacer();
    logs.line("info", text, cutBytes);
    expect(written[0]?.slice(-says.length)).toBe(says);
    expect(written[0]?.length).toBeLessThanOrEqual(16_384 + "info: ".length);
  });

  test("have no NUL and no half characters", () => {
    const { logs, written } = pacer();
    logs.line("info", "a\0b\ud800");
    expect(written).toEqual(["info: a\uFFFDb\uFFFD"]);
  });
});
