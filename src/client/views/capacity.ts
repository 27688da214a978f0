import type { Capacity, Reserved } from "../../../gen/signalbox/v1/resource_pb.ts";

/** What a worker has to give; what is undefined it has none of. */
export interface WorkerCapacity {
  readonly cpu: number | undefined;
  readonly ramMb: number | undefined;
  readonly devices: readonly { readonly index: number; readonly kind: string; readonly vramMb: number }[];
}

/** What is reserved of a worker. */
export interface WorkerReserved {
  readonly cpu: number;
  readonly ramMb: number;
  readonly devices: readonly {
    readonly index: number;
    readonly vramMb: number;
    /** How many tasks share it. */
    readonly actionCount: number;
    /** True if one task has it whole. */
    readonly whole: boolean;
  }[];
}

/** A capacity as plain values; a worker that announced none has nothing. */
export function toCapacity(capacity: Capacity | undefined): WorkerCapacity {
  const { cpu, ramMb, devices = [] } = capacity ?? {};
  return {
    cpu,
    ramMb: ramMb === undefined ? undefined : Number(ramMb),
    devices: devices.map(({ index, kind, vramMb }) => ({ index, kind, vramMb: Number(vramMb) })),
  };
}

/** What is reserved, as plain values. */
export function toReserved(reserved: Reserved | undefined): WorkerReserved {
  const { cpu = 0, ramMb = 0n, devices = [] } = reserved ?? {};
  return {
    cpu,
    ramMb: Number(ramMb),
    devices: devices.map(({ index, vramMb, actionCount, whole }) => ({
      index,
      vramMb: Number(vramMb),
      actionCount,
      whole,
    })),
  };
}
