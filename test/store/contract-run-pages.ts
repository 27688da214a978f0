import { describe, expect, test } from "vitest";
import type { Run } from "../../src/core/run.ts";
import { rowsPerPageScanMax } from "../../src/limits.ts";
import type { Page, RunPlace, RunQuery } from "../../src/store/store.ts";
import { keyOf, runRow } from "../support/rows.ts";
import { anyRun } from "./queries.ts";
import type { Subject } from "./subject.ts";

const rows = [
  runRow("plan", { createTimeMs: 1 }),
  runRow("a", { createTimeMs: 3, op: "work", opVersion: 1, image: "work:1" }),
  runRow("b", { createTimeMs: 3, op: "work", opVersion: 2, image: "work:2" }),
  runRow("other/c", { createTimeMs: 4, op: "build", pausedConditionCount: 1 }),
  runRow("d", { createTimeMs: 7, op: "work", state: "RUNNING", pausedConditionCount: 1 }),
  runRow("e", { createTimeMs: 9, op: "build", image: "work:2" }),
];

function idsOf({ items }: Page<Run, RunPlace>): readonly string[] {
  return items.map(({ key }) => key.slice(key.indexOf("/") + 1));
}

/** Pages of runs in both directions, between times, and of what a run consists of. */
export function describeRunPages(subject: Subject): void {
  const list = (query: Partial<RunQuery>) => subject.store.listRuns({ ...anyRun, ...query });

  /** All pages from the oldest run on, each in its own order. */
  async function readBackward(query: Partial<RunQuery>): Promise<readonly (readonly string[])[]> {
    const pages: (readonly string[])[] = [];
    let before: RunPlace | undefined = { timeMs: 0, run: keyOf("none") };
    while (before !== undefined) {
      const page = await list({ ...query, before });
      pages.push(idsOf(page));
      before = page.next;
    }
    return pages;
  }

  describe("a list of runs", () => {
    test.each([
      { wanted: "an op", query: { op: "work" }, gives: ["d", "b", "a"] },
      { wanted: "an image", query: { image: "work:2" }, gives: ["e", "b"] },
      { wanted: "both", query: { op: "work", image: "work:2" }, gives: ["b"] },
      { wanted: "no op", query: { op: "" }, gives: ["plan"] },
      { wanted: "a time on", query: { createdFromMs: 4 }, gives: ["e", "d", "c"] },
      { wanted: "until a time", query: { createdUntilMs: 4 }, gives: ["c", "b", "a", "plan"] },
      { wanted: "one time", query: { createdFromMs: 3, createdUntilMs: 3 }, gives: ["b", "a"] },
      { wanted: "no time at all", query: { createdFromMs: 5, createdUntilMs: 4 }, gives: [] },
      {
        wanted: "a namespace between times",
        query: { namespace: "default", createdFromMs: 3, createdUntilMs: 7 },
        gives: ["d", "b", "a"],
      },
      { wanted: "paused ones from a time on", query: { pausedOnly: true, createdFromMs: 5 }, gives: ["d"] },
    ])("of $wanted: $gives, in pages of any size, forward and backward", async ({ query, gives }) => {
      await subject.change({ runs: rows });
      for (const limit of [1, 2, 100]) {
        const forward: string[] = [];
        let after: RunPlace | undefined;
        do {
          const page = await list({ ...query, limit, after });
          forward.push(...idsOf(page));
          after = page.next;
        } while (after !== undefined);
        expect(forward).toEqual(gives);
        expect((await readBackward({ ...query, limit })).toReversed().flat()).toEqual(gives);
      }
    });

    test("before a place is the page that ends right there, the newest first, and goes on to newer ones", async () => {
      await subject.change({ runs: rows });
      const first = await list({ before: { timeMs: 3, run: keyOf("a") }, limit: 2 });
      expect([idsOf(first), first.next]).toEqual([["c", "b"], { timeMs: 4, run: keyOf("other/c") }]);
      const second = await list({ before: first.next, limit: 2 });
      expect([idsOf(second), second.next]).toEqual([["e", "d"], undefined]);
      const between = await list({
        before: { timeMs: 3, run: keyOf("a") },
        after: { timeMs: 7, run: keyOf("d") },
      });
      expect([idsOf(between), between.next]).toEqual([["c", "b"], undefined]);
    });

    test("between times looks at no run outside of them", async () => {
      const count = rowsPerPageScanMax + 10;
      const old = Array.from({ length: count }, (_, index) => runRow(`old-${index}`, { createTimeMs: 10 }));
      const young = Array.from({ length: count }, (_, index) =>
        runRow(`young-${index}`, { createTimeMs: 30 }),
      );
      await subject.change({ runs: [...old, runRow("r", { createTimeMs: 20 }), ...young] });
      const query = { states: ["QUEUED"], createdFromMs: 11, createdUntilMs: 29 } as const;
      const failed = { ...query, states: ["FAILED"] } as const;
      const before = { timeMs: 0, run: keyOf("none") };
      expect(idsOf(await list(query))).toEqual(["r"]);
      expect(await list(failed)).toEqual({ items: [], next: undefined });
      expect(await list({ ...failed, before })).toEqual({ items: [], next: undefined });
      expect(await list({ ...failed, namespace: "default" })).toEqual({ items: [], next: undefined });
    });
  });
}
