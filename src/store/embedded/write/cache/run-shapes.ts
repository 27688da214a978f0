import type { Action } from "../../../../core/action.ts";
import type { Edge } from "../../../../core/change.ts";
import type { RunKey } from "../../../../core/name.ts";
import { cachedRowsMax, cachedShapeActionsMax } from "../../../../limits.ts";
import { GenerationCache } from "./generation-cache.ts";

/** What a run consists of, by names. It only ever grows. */
interface Shape {
  readonly actions: { readonly name: string; readonly parent: string }[];
  readonly edges: Edge[];
}

/**
 * Which actions and dependencies the runs have that were created not long ago: kept complete from a run's
 * creation on, or not at all. It answers for the most runs what else each end of an action would ask SQL.
 */
export class RunShapes {
  readonly #shapes = new GenerationCache<Shape>(cachedRowsMax);

  /** A run is created; it has no actions yet. */
  begin(run: RunKey): void {
    this.#shapes.set(run, { actions: [], edges: [] });
  }

  addAction({ run, name, parent }: Action): void {
    const shape = this.#shapes.get(run);
    if (shape === undefined) return;
    if (shape.actions.length >= cachedShapeActionsMax) this.#shapes.delete(run);
    else shape.actions.push({ name, parent });
  }

  addEdge(edge: Edge): void {
    this.#shapes.get(edge.run)?.edges.push(edge);
  }

  /** The names of a run's actions, or of those of one parent, in order; undefined if they are not known. */
  names(run: RunKey, parent?: string): readonly string[] | undefined {
    const shape = this.#shapes.get(run);
    if (shape === undefined) return undefined;
    const names: string[] = [];
    for (const action of shape.actions) {
      if (parent === undefined || action.parent === parent) names.push(action.name);
    }
    return names.sort();
  }

  /** The names of the actions that depend on one, in order; undefined if they are not known. */
  dependents(run: RunKey, name: string): readonly string[] | undefined {
    const shape = this.#shapes.get(run);
    if (shape === undefined) return undefined;
    const names: string[] = [];
    for (const edge of shape.edges) if (edge.from === name) names.push(edge.to);
    return names.sort();
  }

  drop(run: RunKey): void {
    this.#shapes.delete(run);
  }

  settle(): void {
    this.#shapes.age();
  }

  clear(): void {
    this.#shapes.clear();
  }
}
