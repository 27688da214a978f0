import {
  anywhere,
  askingNothing,
  type Demand,
  type Placement,
  type Resources,
} from "../../core/placement/demand.ts";
import { couldHold, type Place, unmetDemands } from "../../core/placement/fit.ts";
import type { Session } from "../../core/session.ts";
import { unmetListedMax } from "../../limits.ts";

type Worker = Pick<Session, "workerId" | "labels" | "taints" | "capacity">;

/** How many values of a label, or taints, are told of all that the workers have. */
const toldMax = 5;

/**
 * What of a demand (undefined for none) none of these workers meets, each as a sentence with the best that
 * any of them has. If each single thing is met by one of them and all together by none, what the nearest
 * worker does not meet.
 */
export function unmetByAll(demand: Demand | undefined, workers: readonly Worker[]): readonly string[] {
  const sentences = [
    ...unmetAmounts(demand?.resources ?? askingNothing, workers),
    ...unmetLabels(demand?.placement ?? anywhere, workers),
    ...unmetTaints(demand?.placement ?? anywhere, workers),
  ];
  const told = sentences.length > 0 ? sentences : unmetByNearest(demand, workers);
  return told.slice(0, unmetListedMax);
}

function unmetAmounts(resources: Resources, workers: readonly Worker[]): readonly string[] {
  const { cpuMilli, ramMb, vramMb, deviceCount, deviceIndex } = resources;
  const sentences: string[] = [];
  const most = (amountOf: (worker: Worker) => number | undefined) =>
    Math.max(...workers.map((worker) => amountOf(worker) ?? -1));
  const mostCpu = most(({ capacity }) => capacity.cpuMilli);
  if (cpuMilli !== undefined && cpuMilli > mostCpu) {
    sentences.push(`cpu ${cpuMilli / 1_000}: ${bestHas(mostCpu < 0 ? undefined : mostCpu / 1_000)}`);
  }
  const mostRam = most(({ capacity }) => capacity.ramMb);
  if (ramMb !== undefined && ramMb > mostRam) {
    sentences.push(`ram_mb ${ramMb}: ${bestHas(mostRam < 0 ? undefined : mostRam)}`);
  }
  const devices = demandOf({ ...askingNothing, vramMb, deviceCount, deviceIndex }, anywhere);
  const [sentence] = bestOf(devices, withoutTaints(workers));
  if (sentence !== undefined) sentences.push(sentence);
  return sentences;
}

function bestHas(amount: number | undefined): string {
  return amount === undefined ? "no worker announces any" : `the largest worker has ${amount}`;
}

/** Why none of the workers meets a demand about devices, by the one that comes nearest; empty if one does. */
function bestOf(demand: Demand, workers: readonly Worker[]): readonly string[] {
  let best: { readonly unmet: readonly string[]; readonly nearness: number } | undefined;
  for (const worker of workers) {
    const unmet = unmetDemands(demand, worker);
    if (unmet.length === 0) return [];
    const nearness = nearnessOf(demand.resources, worker.capacity);
    if (best === undefined || nearness > best.nearness) best = { unmet, nearness };
  }
  return best?.unmet ?? [];
}

/** More devices that are large enough come nearer, then a larger one, then any at all. */
function nearnessOf({ vramMb = 0, deviceIndex }: Resources, { devices }: Place["capacity"]): number {
  let enough = 0;
  let largest = 0;
  for (const device of devices) {
    if (deviceIndex !== undefined && device.index !== deviceIndex) continue;
    if (device.vramMb >= vramMb) enough += 1;
    largest = Math.max(largest, device.vramMb + 1);
  }
  return enough * 2 ** 32 + largest;
}

function unmetLabels({ workerLabels }: Placement, workers: readonly Worker[]): readonly string[] {
  const sentences: string[] = [];
  for (const [name, value] of Object.entries(workerLabels)) {
    const values = new Set(workers.flatMap(({ labels }) => labels[name] ?? []));
    if (values.has(value)) continue;
    const known = [...values].slice(0, toldMax).map((one) => JSON.stringify(one));
    const have = known.length === 0 ? "no worker has such a label" : `workers have ${known.join(", ")}`;
    sentences.push(`worker label ${name} ${JSON.stringify(value)}: ${have}`);
  }
  return sentences;
}

/** The taints that keep the task away, if there is one on every worker. */
function unmetTaints({ tolerations }: Placement, workers: readonly Worker[]): readonly string[] {
  const demand = demandOf(askingNothing, { workerLabels: {}, tolerations });
  if (workers.some((worker) => couldHold(demand, worker))) return [];
  return [...new Set(workers.flatMap((worker) => unmetDemands(demand, worker)))].slice(0, toldMax);
}

function unmetByNearest(demand: Demand | undefined, workers: readonly Worker[]): readonly string[] {
  let nearest: { readonly worker: Worker; readonly unmet: readonly string[] } | undefined;
  for (const worker of workers) {
    const unmet = unmetDemands(demand, worker);
    if (nearest === undefined || unmet.length < nearest.unmet.length) nearest = { worker, unmet };
  }
  return (nearest?.unmet ?? []).map((sentence) => `${sentence} (worker ${nearest?.worker.workerId})`);
}

function withoutTaints(workers: readonly Worker[]): readonly Worker[] {
  return workers.map((worker) => ({ ...worker, taints: [] }));
}

function demandOf(resources: Resources, placement: Placement): Demand {
  return { resources, placement, shape: "" };
}
