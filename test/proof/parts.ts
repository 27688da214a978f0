import { join } from "node:path";
import { measureStalled } from "../../bench/feed/stalled.ts";
import { runConformance } from "../../src/conformance/run-conformance.ts";
import { scenarios } from "../../src/conformance/scenarios.ts";
import { simulate } from "../simulation/simulation.ts";
import type { Abilities } from "./cases/case.ts";
import { plants, play, scenesWithPower } from "./planted/plants.ts";
import type { PartResult } from "./report.ts";

/** What a part is run with. */
export interface PartRun {
  readonly seconds: number;
  readonly seed: number;
  readonly abilities: Abilities;
}

/** A part of the proof that is not a load under faults. */
export interface Part {
  readonly name: string;
  /** How long it takes, about, where the whole takes so many seconds. */
  seconds(whole: number): number;
  run(run: PartRun): Promise<Omit<PartResult, "name"> | { readonly skipped: string }>;
}

/** How many scenes are played at once. */
const scenesAtOnce = 2;

const planted: Part = {
  name: "planted bugs",
  seconds: () => 30,
  async run({ abilities: { diskFaults } }) {
    const library = "library" in diskFaults ? diskFaults.library : undefined;
    const able = plants.filter(({ scene }) => library !== undefined || !(scene in scenesWithPower));
    const violations: string[] = [];
    let caught = 0;
    const left = [...able];
    const players = Array.from({ length: scenesAtOnce }, async () => {
      for (let plant = left.shift(); plant !== undefined; plant = left.shift()) {
        const { bug, scene, breaks } = plant;
        const found = await play(bug, scene, library);
        const broken = new Set(found.map((violation) => violation.split(":")[0]));
        if (breaks.every((promise) => broken.has(promise))) caught += 1;
        else violations.push(`${bug} was not caught: ${found.join("; ") || "nothing was found"}`);
      }
    });
    await Promise.all(players);
    return { figures: { planted: able.length, caught }, violations };
  },
};

const simulation: Part = {
  name: "simulation",
  seconds: (whole) => Math.max(5, whole / 10),
  async run({ seconds, seed }) {
    const { seeds, steps, runs, events, faultsByKind, violations } = await simulate({
      seconds,
      firstSeed: seed,
    });
    const faults = Object.values(faultsByKind).reduce((sum, count) => sum + count, 0);
    return { figures: { seeds, steps, runs, events, faults }, violations };
  },
};

/** 64 MiB: what 50 stalled subscribers may cost a server beside what the same events cost it without them. */
const stalledBytesMax = 64 * 1024 * 1024;

const stalled: Part = {
  name: "stalled subscribers",
  seconds: (whole) => (whole >= 600 ? 60 : 10),
  async run({ seconds }) {
    const events = seconds >= 60 ? 1_000_000 : 100_000;
    const measured = await measureStalled({ subscribers: 50, events });
    const more = measured.afterBytes - measured.beforeBytes - measured.aloneBytes;
    const violations: string[] = [];
    if (more > stalledBytesMax) violations.push(`Bounded: they cost ${more} bytes beside the events`);
    if (measured.received !== events)
      violations.push(`Reliable: ${measured.received} of ${events} were read on`);
    const mebibytes = Math.max(0, Math.round(more / 1024 / 1024));
    return { figures: { subscribers: 50, events, "MiB more than alone": mebibytes }, violations };
  },
};

const conformance: Part = {
  name: "worker conformance (TypeScript)",
  seconds: () => 25,
  async run() {
    const worker = join(import.meta.dirname, "../interop/conformance/worker.ts");
    const verdicts = runConformance({
      command: [process.execPath, worker],
      scenarios,
      parallel: 4,
      environment: process.env,
      signal: new AbortController().signal,
    });
    const violations: string[] = [];
    for await (const { scenario, passed, reason } of verdicts) {
      if (!passed) violations.push(`${scenario.name}: ${reason}`);
    }
    return {
      figures: { scenarios: scenarios.length, passed: scenarios.length - violations.length },
      violations,
    };
  },
};

/** A part whose failure is a violation, and does not end the proof. */
function failing(part: Part): Part {
  return {
    ...part,
    run: (run) =>
      part.run(run).catch((error: unknown) => ({ figures: {}, violations: [`it failed: ${String(error)}`] })),
  };
}

/** Every such part. */
export const parts: readonly Part[] = [planted, simulation, conformance, stalled].map(failing);
