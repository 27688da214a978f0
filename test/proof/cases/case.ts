import { setTimeout as delay } from "node:timers/promises";
import type { World, WorldOptions } from "../load/world.ts";

/** What this machine can do. */
export interface Abilities {
  /** The library that makes disks fail, or why it is missing. */
  readonly diskFaults: { readonly library: string } | { readonly missing: string };
  /** Why file systems in memory cannot be mounted; undefined if they can. */
  readonly noMount: string | undefined;
}

/** A kind of faults, under which the load is put. */
export interface Case {
  readonly name: string;
  /** What it does, in a sentence. */
  readonly sentence: string;
  /** Why it cannot run here; undefined if it can. */
  missing?(abilities: Abilities): string | undefined;
  /** What its world has that others have not. */
  options?(abilities: Abilities): Partial<WorldOptions>;
  /** How long the faults go on at least, in milliseconds; the proof's own length unless said. */
  readonly forMs?: number;
  /** Prepares what the world needs before it starts; answers how to clear it away. */
  prepare?(folder: string): () => void;
  /** Injects faults until the time is over, and leaves everything well. */
  injure(world: World, isOver: () => boolean): Promise<void>;
}

/** Waits for a time between two bounds, in milliseconds, chosen by the world's chance. */
export async function pause(world: World, minMs: number, maxMs: number): Promise<void> {
  await delay(minMs + world.random.below(maxMs - minMs));
}

/** Why disks cannot be made to fail; undefined if they can. */
export function withoutDiskFaults({ diskFaults }: Abilities): string | undefined {
  return "missing" in diskFaults ? diskFaults.missing : undefined;
}

/** The part of a world that has a disk which fails. */
export function withDisk({ diskFaults }: Abilities, keepsJournal: boolean): Partial<WorldOptions> {
  return "library" in diskFaults ? { disk: { library: diskFaults.library, keepsJournal } } : {};
}
