import type { Session } from "../session.ts";
import {
  type Capacity,
  type Demand,
  type Device,
  nothingReserved,
  type Placement,
  type Reserved,
  type Resources,
  type Taint,
} from "./demand.ts";
import { deviceCountOf } from "./demand-of.ts";

/** What placing looks at of a session: what its worker is and has, and what of it is reserved. */
export type Place = Pick<Session, "labels" | "taints" | "capacity" | "reserved">;

/**
 * What of a demand (undefined for none) a worker could not meet even if it held nothing, each as a sentence
 * such as `vram_mb 24000: the largest device has 16000`. Empty if it could hold the task.
 */
export function unmetDemands(demand: Demand | undefined, place: Omit<Place, "reserved">): readonly string[] {
  const unmet: string[] = [];
  if (demand !== undefined) {
    const { resources, placement } = demand;
    addUnmetAmounts(unmet, resources, place.capacity);
    addUnmetDevices(unmet, resources, place.capacity.devices);
    for (const [name, value] of Object.entries(placement.workerLabels)) {
      const actual = Object.hasOwn(place.labels, name) ? place.labels[name] : undefined;
      if (actual === value) continue;
      const has = actual === undefined ? "has no such label" : `has ${quoted(actual)}`;
      unmet.push(`worker label ${name} ${quoted(value)}: the worker ${has}`);
    }
  }
  for (const taint of place.taints) {
    if (bears(demand?.placement, taint)) continue;
    unmet.push(`taint ${taint.key} ${quoted(taint.value)}: the task does not tolerate it`);
  }
  return unmet;
}

/** True if a worker could hold a task with this demand (undefined for none) if it held nothing else. */
export function couldHold(demand: Demand | undefined, place: Omit<Place, "reserved">): boolean {
  for (const taint of place.taints) if (!bears(demand?.placement, taint)) return false;
  if (demand === undefined) return true;
  const { resources, placement } = demand;
  const { cpuMilli, ramMb } = resources;
  const { capacity, labels } = place;
  if (cpuMilli !== undefined && cpuMilli > (capacity.cpuMilli ?? -1)) return false;
  if (ramMb !== undefined && ramMb > (capacity.ramMb ?? -1)) return false;
  for (const name in placement.workerLabels) {
    if (!Object.hasOwn(labels, name) || labels[name] !== placement.workerLabels[name]) return false;
  }
  const count = deviceCountOf(resources);
  return count === 0 || freeFor(resources, capacity, nothingReserved).length >= count;
}

/**
 * The devices that a task with this demand (undefined for none) gets if a worker takes it with what it has
 * free: those with the least to spare. Undefined if it does not fit, for now or ever.
 */
export function placeOn(
  demand: Demand | undefined,
  place: Place,
): { readonly deviceIndexes: readonly number[] } | undefined {
  return couldHold(demand, place) ? placeNow(demand, place) : undefined;
}

/** As `placeOn`, for a worker that could hold the task if it held nothing. */
export function placeNow(
  demand: Demand | undefined,
  { capacity, reserved }: Pick<Place, "capacity" | "reserved">,
): { readonly deviceIndexes: readonly number[] } | undefined {
  if (demand === undefined) return withoutDevices;
  const { resources } = demand;
  const { cpuMilli, ramMb } = resources;
  // What announces none of a thing cannot even give 0 of it.
  if (cpuMilli !== undefined && cpuMilli > (capacity.cpuMilli ?? -1) - reserved.cpuMilli) return undefined;
  if (ramMb !== undefined && ramMb > (capacity.ramMb ?? -1) - reserved.ramMb) return undefined;
  const count = deviceCountOf(resources);
  if (count === 0) return withoutDevices;
  const free = freeFor(resources, capacity, reserved);
  if (free.length < count) return undefined;
  const chosen = free.sort((one, other) => one.sparesMb - other.sparesMb || one.index - other.index);
  return { deviceIndexes: chosen.slice(0, count).map(({ index }) => index) };
}

const withoutDevices = { deviceIndexes: [] };

/** The devices that could be given now, each with the memory that is left of it then. */
function freeFor(
  resources: Resources,
  capacity: Capacity,
  reserved: Reserved,
): { readonly index: number; readonly sparesMb: number }[] {
  const { vramMb, deviceIndex } = resources;
  const free: { index: number; sparesMb: number }[] = [];
  for (const { index, vramMb: sizeMb } of capacity.devices) {
    if (deviceIndex !== undefined && index !== deviceIndex) continue;
    const taken = reserved.devices.find((device) => device.index === index);
    if (taken !== undefined && (taken.whole || vramMb === undefined)) continue;
    const sparesMb = sizeMb - (taken?.vramMb ?? 0) - (vramMb ?? 0);
    if (sparesMb >= 0) free.push({ index, sparesMb });
  }
  return free;
}

function addUnmetAmounts(unmet: string[], { cpuMilli, ramMb }: Resources, capacity: Capacity): void {
  if (cpuMilli !== undefined && (capacity.cpuMilli === undefined || cpuMilli > capacity.cpuMilli)) {
    const has = capacity.cpuMilli === undefined ? "announces none" : `has ${capacity.cpuMilli / 1000}`;
    unmet.push(`cpu ${cpuMilli / 1000}: the worker ${has}`);
  }
  if (ramMb !== undefined && (capacity.ramMb === undefined || ramMb > capacity.ramMb)) {
    const has = capacity.ramMb === undefined ? "announces none" : `has ${capacity.ramMb}`;
    unmet.push(`ram_mb ${ramMb}: the worker ${has}`);
  }
}

function addUnmetDevices(unmet: string[], resources: Resources, devices: readonly Device[]): void {
  const { vramMb, deviceIndex } = resources;
  const count = deviceCountOf(resources);
  if (count === 0) return;
  const usable =
    deviceIndex === undefined ? devices : devices.filter((device) => device.index === deviceIndex);
  if (deviceIndex !== undefined && usable.length === 0) {
    unmet.push(`device_index ${deviceIndex}: the worker has no such device`);
    return;
  }
  const largest = usable.reduce((size, device) => Math.max(size, device.vramMb), -1);
  if (vramMb !== undefined && largest < vramMb) {
    const which = deviceIndex === undefined ? "the largest device" : `device ${deviceIndex}`;
    unmet.push(`vram_mb ${vramMb}: ${largest < 0 ? "the worker has no device" : `${which} has ${largest}`}`);
    return;
  }
  const fitting = usable.filter((device) => device.vramMb >= (vramMb ?? 0)).length;
  if (fitting >= count) return;
  const which = vramMb === undefined ? "" : ` with vram_mb ${vramMb}`;
  unmet.push(`device_count ${count}${which}: the worker has ${fitting}`);
}

function bears(placement: Placement | undefined, taint: Taint): boolean {
  if (placement === undefined) return false;
  return placement.tolerations.some(
    ({ key, value }) => key === taint.key && (value === "" || value === taint.value),
  );
}

function quoted(text: string): string {
  return JSON.stringify(text);
}
