import { describe, expect, test } from "vitest";
import { describeLine, openLog } from "../../src/observe/log.ts";

describe("a log line for people", () => {
  test.each([
    {
      given: "a sentence with facts",
      line: {
        level: "info",
        time: "2026-01-02T03:04:05.678Z",
        run: "r7",
        note: "two words",
        count: 3,
        msg: "run ended",
      },
      gives: '03:04:05.678 info  run ended run=r7 note="two words" count=3\n',
    },
    {
      given: "an error",
      line: {
        level: "error",
        time: "2026-01-02T03:04:05.678Z",
        msg: "failed",
        err: { stack: "Error: no\n    at a.ts" },
      },
      gives: "03:04:05.678 error failed\n  Error: no\n      at a.ts\n",
    },
  ])("of $given keeps all that was logged", ({ line, gives }) => {
    expect(describeLine(`${JSON.stringify(line)}\n`)).toBe(gives);
  });

  test("that is not JSON stays as it is", () => {
    expect(describeLine("plain words\n")).toBe("plain words\n");
  });
});

describe("a log", () => {
  test.each([
    { format: "json", first: /^\{"level":"info","time":"[^"]+Z","store":"memory","msg":"started"\}\n$/ },
    { format: "pretty", first: /^\d\d:\d\d:\d\d\.\d{3} info {2}started store=memory\n$/ },
  ] as const)("as $format writes what its level lets through", ({ format, first }) => {
    const lines: string[] = [];
    const log = openLog({ level: "info", format, sink: { write: (line) => void lines.push(line) } });
    log.debug("not this one");
    log.info({ store: "memory" }, "started");
    log.error({ err: new Error("broken") }, "stopped");
    expect(lines).toHaveLength(2);
    expect(lines[0]).toMatch(first);
    expect(lines[1]).toContain("Error: broken");
  });
});
