import type { Demand } from "./demand.ts";
import { deviceCountOf } from "./demand-of.ts";
import type { Taker } from "./taker.ts";

/** The most of each thing that any of some sessions has free: what asks for more fits on none of them. */
export interface Room {
  readonly cpuMilli: number;
  readonly ramMb: number;
  /** On one device, -1 without any. */
  readonly vramMb: number;
}

/** The room of some sessions as they are. While a command assigns it only shrinks: this is an upper bound. */
export function roomOf(takers: readonly Taker[]): Room {
  let cpuMilli = -1;
  let ramMb = -1;
  let vramMb = -1;
  for (const { session, reserved } of takers) {
    const { capacity } = session;
    cpuMilli = Math.max(cpuMilli, (capacity.cpuMilli ?? -1) - reserved.cpuMilli);
    ramMb = Math.max(ramMb, (capacity.ramMb ?? -1) - reserved.ramMb);
    for (const device of capacity.devices) {
      if (device.vramMb <= vramMb) continue;
      const taken = reserved.devices.find(({ index }) => index === device.index);
      if (taken?.whole !== true) vramMb = Math.max(vramMb, device.vramMb - (taken?.vramMb ?? 0));
    }
  }
  return { cpuMilli, ramMb, vramMb };
}

/** True if a demand may fit on one of the sessions; false if it surely fits on none. */
export function mayFit({ resources }: Demand, room: Room): boolean {
  const { cpuMilli, ramMb, vramMb } = resources;
  if (cpuMilli !== undefined && cpuMilli > room.cpuMilli) return false;
  if (ramMb !== undefined && ramMb > room.ramMb) return false;
  return vramMb === undefined || vramMb <= room.vramMb || deviceCountOf(resources) === 0;
}
