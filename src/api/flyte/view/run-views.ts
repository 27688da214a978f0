import type { RunKey } from "../../../core/name.ts";
import { exhausted } from "../faults.ts";
import { idleViewRowsMax, viewIdleMs, viewsMax } from "../flyte-limits.ts";
import { RunView, type ViewSources } from "./run-view.ts";

/** A view in somebody's use. */
export interface UsedView extends Disposable {
  readonly view: RunView;
}

interface Entry {
  readonly view: RunView;
  readonly opening: Promise<void>;
  userCount: number;
  unusedSinceMs: number;
}

/** The bounds of views, so that a test can make them small. */
export interface ViewBounds {
  readonly viewsMax: number;
  readonly idleRowsMax: number;
  readonly idleMs: number;
}

/**
 * The views of the runs that somebody looks at: one for each run, shared by all its readers. One that nobody
 * uses is kept for a while, since readers come again, unless all of those are too large together.
 */
export class RunViews {
  readonly #sources: ViewSources;
  readonly #bounds: ViewBounds;
  /** In the order of their last use. */
  readonly #entries = new Map<RunKey, Entry>();
  #cancelLook: (() => void) | undefined;

  constructor(sources: ViewSources, bounds: Partial<ViewBounds> = {}) {
    this.#sources = sources;
    this.#bounds = { viewsMax, idleRowsMax: idleViewRowsMax, idleMs: viewIdleMs, ...bounds };
  }

  /** How many views there are. */
  get size(): number {
    return this.#entries.size;
  }

  /** The view of a run if there is one already that holds all of it: what it costs to look is known then. */
  existing(key: RunKey): RunView | undefined {
    const view = this.#entries.get(key)?.view;
    return view === undefined || view.isClosed || view.through === 0n ? undefined : view;
  }

  /**
   * The view of a run, built if there is none; to be disposed of after use. Ends the call with NOT_FOUND if
   * there is no such run, and with RESOURCE_EXHAUSTED if too many views are in use.
   */
  async use(key: RunKey): Promise<UsedView> {
    const entry = this.#take(key);
    entry.userCount += 1;
    try {
      await entry.opening;
    } catch (error) {
      this.#release(key, entry);
      throw error;
    }
    let isUsed = true;
    const release = () => {
      if (isUsed) this.#release(key, entry);
      isUsed = false;
    };
    return { view: entry.view, [Symbol.dispose]: release };
  }

  /** Gives all of them up. */
  close(): void {
    this.#cancelLook?.();
    this.#cancelLook = undefined;
    for (const { view } of this.#entries.values()) view.close();
    this.#entries.clear();
  }

  #take(key: RunKey): Entry {
    const known = this.#entries.get(key);
    if (known !== undefined && !known.view.isClosed) {
      this.#entries.delete(key);
      this.#entries.set(key, known);
      return known;
    }
    this.#entries.delete(key);
    if (this.#entries.size >= this.#bounds.viewsMax) this.#makeRoom();
    const view = new RunView(key, this.#sources);
    const entry = { view, opening: view.open(), userCount: 0, unusedSinceMs: 0 };
    this.#entries.set(key, entry);
    return entry;
  }

  #makeRoom(): void {
    for (const [key, entry] of this.#entries) {
      if (entry.userCount > 0 && !entry.view.isClosed) continue;
      this.#drop(key, entry);
      return;
    }
    throw exhausted(`${this.#bounds.viewsMax} runs are looked at already`);
  }

  #release(key: RunKey, entry: Entry): void {
    entry.userCount -= 1;
    if (entry.userCount > 0) return;
    if (this.#entries.get(key) !== entry) return;
    if (entry.view.isClosed) {
      this.#drop(key, entry);
      return;
    }
    entry.unusedSinceMs = this.#sources.clock.nowMs();
    this.#entries.delete(key);
    this.#entries.set(key, entry);
    this.#trim();
    this.#arm();
  }

  /** Gives up the longest unused ones until those that are left are not too large. */
  #trim(): void {
    const unused = [...this.#entries].filter(([, { userCount }]) => userCount === 0);
    let rowCount = unused.reduce((total, [, { view }]) => total + view.tree.size, 0);
    for (const [key, entry] of unused) {
      if (rowCount <= this.#bounds.idleRowsMax) return;
      rowCount -= entry.view.tree.size;
      this.#drop(key, entry);
    }
  }

  #drop(key: RunKey, entry: Entry): void {
    entry.view.close();
    if (this.#entries.get(key) === entry) this.#entries.delete(key);
  }

  #arm(): void {
    this.#cancelLook ??= this.#sources.clock.after(this.#bounds.idleMs, () => {
      this.#cancelLook = undefined;
      this.#look();
    });
  }

  #look(): void {
    const nowMs = this.#sources.clock.nowMs();
    let isAnyUnused = false;
    for (const [key, entry] of [...this.#entries]) {
      const isOver = nowMs - entry.unusedSinceMs >= this.#bounds.idleMs;
      if (entry.view.isClosed || (entry.userCount === 0 && isOver)) this.#drop(key, entry);
      else if (entry.userCount === 0) isAnyUnused = true;
    }
    if (isAnyUnused) this.#arm();
  }
}
