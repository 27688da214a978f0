import type { Abilities } from "./cases/case.ts";
import type { PartResult } from "./report.ts";

/** What a part is run with. */
export interface PartRun {
  readonly seconds: number;
  readonly seed: number;
  readonly folder: string;
  readonly abilities: Abilities;
}

/** A part of the proof that is not a load under faults. */
export interface Part {
  readonly name: string;
  /** Its share of the time of the whole. */
  readonly share: number;
  run(run: PartRun): Promise<Omit<PartResult, "name"> | { readonly skipped: string }>;
}

/** Every such part. */
export const parts: readonly Part[] = [];
