import type { Demand, Reserved, Resources } from "./demand.ts";
import { deviceCountOf } from "./demand-of.ts";
import type { Place } from "./fit.ts";

/** What a task misses on a worker that could hold it if it held nothing: amounts of each thing, 0 for none. */
export interface Shortfall {
  readonly cpuMilli: number;
  readonly ramMb: number;
  /** Memory missing on the devices that miss the least of it, or tasks on those, if it wants them whole. */
  readonly devices: number;
}

/** What a demand misses on a worker at the moment. */
export function shortfallOf(
  { resources }: Demand,
  { capacity, reserved }: Pick<Place, "capacity" | "reserved">,
): Shortfall {
  const { cpuMilli, ramMb } = resources;
  return {
    cpuMilli: missing(cpuMilli, (capacity.cpuMilli ?? 0) - reserved.cpuMilli),
    ramMb: missing(ramMb, (capacity.ramMb ?? 0) - reserved.ramMb),
    devices: missingOnDevices(resources, capacity.devices, reserved),
  };
}

/** How much of what it asks for a task misses, over all things: by this the nearest worker is found. */
export function shareMissing({ resources }: Demand, shortfall: Shortfall): number {
  const { cpuMilli, ramMb, vramMb } = resources;
  return (
    shortfall.cpuMilli / (cpuMilli || 1) +
    shortfall.ramMb / (ramMb || 1) +
    shortfall.devices / ((vramMb || 1) * Math.max(1, deviceCountOf(resources)))
  );
}

/** True if something else that a worker takes on makes a task miss more there. */
export function isFurther(before: Shortfall, after: Shortfall): boolean {
  return (
    after.cpuMilli > before.cpuMilli || after.ramMb > before.ramMb || after.devices > before.devices
  );
}

function missing(wanted: number | undefined, free: number): number {
  return wanted === undefined ? 0 : Math.max(0, wanted - free);
}

function missingOnDevices(
  resources: Resources,
  devices: Place["capacity"]["devices"],
  reserved: Reserved,
): number {
  const count = deviceCountOf(resources);
  if (count === 0) return 0;
  const { vramMb, deviceIndex } = resources;
  const missed: number[] = [];
  for (const device of devices) {
    if (device.vramMb < (vramMb ?? 0) || (deviceIndex ?? device.index) !== device.index) continue;
    const taken = reserved.devices.find(({ index }) => index === device.index);
    if (taken === undefined) missed.push(0);
    else if (vramMb === undefined) missed.push(taken.actionCount);
    else if (taken.whole) missed.push(Math.max(1, vramMb));
    else missed.push(Math.max(0, vramMb - (device.vramMb - taken.vramMb)));
  }
  missed.sort((one, other) => one - other);
  return missed.slice(0, count).reduce((sum, amount) => sum + amount, 0);
}
