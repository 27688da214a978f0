import type {
  Capacity as CapacityMessage,
  Placement as PlacementMessage,
  Reserved as ReservedMessage,
  Resources as ResourcesMessage,
  Taint as TaintMessage,
} from "../../../gen/signalbox/v1/resource_pb.ts";
import type { Capacity, Placement, Reserved, Resources, Taint } from "../../core/placement/demand.ts";
import { message } from "./message.ts";

/** What a task or an op asks of a worker; undefined stays undefined. */
export function toResources(resources: Resources | undefined): ResourcesMessage | undefined {
  if (resources === undefined) return undefined;
  return message<ResourcesMessage>({
    $typeName: "signalbox.v1.Resources",
    cpu: toCores(resources.cpuMilli),
    ramMb: toMb(resources.ramMb),
    vramMb: toMb(resources.vramMb),
    deviceCount: resources.deviceCount,
    deviceIndex: resources.deviceIndex,
  });
}

/** Which workers a task or an op may go to; undefined stays undefined. */
export function toPlacement(placement: Placement | undefined): PlacementMessage | undefined {
  if (placement === undefined) return undefined;
  return message<PlacementMessage>({
    $typeName: "signalbox.v1.Placement",
    workerLabels: placement.workerLabels,
    tolerations: placement.tolerations.map(({ key, value }) => ({
      $typeName: "signalbox.v1.Toleration",
      key,
      value,
    })),
  });
}

/** What a worker has to give. */
export function toCapacity({ cpuMilli, ramMb, devices }: Capacity): CapacityMessage {
  return message<CapacityMessage>({
    $typeName: "signalbox.v1.Capacity",
    cpu: toCores(cpuMilli),
    ramMb: toMb(ramMb),
    devices: devices.map(({ index, kind, vramMb }) => ({
      $typeName: "signalbox.v1.Device",
      index,
      kind,
      vramMb: BigInt(vramMb),
    })),
  });
}

/** What is reserved of a worker. */
export function toReserved({ cpuMilli, ramMb, devices }: Reserved): ReservedMessage {
  return message<ReservedMessage>({
    $typeName: "signalbox.v1.Reserved",
    cpu: cpuMilli / 1_000,
    ramMb: BigInt(ramMb),
    devices: devices.map(({ index, vramMb, actionCount, whole }) => ({
      $typeName: "signalbox.v1.ReservedDevice",
      index,
      vramMb: BigInt(vramMb),
      actionCount,
      whole,
    })),
  });
}

/** What keeps tasks from a worker. */
export function toTaints(taints: readonly Taint[]): TaintMessage[] {
  return taints.map(({ key, value }) => ({ $typeName: "signalbox.v1.Taint", key, value }));
}

function toCores(milli: number | undefined): number | undefined {
  return milli === undefined ? undefined : milli / 1_000;
}

function toMb(megabytes: number | undefined): bigint | undefined {
  return megabytes === undefined ? undefined : BigInt(megabytes);
}
