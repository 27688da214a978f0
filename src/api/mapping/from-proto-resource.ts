import type {
  Capacity as CapacityMessage,
  Placement as PlacementMessage,
  Resources as ResourcesMessage,
  Taint as TaintMessage,
} from "../../../gen/signalbox/v1/resource_pb.ts";
import {
  type Capacity,
  noCapacity,
  type Placement,
  type Resources,
  type Taint,
} from "../../core/placement/demand.ts";
import type { Faults } from "./faults.ts";

/** What a task or an op asks of a worker; undefined stays undefined. */
export function fromResources(message: ResourcesMessage | undefined, faults: Faults): Resources | undefined {
  if (message === undefined) return undefined;
  const { cpu, ramMb, vramMb, deviceCount, deviceIndex } = message;
  if (deviceIndex !== undefined && (deviceCount ?? 1) > 1) {
    faults.within("device_count", () => faults.add("must be 1 or not said, together with device_index"));
  }
  return {
    cpuMilli: fromCores(cpu),
    ramMb: fromMb(ramMb),
    vramMb: fromMb(vramMb),
    deviceCount,
    deviceIndex,
  };
}

/** Which workers a task or an op may go to; undefined stays undefined. */
export function fromPlacement(message: PlacementMessage | undefined, faults: Faults): Placement | undefined {
  if (message === undefined) return undefined;
  const { workerLabels, tolerations } = message;
  const borne = tolerations.map(({ key, value }) => ({ key, value }));
  faults.within("tolerations", () => findRepeated(borne, faults));
  return { workerLabels, tolerations: borne };
}

/** What a worker says that it has to give; not said is nothing. */
export function fromCapacity(message: CapacityMessage | undefined, faults: Faults): Capacity {
  if (message === undefined) return noCapacity;
  const indexes = new Set<number>();
  const devices = faults.each("devices", message.devices, ({ index, kind, vramMb }) => {
    if (indexes.has(index)) {
      faults.within("index", () => faults.add(`must be that of one device only, ${index} is there twice`));
    }
    indexes.add(index);
    return { index, kind, vramMb: Number(vramMb) };
  });
  return { cpuMilli: fromCores(message.cpu), ramMb: fromMb(message.ramMb), devices };
}

/** What keeps tasks from a worker that do not bear it. */
export function fromTaints(messages: readonly TaintMessage[], faults: Faults): readonly Taint[] {
  const taints = messages.map(({ key, value }) => ({ key, value }));
  faults.within("taints", () => findRepeated(taints, faults));
  return taints;
}

function findRepeated(items: readonly Taint[], faults: Faults): void {
  const known = new Set<string>();
  items.forEach(({ key, value }, index) => {
    const both = JSON.stringify([key, value]);
    if (known.has(both)) faults.within(index, () => faults.add("must not be there twice"));
    known.add(both);
  });
}

/** Thousandths of cores: the smallest step, so that the sum of what is reserved stays exact. */
function fromCores(cores: number | undefined): number | undefined {
  return cores === undefined ? undefined : Math.round(cores * 1_000);
}

/** The schema bounds it, so that the number is exact. */
function fromMb(megabytes: bigint | undefined): number | undefined {
  return megabytes === undefined ? undefined : Number(megabytes);
}
