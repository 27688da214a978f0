import { parentOf } from "../../../core/name.ts";
import { type Phase, phaseCount } from "../phase.ts";
import { areSame, type ViewRow } from "./view-row.ts";

/** How many descendants stand in each phase, by the phase's number. */
export type PhaseCounts = readonly number[];

const none: readonly ViewRow[] = [];

/** The actions of a run by name and by parent, with how many descendants of each stand in which phase. */
export class ViewTree {
  readonly #rows = new Map<string, ViewRow>();
  /** Whole names by Flyte's names: the first of each. */
  readonly #byShortName = new Map<string, string>();
  /** Whole names by the parent's whole name. */
  readonly #children = new Map<string, string[]>();
  readonly #conditions = new Set<string>();
  readonly #counts = new Map<string, number[]>();

  get size(): number {
    return this.#rows.size;
  }

  /** All rows, in the order in which they came. */
  all(): IterableIterator<ViewRow> {
    return this.#rows.values();
  }

  /** The row of an action by its whole name. */
  row(name: string): ViewRow | undefined {
    return this.#rows.get(name);
  }

  /** The row of an action by Flyte's name of it, or by its whole name. */
  named(name: string): ViewRow | undefined {
    return this.#rows.get(this.#byShortName.get(name) ?? name);
  }

  /** The conditions. */
  *conditions(): IterableIterator<ViewRow> {
    for (const name of this.#conditions) {
      const row = this.#rows.get(name);
      if (row !== undefined) yield row;
    }
  }

  /** The children of an action by its whole name, "" for those at the top, in the order they came. */
  childrenOf(parent: string): readonly ViewRow[] {
    const names = this.#children.get(parent);
    return names === undefined ? none : names.flatMap((name) => this.#rows.get(name) ?? []);
  }

  /** The phases of all that is below an action; undefined if nothing is. */
  countsOf(name: string): PhaseCounts | undefined {
    return this.#counts.get(name);
  }

  /** Takes a row in; false if there is nothing new about it. */
  put(row: ViewRow): boolean {
    const before = this.#rows.get(row.name);
    if (before !== undefined && areSame(before, row)) return false;
    this.#rows.set(row.name, row);
    if (before === undefined) this.#index(row);
    if (before?.phase !== row.phase) this.#count(row, before?.phase);
    return true;
  }

  #index({ name, shortName, kind }: ViewRow): void {
    if (!this.#byShortName.has(shortName)) this.#byShortName.set(shortName, name);
    const parent = parentOf(name);
    const children = this.#children.get(parent);
    if (children === undefined) this.#children.set(parent, [name]);
    else children.push(name);
    if (kind === "condition") this.#conditions.add(name);
  }

  #count({ name, phase }: ViewRow, before: Phase | undefined): void {
    for (const above of namesAbove(name)) {
      const counts = this.#counts.get(above) ?? Array.from({ length: phaseCount }, () => 0);
      this.#counts.set(above, counts);
      counts[phase] = (counts[phase] ?? 0) + 1;
      if (before !== undefined) counts[before] = (counts[before] ?? 0) - 1;
    }
  }
}

/** The whole names of all that an action is below, the nearest first. */
export function namesAbove(name: string): string[] {
  const names: string[] = [];
  for (let above = parentOf(name); above !== ""; above = parentOf(above)) names.push(above);
  return names;
}
