import { canonical } from "../value.ts";
import { anywhere, askingNothing, type Demand, type Placement, type Resources } from "./demand.ts";

/**
 * What a task asks for in all, from what is stated of it and of its op; undefined if that is nothing. What
 * means the same has the same shape: the order of tolerations and a device count that goes without saying
 * make no difference, 0 and undefined do.
 */
export function demandOf(
  resources: Resources | undefined,
  placement: Placement | undefined,
): Demand | undefined {
  const asked: Resources = resources ?? askingNothing;
  const where: Placement = placement ?? anywhere;
  const asksNothing = Object.values(asked).every((amount) => amount === undefined);
  if (asksNothing && Object.keys(where.workerLabels).length === 0 && where.tolerations.length === 0) {
    return undefined;
  }
  const tolerations = where.tolerations.map(({ key, value }) => canonical([key, value])).sort();
  const { workerLabels } = where;
  const meaning = { ...asked, deviceCount: deviceCountOf(asked), workerLabels, tolerations };
  return { resources: asked, placement: where, shape: digest(canonical(meaning)) };
}

/** How many devices a task is given: as many as it says, else one if it says anything about devices. */
export function deviceCountOf({ deviceCount, vramMb, deviceIndex }: Resources): number {
  return deviceCount ?? (vramMb === undefined && deviceIndex === undefined ? 0 : 1);
}

/**
 * 64 bits of a text in 14 characters at most. Two demands that came to the same one would share a line in
 * the queue; each is still placed by what it asks for itself.
 */
function digest(text: string): string {
  let one = 0x811c9dc5;
  let other = 0x9e3779b9;
  for (let index = 0; index < text.length; index += 1) {
    const unit = text.charCodeAt(index);
    one = Math.imul(one ^ unit, 0x01000193);
    other = Math.imul(other ^ unit ^ (one >>> 15), 0x85ebca6b);
  }
  return mixed(one).toString(36) + mixed(other).toString(36).padStart(7, "0");
}

function mixed(bits: number): number {
  const half = Math.imul(bits ^ (bits >>> 16), 0x7feb352d);
  return (half ^ (half >>> 15)) >>> 0;
}
