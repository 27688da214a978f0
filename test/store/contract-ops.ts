import { describe, expect, test } from "vitest";
import type { OpPlace, OpQuery } from "../../src/store/store.ts";
import { opRow } from "../support/rows.ts";
import { plain, readPages, type Subject } from "./subject.ts";

/** Ops with several versions, and what is left of one that is deleted. */
export function describeOps(subject: Subject): void {
  describe("an op", () => {
    test("has all that was stated of it", async () => {
      const whole = opRow("work", 1, {
        createTimeMs: 5,
        updateTimeMs: 7,
        description: "works",
        labels: { team: "a" },
        retry: { maxAttempts: 3, manual: true },
        timeouts: { queueToStartMs: 1, startToEndMs: undefined, heartbeatMs: 2 },
        versionName: "1.0.0",
        inputs: {
          specs: {
            text: {
              type: "string",
              required: true,
              defaultValue: undefined,
              description: "",
              schema: { a: null },
            },
          },
          allowExtra: true,
        },
        outputs: { value: { type: "any", description: "out", schema: undefined } },
        resources: {
          cpuMilli: 0,
          ramMb: undefined,
          vramMb: undefined,
          deviceCount: 2,
          deviceIndex: undefined,
        },
        placement: { workerLabels: { site: "x" }, tolerations: [{ key: "gpu", value: "" }] },
        delivery: { topic: "t", attributes: {} },
        image: "work:1",
        handler: "run",
      });
      await subject.change({ newOps: [whole] });
      expect(await subject.store.op("default", "work", 1)).toEqual(whole);
      expect(await subject.ask(["op", "default", "work", 0])).toEqual([plain(whole)]);
    });

    test("has its versions in order, and remembers the last one when all are gone", async () => {
      const versions = [1, 2, 3].map((version) => opRow("work", version));
      for (const op of versions) await subject.change({ newOps: [op] });
      const asks = [
        ["opVersions", "default", "work"],
        ["op", "default", "work", 0],
        ["lastOpVersion", "default", "work"],
        ["lastOpVersion", "default", "other"],
      ] as const;
      expect(await subject.ask(...asks)).toEqual([plain(versions), plain(versions[2]), 3, 0]);
      await subject.change({ goneOps: [{ namespace: "default", name: "work", version: 3 }] });
      expect(await subject.ask(...asks)).toEqual([plain(versions.slice(0, 2)), plain(versions[1]), 3, 0]);
      await subject.change({ goneOps: versions.slice(0, 2) });
      expect(await subject.ask(...asks)).toEqual([[], null, 3, 0]);
      expect(await subject.store.op("default", "work", 1)).toBeUndefined();
      await subject.change({ newOps: [opRow("work", 4)] });
      expect(await subject.ask(...asks)).toEqual([[plain(opRow("work", 4))], plain(opRow("work", 4)), 4, 0]);
    });

    test("is found by a version's own name, the latest that has it", async () => {
      const newOps = ["1.0", "", "1.0", "2.0"].map((versionName, index) =>
        opRow("work", index + 1, { versionName }),
      );
      await subject.change({ newOps });
      const named = (versionName: string) => subject.store.opNamed("default", "work", versionName);
      expect(await named("1.0")).toEqual(newOps[2]);
      expect(await named("2.0")).toEqual(newOps[3]);
      expect(await named("3.0")).toBeUndefined();
      expect(await named("")).toBeUndefined();
      expect(await subject.store.opNamed("elsewhere", "work", "1.0")).toBeUndefined();
      await subject.change({ goneOps: [{ namespace: "default", name: "work", version: 3 }] });
      expect(await named("1.0")).toEqual(newOps[0]);
    });

    test.each([
      { wanted: "the latest versions", query: {}, gives: ["a 1", "b 2", "build 2", "c 1"] },
      {
        wanted: "all versions",
        query: { allVersions: true },
        gives: ["a 1", "b 2", "b 1", "build 2", "build 1", "c 1"],
      },
      { wanted: "a prefix", query: { namePrefix: "b" }, gives: ["b 2", "build 2"] },
      {
        wanted: "all versions of a prefix",
        query: { namePrefix: "bu", allVersions: true },
        gives: ["build 2", "build 1"],
      },
      { wanted: "another namespace", query: { namespace: "other" }, gives: ["x 1"] },
      { wanted: "a prefix that nothing has", query: { namePrefix: "bz" }, gives: [] },
    ])("is listed among $wanted: $gives, in pages of any size", async ({ query, gives }) => {
      const newOps = [
        ...["b", "b", "build", "build", "a", "c"].map((name, index) =>
          opRow(name, index < 4 ? 1 + (index % 2) : 1),
        ),
        opRow("x", 1, { namespace: "other" }),
      ];
      await subject.change({ newOps });
      for (const limit of [1, 2, 100]) {
        const any: OpQuery = {
          namespace: "default",
          allVersions: false,
          namePrefix: "",
          after: undefined,
          limit,
        };
        const ops = await readPages((after: OpPlace | undefined) =>
          subject.store.listOps({ ...any, ...query, after }),
        );
        expect(ops.map(({ name, version }) => `${name} ${version}`)).toEqual(gives);
      }
    });
  });
}
