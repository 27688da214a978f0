import type { FaultKind } from "./world/fault-plan.ts";
import { SimulatedWorld, type SimulationResult, type WorldOptions } from "./world/simulated-world.ts";

/** How much to simulate: for so long, or so many steps in all. */
export type SimulationBound = { readonly seconds: number } | { readonly steps: number };

/** What a series of simulations came to. */
export interface SimulationSummary {
  readonly seeds: number;
  readonly steps: number;
  readonly runs: number;
  readonly events: number;
  readonly faultsByKind: Readonly<Record<string, number>>;
  /** Each with its seed in front; empty if every promise held. */
  readonly violations: readonly string[];
  readonly failedSeeds: readonly number[];
}

/** 1,500 steps with faults in one simulation: long enough for runs to meet many of them. */
export const stepsPerSeed = 1_500;

/** Simulates one seed. */
export function simulateSeed(options: WorldOptions): Promise<SimulationResult> {
  return new SimulatedWorld(options).run();
}

/** Simulates one seed after the other until the bound is reached, at least one. */
export async function simulate(
  bound: SimulationBound & {
    readonly firstSeed: number;
    readonly onSeed?: (result: SimulationResult) => void;
  },
): Promise<SimulationSummary> {
  const faults = new Map<string, number>();
  const violations: string[] = [];
  const failedSeeds: number[] = [];
  const endMs = "seconds" in bound ? performance.now() + bound.seconds * 1_000 : Number.POSITIVE_INFINITY;
  const stepsMax = "steps" in bound ? bound.steps : Number.POSITIVE_INFINITY;
  let [seeds, steps, runs, events] = [0, 0, 0, 0];
  do {
    const seed = bound.firstSeed + seeds;
    const result = await simulateSeed({ seed, steps: stepsPerSeed });
    seeds += 1;
    steps += result.steps;
    runs += result.runCount;
    events += result.eventCount;
    for (const [kind, count] of result.faults) faults.set(kind, (faults.get(kind) ?? 0) + count);
    if (result.violations.length > 0) failedSeeds.push(seed);
    violations.push(...result.violations.map((violation) => `seed ${seed}: ${violation}`));
    bound.onSeed?.(result);
  } while (steps < stepsMax && performance.now() < endMs);
  const faultsByKind = Object.fromEntries([...faults].sort(([one], [other]) => (one < other ? -1 : 1)));
  return { seeds, steps, runs, events, faultsByKind, violations, failedSeeds };
}

/**
 * A shorter simulation that breaks the same promise: without the kinds of faults that it does not need, and
 * with as few steps as it takes.
 */
export async function shrink(found: SimulationResult, options: WorldOptions): Promise<SimulationResult> {
  const promiseOf = ({ violations }: SimulationResult) => (violations[0] ?? "").split(":")[0];
  const wanted = promiseOf(found);
  let best = found;
  const without = new Set<FaultKind>(options.without);
  for (const kind of found.faults.keys()) {
    const tried = new Set([...without, kind as FaultKind]);
    const steps = Math.min(options.steps, best.steps);
    const result = await simulateSeed({ ...options, steps, without: tried });
    if (promiseOf(result) !== wanted || result.steps > best.steps * 2) continue;
    without.add(kind as FaultKind);
    best = result;
  }
  for (let steps = Math.min(options.steps, best.steps); steps > 20; steps = Math.floor(steps * 0.7)) {
    const result = await simulateSeed({ ...options, steps, without });
    if (promiseOf(result) !== wanted) break;
    if (result.steps < best.steps) best = result;
  }
  return best;
}
