import { mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import type { Abilities, Case } from "./cases/case.ts";
import { type Judgement, judge } from "./history/judge.ts";
import { World } from "./load/world.ts";

/** What came of a load under one kind of faults. */
export interface CaseResult {
  readonly name: string;
  readonly seed: number;
  readonly judgement: Judgement;
  /** How often each fault was injected. */
  readonly faults: ReadonlyMap<string, number>;
  /** The history, if it is to be looked at. */
  readonly keptFile: string | undefined;
  readonly tookMs: number;
}

/** How a case is run. */
export interface CaseRun {
  readonly seed: number;
  /** Where its files go, in a folder of its own. */
  readonly folder: string;
  readonly abilities: Abilities;
  /** How long faults are injected, in milliseconds. */
  readonly forMs: number;
  /** The history stays also if nothing was found. */
  readonly keeps: boolean;
}

/** Puts a load under one kind of faults, lets everything come to rest, and judges what was recorded. */
export async function runCase(proofCase: Case, run: CaseRun): Promise<CaseResult> {
  const startedAt = performance.now();
  const folder = join(run.folder, `${proofCase.name}-${run.seed}`);
  mkdirSync(folder, { recursive: true });
  const clear = proofCase.prepare?.(folder);
  const place = clear === undefined ? {} : { data: join(folder, "mounted", "data") };
  const options = { name: proofCase.name, seed: run.seed, folder, ...place };
  let world: World | undefined;
  try {
    world = await World.start({ ...options, ...proofCase.options?.(run.abilities) });
    const endsAt = performance.now() + Math.max(run.forMs, proofCase.forMs ?? 0);
    try {
      await proofCase.injure(world, () => performance.now() > endsAt);
      await world.settle();
    } catch (error) {
      world.history.writeBug("proof", error);
      world.history.writeBug("server log", new Error(world.server.log.slice(-4_000)));
    }
  } finally {
    await world?.remove();
    clear?.();
  }
  const { lines, file } = world.history;
  const judgement = judge(lines);
  const faults = new Map<string, number>();
  for (const line of lines) {
    if (line.type !== "fault") continue;
    const name = line.of === "" ? line.kind : `${line.kind} (${line.of})`;
    faults.set(name, (faults.get(name) ?? 0) + 1);
  }
  const isKept = run.keeps || judgement.violations.length > 0;
  if (!isKept) rmSync(folder, { recursive: true, force: true });
  return {
    name: proofCase.name,
    seed: run.seed,
    judgement,
    faults,
    keptFile: isKept ? file : undefined,
    tookMs: Math.round(performance.now() - startedAt),
  };
}
