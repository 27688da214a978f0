import { readdirSync, readFileSync } from "node:fs";
import { processTableMs } from "../executor-limits.ts";

/** A process of this machine. */
export interface TableEntry {
  /** Its id, as a text. */
  readonly name: string;
  readonly group: number;
  /** True for one that runs no more and waits for its parent to take note; it holds nothing but its id. */
  readonly isZombie: boolean;
}

/** Every process there is, as /proc has them; undefined where there is no /proc. */
export function readProcessTable(): readonly TableEntry[] | undefined {
  try {
    const names = readdirSync("/proc").filter((name) => /^\d+$/.test(name));
    return names.length === 0 ? undefined : names.flatMap((name) => readEntry(name) ?? []);
  } catch {
    return undefined;
  }
}

let lastLook: { readonly at: number; readonly living: ReadonlySet<number> | undefined } | undefined;

/**
 * True if a process of the group runs. Many groups share one look at all processes; none is older than 50 ms,
 * or than `newerThanMs`, a time of `performance.now`.
 */
export function isLivingGroup(group: number, newerThanMs: number): boolean {
  try {
    process.kill(-group, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
  const now = performance.now();
  if (lastLook === undefined || lastLook.at < Math.max(newerThanMs, now - processTableMs)) {
    const living = readProcessTable()?.filter(({ isZombie }) => !isZombie);
    lastLook = { at: now, living: living && new Set(living.map((entry) => entry.group)) };
  }
  return lastLook.living?.has(group) ?? true;
}

/** A file of /proc; empty if its process has ended. */
export function readProc(path: string): string {
  try {
    return readFileSync(path, "latin1");
  } catch {
    return "";
  }
}

/** The state and the group stand behind the command, which may itself hold spaces and brackets. */
function readEntry(name: string): TableEntry | undefined {
  const stat = readProc(`/proc/${name}/stat`);
  const [state, , group] = stat.slice(stat.lastIndexOf(")") + 2).split(" ", 3);
  return group === undefined
    ? undefined
    : { name, group: Number(group), isZombie: state === "Z" || state === "X" };
}
