import { memoryLookMs } from "../executor-limits.ts";
import { readProc, readProcessTable } from "./process-table.ts";

/** 4 KiB: the size of a page where Linux does not say otherwise. */
const pageBytes = 4096;

interface Watched {
  readonly capBytes: number;
  readonly onExceeded: (usedBytes: number) => void;
}

/**
 * Looks at the memory of process groups, every 250 ms for as long as there is one to look at, and tells when
 * one has more than its cap: the private memory that is resident, of all its processes together. One look
 * serves all groups. Where there is no /proc it sees nothing.
 */
export class MemoryWatch {
  readonly #watchedByGroup = new Map<number, Watched>();
  #timer: NodeJS.Timeout | undefined;

  /** Watches a group; `onExceeded` is called once at most. Returns how to stop. */
  watch(group: number, watched: Watched): () => void {
    this.#watchedByGroup.set(group, watched);
    this.#timer ??= setInterval(() => this.#look(), memoryLookMs);
    return () => this.#forget(group);
  }

  #look(): void {
    for (const [group, usedBytes] of readGroupMemory(new Set(this.#watchedByGroup.keys()))) {
      const watched = this.#watchedByGroup.get(group);
      if (watched !== undefined && usedBytes > watched.capBytes) {
        this.#forget(group);
        watched.onExceeded(usedBytes);
      }
    }
  }

  #forget(group: number): void {
    this.#watchedByGroup.delete(group);
    if (this.#watchedByGroup.size === 0) {
      clearInterval(this.#timer);
      this.#timer = undefined;
    }
  }
}

/** The private resident memory of groups of processes, in bytes by the group's id. */
export function readGroupMemory(groups: ReadonlySet<number>): Map<number, number> {
  const usedByGroup = new Map<number, number>();
  for (const { name, group } of readProcessTable() ?? []) {
    if (groups.has(group)) {
      usedByGroup.set(group, (usedByGroup.get(group) ?? 0) + readPrivateBytes(name));
    }
  }
  return usedByGroup;
}

/** What is resident, less what is shared with others or mapped from files. */
function readPrivateBytes(name: string): number {
  const [, resident = 0, shared = 0] = readProc(`/proc/${name}/statm`).split(" ", 3).map(Number);
  return (resident - shared) * pageBytes;
}
