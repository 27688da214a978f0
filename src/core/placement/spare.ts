import type { Capacity, Demand, Reserved } from "./demand.ts";
import { deviceCountOf } from "./demand-of.ts";

/**
 * How much of a worker stays free of what a demand asks for, once that has its place there: the sum over the
 * things it asks for, each as a share of all that the worker has. A task that asks for no device counts one
 * more for a worker that has some: those are for tasks that do. 0 for what asks for no resources at all.
 */
export function spareShare(
  demand: Demand | undefined,
  { capacity, reserved }: { readonly capacity: Capacity; readonly reserved: Reserved },
): number {
  if (demand === undefined) return 0;
  const { cpuMilli, ramMb, vramMb } = demand.resources;
  const count = deviceCountOf(demand.resources);
  const asksNothing = cpuMilli === undefined && ramMb === undefined && count === 0;
  if (asksNothing) return 0;
  let spare = count === 0 && capacity.devices.length > 0 ? 1 : 0;
  if (cpuMilli !== undefined) spare += share(capacity.cpuMilli, reserved.cpuMilli + cpuMilli);
  if (ramMb !== undefined) spare += share(capacity.ramMb, reserved.ramMb + ramMb);
  if (count === 0) return spare;
  if (vramMb === undefined) return spare + share(capacity.devices.length, reserved.devices.length + count);
  let sizeMb = 0;
  for (const device of capacity.devices) sizeMb += device.vramMb;
  let takenMb = vramMb * count;
  for (const device of reserved.devices) takenMb += device.vramMb;
  return spare + share(sizeMb, takenMb);
}

function share(size: number | undefined, taken: number): number {
  return size === undefined || size === 0 ? 0 : (size - taken) / size;
}
