import { describe, expect, test } from "vitest";
import { unmetByAll } from "../../src/api/explain/unmet.ts";
import type { Capacity, Demand, Placement, Resources, Taint } from "../../src/core/placement/demand.ts";
import type { Labels } from "../../src/core/run.ts";

const nothing: Resources = {
  cpuMilli: undefined,
  ramMb: undefined,
  vramMb: undefined,
  deviceCount: undefined,
  deviceIndex: undefined,
};

function asks(resources: Partial<Resources>, placement: Partial<Placement> = {}): Demand {
  return {
    resources: { ...nothing, ...resources },
    placement: { workerLabels: {}, tolerations: [], ...placement },
    shape: "s",
  };
}

interface Said extends Partial<Omit<Capacity, "devices">> {
  readonly vramMb?: readonly number[];
  readonly labels?: Labels;
  readonly taints?: readonly Taint[];
}

function worker(workerId: string, { vramMb = [], labels = {}, taints = [], ...amounts }: Said) {
  const devices = vramMb.map((size, index) => ({ index, kind: "", vramMb: size }));
  return {
    workerId,
    labels,
    taints,
    capacity: { cpuMilli: undefined, ramMb: undefined, ...amounts, devices },
  };
}

const spot: Taint = { key: "spot", value: "yes" };

describe("what none of some workers meets", () => {
  test.each<{ asked: string; demand: Demand; workers: readonly Said[]; unmet: readonly string[] }>([
    {
      asked: "of cores, is told with those of the largest",
      demand: asks({ cpuMilli: 8_500 }),
      workers: [{ cpuMilli: 2_000 }, { cpuMilli: 4_000 }, {}],
      unmet: ["cpu 8.5: the largest worker has 4"],
    },
    {
      asked: "of memory that nobody announces, is told so",
      demand: asks({ ramMb: 0 }),
      workers: [{ cpuMilli: 1 }, {}],
      unmet: ["ram_mb 0: no worker announces any"],
    },
    {
      asked: "of a device, is told with the largest of all, not with the sum",
      demand: asks({ vramMb: 24_000 }),
      workers: [{ vramMb: [8_000, 8_000, 8_000] }, { vramMb: [16_000] }, {}],
      unmet: ["vram_mb 24000: the largest device has 16000"],
    },
    {
      asked: "of several devices, is told with the most that are large enough",
      demand: asks({ vramMb: 8_000, deviceCount: 4 }),
      workers: [{ vramMb: [40_000] }, { vramMb: [8_000, 8_000, 4_000] }],
      unmet: ["device_count 4 with vram_mb 8000: the worker has 2"],
    },
    {
      asked: "of a certain device, is told",
      demand: asks({ deviceIndex: 3 }),
      workers: [{ vramMb: [1] }, { vramMb: [1, 1] }],
      unmet: ["device_index 3: the worker has no such device"],
    },
    {
      asked: "of labels, is told with what there is",
      demand: asks({}, { workerLabels: { zone: "c", gpu: "a100" } }),
      workers: [{ labels: { zone: "a" } }, { labels: { zone: "b" } }, {}],
      unmet: [
        'worker label zone "c": workers have "a", "b"',
        'worker label gpu "a100": no worker has such a label',
      ],
    },
    {
      asked: "of taints, is told with those that keep it away",
      demand: asks({ cpuMilli: 1 }),
      workers: [
        { cpuMilli: 1, taints: [spot] },
        { cpuMilli: 1, taints: [{ key: "gpu", value: "" }] },
      ],
      unmet: [
        'taint spot "yes": the task does not tolerate it',
        'taint gpu "": the task does not tolerate it',
      ],
    },
    {
      asked: "of all of it, is told at once",
      demand: asks({ cpuMilli: 2_000, ramMb: 9, vramMb: 5 }, { workerLabels: { zone: "a" } }),
      workers: [{ cpuMilli: 1_000, taints: [spot] }],
      unmet: [
        "cpu 2: the largest worker has 1",
        "ram_mb 9: no worker announces any",
        "vram_mb 5: the worker has no device",
        'worker label zone "a": no worker has such a label',
        'taint spot "yes": the task does not tolerate it',
      ],
    },
    {
      asked: "only together, is what the nearest one lacks",
      demand: asks({ cpuMilli: 4_000, ramMb: 4_000, vramMb: 1 }),
      workers: [{ cpuMilli: 4_000 }, { ramMb: 4_000, vramMb: [1] }],
      unmet: ["cpu 4: the worker announces none (worker w1)"],
    },
  ])("$asked", ({ demand, workers, unmet }) => {
    const some = workers.map((said, index) => worker(`w${index}`, said));
    expect(unmetByAll(demand, some)).toEqual(unmet);
  });

  test("by a task that asks for nothing, are taints", () => {
    expect(unmetByAll(undefined, [worker("w", { taints: [spot] })])).toEqual([
      'taint spot "yes": the task does not tolerate it',
    ]);
  });
});
