import { assert } from "../assert.ts";
import type { Demand, Reserved, ReservedDevice } from "./demand.ts";

/** What is reserved once a task with this demand has its place on these devices too. */
export function reserve(reserved: Reserved, demand: Demand, deviceIndexes: readonly number[]): Reserved {
  const { cpuMilli, ramMb, vramMb } = demand.resources;
  return {
    cpuMilli: reserved.cpuMilli + (cpuMilli ?? 0),
    ramMb: reserved.ramMb + (ramMb ?? 0),
    devices: deviceIndexes.reduce((devices, index) => withDevice(devices, index, vramMb), reserved.devices),
  };
}

/** What is reserved once a task has given back what `reserve` took for it. */
export function release(reserved: Reserved, demand: Demand, deviceIndexes: readonly number[]): Reserved {
  const { cpuMilli, ramMb, vramMb } = demand.resources;
  return {
    cpuMilli: reserved.cpuMilli - (cpuMilli ?? 0),
    ramMb: reserved.ramMb - (ramMb ?? 0),
    devices: deviceIndexes.reduce(
      (devices, index) => withoutDevice(devices, index, vramMb),
      reserved.devices,
    ),
  };
}

/** Devices are listed by index. */
function withDevice(
  devices: readonly ReservedDevice[],
  index: number,
  vramMb: number | undefined,
): readonly ReservedDevice[] {
  const others = devices.filter((device) => device.index !== index);
  const known = devices.find((device) => device.index === index);
  others.push({
    index,
    vramMb: (known?.vramMb ?? 0) + (vramMb ?? 0),
    actionCount: (known?.actionCount ?? 0) + 1,
    whole: vramMb === undefined,
  });
  return others.sort((one, other) => one.index - other.index);
}

function withoutDevice(
  devices: readonly ReservedDevice[],
  index: number,
  vramMb: number | undefined,
): readonly ReservedDevice[] {
  const known = devices.find((device) => device.index === index);
  assert(known !== undefined, "a device that is given back was reserved", { index });
  if (known.actionCount === 1) return devices.filter((device) => device !== known);
  const left = { ...known, vramMb: known.vramMb - (vramMb ?? 0), actionCount: known.actionCount - 1 };
  return devices.map((device) => (device === known ? left : device));
}
