import type { Random } from "../../support/random.ts";

/** Everything that a simulation makes go wrong, by name. */
export const faultKinds = [
  "request lost",
  "request doubled",
  "reply lost",
  "stream cut",
  "stream half-open",
  "stream stalled",
  "server killed",
  "server stopped",
  "commit failed",
  "commit unheard",
  "reads fail",
  "read delayed",
  "clock forwards",
  "clock backwards",
  "worker killed",
  "worker doubled",
] as const;

/** The name of a fault. */
export type FaultKind = (typeof faultKinds)[number];

/** Of 100 messages of calls, or of commits, so many meet it; of 1,000 steps for the rest. */
const rates: Readonly<Record<FaultKind, number>> = {
  "request lost": 5,
  "request doubled": 4,
  "reply lost": 5,
  "stream cut": 4,
  "stream half-open": 2,
  "stream stalled": 4,
  "server killed": 2.5,
  "server stopped": 1,
  "commit failed": 2,
  "commit unheard": 2,
  "reads fail": 0.7,
  "read delayed": 8,
  "clock forwards": 1,
  "clock backwards": 1,
  "worker killed": 2.5,
  "worker doubled": 1.5,
};

/** How often what goes wrong in one simulation. */
export type FaultPlan = ReadonlyMap<FaultKind, number>;

/**
 * The faults of one simulation: each kind is in it seven times out of ten, so that some histories go without
 * any of a kind and reach what it would have stopped. The same numbers are taken whatever is left out.
 */
export function planFaults(random: Random, without: ReadonlySet<FaultKind>): FaultPlan {
  const plan = new Map<FaultKind, number>();
  for (const kind of faultKinds) {
    const isIn = random.percent(70);
    const rate = rates[kind] * (0.5 + random.next());
    if (isIn && !without.has(kind)) plan.set(kind, rate);
  }
  return plan;
}
