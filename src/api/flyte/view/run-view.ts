import type { Event, Position } from "../../../core/event.ts";
import type { RunKey } from "../../../core/name.ts";
import type { Run } from "../../../core/run.ts";
import type { Clock } from "../../../engine/clock.ts";
import { Stopping } from "../../../engine/execute.ts";
import { CursorExpired } from "../../../engine/feed-pages.ts";
import type { Feeds } from "../../../engine/feeds.ts";
import { feedBatchBytesMax, feedBatchEventsMax } from "../../../limits.ts";
import type { Store } from "../../../store/store.ts";
import { notFound, unavailable } from "../faults.ts";
import { viewBehindMax, viewPageRows, viewReadsMax, viewWaitMs } from "../flyte-limits.ts";
import { rowOf } from "./view-row.ts";
import { ViewTree } from "./view-tree.ts";
import { ViewWatch, Watches } from "./view-watch.ts";

/** What a view is made from. */
export interface ViewSources {
  readonly store: Pick<Store, "head" | "run" | "action" | "listActions" | "readFeed">;
  readonly feeds: Pick<Feeds, "follow">;
  readonly clock: Clock;
}

/**
 * The actions of one run in memory, kept as they are in the store.
 *
 * It is built from the store: the head of the feed is read first and the actions after it, so that nothing
 * falls between the two. Then it follows the feed of the run from there. Events only say which actions
 * changed: these are read anew, many at once, so that a row is at least as new as `through` and an action
 * that changes often is read once for all of it. If what comes next was removed from the feed, everything is
 * read again, and what differs has changed.
 *
 * ```
 * BUILDING ──▶ LIVE ──▶ CLOSED      closed by whoever has it, or by what went wrong, which readers are told
 *     ▲___________│ the feed was trimmed
 * ```
 */
export class RunView {
  readonly key: RunKey;
  readonly tree = new ViewTree();
  readonly #sources: ViewSources;
  readonly #ending = new AbortController();
  readonly #watches = new Watches();
  readonly #waits = new Set<() => void>();
  readonly #changed = new Set<string>();
  #run: Run | undefined;
  #isRunChanged = false;
  #version = 0;
  #seen = 0n as Position;
  #through = 0n as Position;
  /** Nothing up to here is missing in it, although the feed has not said so. */
  #clear = 0n as Position;
  #isRefreshing = false;
  #refreshing: Promise<void> = Promise.resolve();
  #failure: { readonly error: Error } | undefined;

  constructor(key: RunKey, sources: ViewSources) {
    this.key = key;
    this.#sources = sources;
  }

