import { playScenario } from "./play-scenario.ts";
import { prepareWitness } from "./rules/witness.ts";
import type { Scenario, Verdict } from "./scenario.ts";

/** How a worker is tested. */
export interface ConformanceOptions {
  /** The worker's program and its arguments. */
  readonly command: readonly string[];
  readonly scenarios: readonly Scenario[];
  /** How many scenarios are played at once, each with a worker of its own. */
  readonly parallel: number;
  /** What the environment of the workers is based on. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Ends every worker and rejects with its reason. */
  readonly signal: AbortSignal;
}

/** Plays scenarios and yields the verdicts in the order of the scenarios, each as soon as it can. */
export async function* runConformance(options: ConformanceOptions): AsyncGenerator<Verdict> {
  const { command, scenarios, parallel, environment, signal } = options;
  prepareWitness();
  const verdicts = scenarios.map(() => Promise.withResolvers<Verdict>());
  const waiting = scenarios.entries();
  const stop = new AbortController();
  const anySignal = AbortSignal.any([signal, stop.signal]);
  const play = async () => {
    for (const [index, scenario] of waiting) {
      const verdict = playScenario(scenario, { command, environment, signal: anySignal });
      await verdict.then(verdicts[index]?.resolve, verdicts[index]?.reject);
    }
  };
  for (const { promise } of verdicts) promise.catch(() => undefined);
  const players = Array.from({ length: Math.min(parallel, scenarios.length) }, play);
  try {
    for (const { promise } of verdicts) yield await promise;
  } finally {
    stop.abort();
    await Promise.all(players);
  }
}
