import type { Demand, Resources } from "./demand.ts";
import { deviceCountOf } from "./demand-of.ts";
import type { Place } from "./fit.ts";

/** What a worker has, and what of it is reserved. */
type Stock = Pick<Place, "capacity" | "reserved">;

/**
 * How much of what it asks for a task misses on a worker that could hold it if it held nothing: the sum over
 * all things, each as a share of what it asks of it. 0 if it fits at the moment.
 */
export function shareMissing({ resources }: Demand, { capacity, reserved }: Stock): number {
  const { cpuMilli, ramMb, vramMb } = resources;
  let share = missingCpu(resources, { capacity, reserved }) / (cpuMilli || 1);
  share += missingRam(resources, { capacity, reserved }) / (ramMb || 1);
  const count = deviceCountOf(resources);
  if (count === 0) return share;
  return share + missingOnDevices(resources, { capacity, reserved }) / ((vramMb || 1) * count);
}

/** True if a task misses more of anything on a worker once that reserves something more. */
export function isFurther({ resources }: Demand, before: Stock, after: Stock): boolean {
  return (
    missingCpu(resources, after) > missingCpu(resources, before) ||
    missingRam(resources, after) > missingRam(resources, before) ||
    missingOnDevices(resources, after) > missingOnDevices(resources, before)
  );
}

function missingCpu({ cpuMilli }: Resources, { capacity, reserved }: Stock): number {
  if (cpuMilli === undefined) return 0;
  return Math.max(0, cpuMilli - ((capacity.cpuMilli ?? 0) - reserved.cpuMilli));
}

function missingRam({ ramMb }: Resources, { capacity, reserved }: Stock): number {
  if (ramMb === undefined) return 0;
  return Math.max(0, ramMb - ((capacity.ramMb ?? 0) - reserved.ramMb));
}

/** Memory missing on the devices that miss the least of it, or tasks on those, if it wants them whole. */
function missingOnDevices(resources: Resources, { capacity, reserved }: Stock): number {
  const count = deviceCountOf(resources);
  if (count === 0) return 0;
  const { vramMb, deviceIndex } = resources;
  const missed: number[] = [];
  for (const { index, vramMb: sizeMb } of capacity.devices) {
    if (sizeMb < (vramMb ?? 0) || (deviceIndex ?? index) !== index) continue;
    const missedHere = missingOnDevice(vramMb, { index, sizeMb, reserved });
    // Most ask for one device, and most workers have a free one.
    if (count === 1 && missedHere === 0) return 0;
    missed.push(missedHere);
  }
  if (count === 1) return Math.min(...missed);
  missed.sort((one, other) => one - other);
  let sum = 0;
  for (const amount of missed.slice(0, count)) sum += amount;
  return sum;
}

function missingOnDevice(
  vramMb: number | undefined,
  { index, sizeMb, reserved }: { readonly index: number; readonly sizeMb: number } & Pick<Stock, "reserved">,
): number {
  for (const taken of reserved.devices) {
    if (taken.index !== index) continue;
    if (vramMb === undefined) return taken.actionCount;
    return taken.whole ? Math.max(1, vramMb) : Math.max(0, vramMb - (sizeMb - taken.vramMb));
  }
  return 0;
}
