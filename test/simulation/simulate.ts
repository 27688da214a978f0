import { parseArgs } from "node:util";
import { shrink, simulate, simulateSeed, stepsPerSeed } from "./simulation.ts";

/**
 * Simulates by hand: `node test/simulation/simulate.ts --seconds 60 --seed 1`. Ends with 1 at a violation,
 * after printing the seed and the end of the shortest trace that was found. `--trace` prints a whole one.
 */
const { values } = parseArgs({
  options: {
    seconds: { type: "string", default: "20" },
    seed: { type: "string", default: "1" },
    steps: { type: "string", default: String(stepsPerSeed) },
    one: { type: "boolean", default: false },
    trace: { type: "boolean", default: false },
  },
});
/** 60 lines of a trace: what led to a violation is mostly among the last of them. */
const traceLines = 60;

async function showFailure(seed: number): Promise<void> {
  const options = { seed, steps: Number(values.steps) };
  const found = await simulateSeed(options);
  console.log(`seed ${seed} after ${found.steps} steps:`);
  for (const violation of found.violations.slice(0, 10)) console.log(`  ${violation}`);
  const shortest = await shrink(found, options);
  console.log(
    `the shortest found has ${shortest.steps} steps, with ${[...shortest.faults.keys()].join(", ")}:`,
  );
  for (const violation of shortest.violations.slice(0, 3)) console.log(`  ${violation}`);
  for (const line of shortest.trace.slice(-traceLines)) console.log(`    ${line}`);
}

if (values.one) {
  const result = await simulateSeed({ seed: Number(values.seed), steps: Number(values.steps) });
  if (values.trace) for (const line of result.trace) console.log(line);
  console.log(
    `${result.steps} steps, ${result.runCount} runs, ${result.eventCount} events, ${result.digest}`,
  );
  for (const violation of result.violations) console.log(violation);
  process.exitCode = result.violations.length === 0 ? 0 : 1;
} else {
  const startMs = performance.now();
  const summary = await simulate({ seconds: Number(values.seconds), firstSeed: Number(values.seed) });
  const seconds = Math.round((performance.now() - startMs) / 1_000);
  console.log(`${summary.seeds} seeds from ${values.seed}, ${summary.steps} steps in ${seconds} s`);
  console.log(`${summary.runs} runs, ${summary.events} events`);
  for (const [kind, count] of Object.entries(summary.faultsByKind)) console.log(`  ${kind}: ${count}`);
  console.log(`${summary.violations.length} violations, seeds ${summary.failedSeeds.join(", ") || "none"}`);
  const [first] = summary.failedSeeds;
  if (first !== undefined) await showFailure(first);
  process.exitCode = summary.violations.length === 0 ? 0 : 1;
}