  /** The run as it stands. Only for a view that was opened. */
  get run(): Run {
    if (this.#run === undefined) throw new Error("the view was not opened");
    return this.#run;
  }

  /** Everything committed up to this position is in it. */
  get through(): Position {
    return this.#through;
  }

  /** Grows whenever a row or the run changes: what was made of one version is good until the next. */
  get version(): number {
    return this.#version;
  }

  /** True once nothing keeps it up with the run any more. */
  get isClosed(): boolean {
    return this.#failure !== undefined || this.#ending.signal.aborted;
  }

  /** Builds it, and has it follow the run until `close`. Ends the call with NOT_FOUND if there is no run. */
  async open(): Promise<void> {
    try {
      await this.#build();
    } catch (error) {
      this.#fail(error);
      throw error;
    }
    void this.#keep();
  }

  /** Stops following. Readers that are left are told to come back. */
  close(): void {
    this.#fail(unavailable("the view of the run was given up"));
  }

  /**
   * Waits until everything that was committed before the call is in it. Ends the call with UNAVAILABLE if
   * that takes longer than `viewWaitMs`; throws what the view has ended with.
   */
  async catchUp(): Promise<void> {
    await this.waitFor(await this.#sources.store.head());
  }

  /** As `catchUp`, for what was committed up to a position. */
  async waitFor(position: Position): Promise<void> {
    // The feed says where it stands only now and then while nothing of this run happens.
    for (;;) {
      if (this.#failure !== undefined) throw this.#failure.error;
      const after = this.#clear > this.#through ? this.#clear : this.#through;
      if (after >= position) return;
      const limits = { eventsMax: feedBatchEventsMax, bytesMax: feedBatchBytesMax };
      const page = await this.#sources.store.readFeed({ after, run: this.key, ...limits });
      const last = page.transactions.findLast(({ events }) => events.some(matches));
      if (last !== undefined) await this.#reach(last.first);
      if (page.through > this.#clear) this.#clear = page.through;
      if (page.atHead) return;
    }
  }

  /**
   * Tells a reader of what changes from now on, until it is ended by `unwatch`: of all actions, or of the
   * children of one only, by its whole name.
   */
  watch(parent?: string): ViewWatch {
    const watch = new ViewWatch(this.#sources.clock, parent);
    if (this.#failure === undefined) this.#watches.add(watch);
    else watch.end(this.#failure.error);
    return watch;
  }

  /** Tells a reader of nothing more. */
  unwatch(watch: ViewWatch): void {
    this.#watches.delete(watch);
  }

  #reach(position: Position): Promise<void> {
    const hasReached = () => this.#through >= position;
    if (hasReached()) return Promise.resolve();
    if (this.#failure !== undefined) return Promise.reject(this.#failure.error);
    return new Promise((resolve, reject) => {
      const end = (settle: () => void) => {
        this.#waits.delete(look);
        cancel();
        settle();
      };
      const look = () => {
        const { error } = this.#failure ?? {};
        if (error !== undefined) end(() => reject(error));
        else if (hasReached()) end(resolve);
      };
      const late = unavailable("the view of the run is behind");
      const cancel = this.#sources.clock.after(viewWaitMs, () => end(() => reject(late)));
      this.#waits.add(look);
    });
  }

  async #build(): Promise<void> {
    const { store } = this.#sources;
    const head = await store.head();
    await this.#readRun();
    const changed: string[] = [];
    for (let after: string | undefined, isFirst = true; isFirst || after !== undefined; isFirst = false) {
      const page = await store.listActions({ run: this.key, states: [], after, limit: viewPageRows });
      for (const action of page.items) {
        if (this.tree.put(rowOf(action, this.tree.row(action.name)))) changed.push(action.name);
      }
      if (this.#ending.signal.aborted) return;
      after = page.next;
    }
    this.#changed.clear();
    this.#seen = head;
    this.#reached(head, changed);
  }

  async #keep(): Promise<void> {
    try {
      for (;;) {
        try {
          return await this.#follow();
        } catch (error) {
          if (!(error instanceof CursorExpired)) throw error;
          await this.#refreshing;
          await this.#build();
        }
      }
    } catch (error) {
      this.#fail(error);
    }
  }

  async #follow(): Promise<void> {
    const { signal } = this.#ending;
    const { feeds } = this.#sources;
    for await (const frame of feeds.follow({ after: this.#seen, run: this.key, matches, signal })) {
      for (const { event } of frame.events) {
        if (event.action === "") this.#isRunChanged = true;
        else this.#changed.add(event.action);
      }
      this.#seen = frame.through;
      if (!this.#isRefreshing) this.#refreshing = this.#refresh();
      if (this.#changed.size > viewBehindMax) await this.#refreshing;
    }
    if (!signal.aborted) throw new Stopping();
  }

  /** Reads what has changed until nothing has; failures end the view. */
  async #refresh(): Promise<void> {
    this.#isRefreshing = true;
    try {
      while (this.#through < this.#seen) {
        const through = this.#seen;
        const names = [...this.#changed];
        this.#changed.clear();
        if (this.#isRunChanged) await this.#readRun();
        const changed: string[] = [];
        for (let index = 0; index < names.length; index += viewReadsMax) {
          changed.push(...(await this.#readActions(names.slice(index, index + viewReadsMax))));
        }
        this.#reached(through, changed);
      }
    } catch (error) {
      this.#fail(error);
    } finally {
      this.#isRefreshing = false;
    }
  }

  async #readRun(): Promise<void> {
    this.#isRunChanged = false;
    const run = await this.#sources.store.run(this.key);
    if (run === undefined) throw notFound(`there is no run ${this.key}`);
    this.#run = run;
    this.#version += 1;
  }

  async #readActions(names: readonly string[]): Promise<string[]> {
    const actions = await Promise.all(names.map((name) => this.#sources.store.action(this.key, name)));
    const changed: string[] = [];
    for (const action of actions) {
      if (action === undefined) continue;
      if (this.tree.put(rowOf(action, this.tree.row(action.name)))) changed.push(action.name);
    }
    return changed;
  }

  #reached(through: Position, changed: readonly string[]): void {
    this.#through = through;
    if (changed.length > 0) {
      this.#version += 1;
      this.#watches.note(changed);
    }
    for (const look of [...this.#waits]) look();
  }

  #fail(cause: unknown): void {
    if (this.#failure !== undefined) return;
    const error = cause instanceof Error ? cause : new Error("a view has failed", { cause });
    this.#failure = { error };
    this.#ending.abort();
    this.#watches.end(error);
    for (const look of [...this.#waits]) look();
  }
}

/** Whether an event says that something changed that a view shows. Logs and progress are most of the feed. */
function matches({ detail }: Event): boolean {
  switch (detail.kind) {
    case "action_progressed":
    case "action_logged":
    case "published":
      return false;
    default:
      return true;
  }
}
