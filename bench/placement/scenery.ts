import type { Resources } from "../../src/core/placement/demand.ts";
import type { NewTask } from "../../src/core/stated.ts";

/** What the worker of a number says when it attaches. */
export interface FleetWorker {
  readonly workerId: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly taints: readonly { readonly key: string; readonly value: string }[];
  readonly cpu: number;
  readonly ramMb: number;
  /** The memory of each of its devices. */
  readonly vramMb: readonly number[];
}

const zones = ["a", "b", "c"] as const;

/** Workers of three sizes in three zones; every other one has devices, and every tenth a taint. */
export function fleetWorker(number: number): FleetWorker {
  const size = 1 + (number % 3);
  return {
    workerId: `fleet-${number}`,
    labels: { zone: zones[number % zones.length] as string, disk: number % 4 === 0 ? "ssd" : "hdd" },
    taints: number % 10 === 9 ? [{ key: "spot", value: "yes" }] : [],
    cpu: 8 * size,
    ramMb: 32_000 * size,
    vramMb: number % 2 === 0 ? Array.from({ length: size }, () => 24_000) : [],
  };
}

const nothing: Resources = {
  cpuMilli: undefined,
  ramMb: undefined,
  vramMb: undefined,
  deviceCount: undefined,
  deviceIndex: undefined,
};

/** What the task of a number asks for: 24 different demands, of which a third ask for a device. */
export function demandOf(number: number): Pick<NewTask, "resources" | "placement"> {
  const kind = number % 24;
  const cpuMilli = [500, 1_000, 2_000, 4_000][kind % 4];
  const resources = { ...nothing, cpuMilli, ramMb: kind % 2 === 0 ? 1_000 : 6_000 };
  const workerLabels = kind < 8 ? {} : { zone: zones[kind % zones.length] as string };
  const tolerations = kind % 6 === 5 ? [{ key: "spot", value: "" }] : [];
  return {
    resources: kind % 3 === 0 ? { ...resources, vramMb: kind < 12 ? 8_000 : 16_000 } : resources,
    placement: { workerLabels, tolerations },
  };
}
