import type { Labels } from "../run.ts";

/** What a task asks of its worker; undefined is not asked for, 0 is a demand that can be met. */
export interface Resources {
  /** Thousandths of a processor core. */
  readonly cpuMilli: number | undefined;
  readonly ramMb: number | undefined;
  /** On each device that it is given. */
  readonly vramMb: number | undefined;
  readonly deviceCount: number | undefined;
  /** The one device that it must have. */
  readonly deviceIndex: number | undefined;
}

/** That a task may go to a worker in spite of a taint; an empty value bears every value of the key. */
export interface Toleration {
  readonly key: string;
  readonly value: string;
}

/** Which workers a task may go to. */
export interface Placement {
  readonly workerLabels: Labels;
  readonly tolerations: readonly Toleration[];
}

/** What a task asks for in all. Tasks with the same shape can go to the same workers. */
export interface Demand {
  readonly resources: Resources;
  readonly placement: Placement;
  /** A short digest of the two above. */
  readonly shape: string;
}

/** What keeps tasks from a worker that do not say that they bear it. */
export interface Taint {
  readonly key: string;
  readonly value: string;
}

/** A device of a worker, by its index there. */
export interface Device {
  readonly index: number;
  readonly kind: string;
  readonly vramMb: number;
}

/** What a worker has to give; undefined is none of it. */
export interface Capacity {
  readonly cpuMilli: number | undefined;
  readonly ramMb: number | undefined;
  readonly devices: readonly Device[];
}

/** What is reserved of one device; a whole one is shared with nobody. */
export interface ReservedDevice {
  readonly index: number;
  readonly vramMb: number;
  readonly actionCount: number;
  readonly whole: boolean;
}

/**
 * What is reserved of a worker: the sum over the tasks that its session holds, from assignment to end.
 * Devices of which nothing is reserved are not listed.
 */
export interface Reserved {
  readonly cpuMilli: number;
  readonly ramMb: number;
  readonly devices: readonly ReservedDevice[];
}

/** Resources that ask for nothing. */
export const askingNothing: Resources = {
  cpuMilli: undefined,
  ramMb: undefined,
  vramMb: undefined,
  deviceCount: undefined,
  deviceIndex: undefined,
};

/** A placement that rules no worker out, but those with taints. */
export const anywhere: Placement = { workerLabels: {}, tolerations: [] };

/** A worker that announces nothing. */
export const noCapacity: Capacity = { cpuMilli: undefined, ramMb: undefined, devices: [] };

/** A worker that holds nothing with a demand. */
export const nothingReserved: Reserved = { cpuMilli: 0, ramMb: 0, devices: [] };
