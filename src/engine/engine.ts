import type { Answers, CancelledAttempt, Effect } from "../core/answer.ts";
import { type Command, type CommandKind, type CommandOf, queueKey } from "../core/command.ts";
import { frameItemsMax, reconnectAfterMs, waitingCommandsMax } from "../limits.ts";
import { type Outcome, type Store, StoreUnavailable } from "../store/store.ts";
import { type Chance, type Clock, IdSource, systemChance, systemClock } from "./clock.ts";
import { Deadlines } from "./deadlines.ts";
import { Dispatcher } from "./dispatcher.ts";
import { type Execute, Stopping } from "./execute.ts";
import { Feeds } from "./feeds.ts";
import { Lanes } from "./lanes.ts";
import type { EngineLog } from "./log.ts";
import { Posts } from "./posts.ts";
import { Sessions } from "./sessions.ts";
import { type Expressions, noExpressions } from "./subscriptions/expressions.ts";
import { Subscriptions } from "./subscriptions/subscriptions.ts";
import { type FeedRetention, Sweeper } from "./sweeper.ts";
import { Wake } from "./wake.ts";

/** What an operator may set; see the configuration of the same names for bounds and defaults. */
export interface EngineSettings extends FeedRetention {
  /** How long a session keeps what it holds after its last pulse. */
  readonly leaseMs: number;
  /** How often both sides of a worker stream pulse. */
  readonly pulseIntervalMs: number;
  /** How long a worker may take to accept an assignment. */
  readonly acceptTimeoutMs: number;
  /** The longest a follower of the feed hears nothing. */
  readonly bookmarkIntervalMs: number;
}

/** What an engine is made of. Clock and chance are the machine's own unless given. */
export interface EngineOptions {
  readonly store: Store;
  readonly clock?: Clock;
  readonly chance?: Chance;
  readonly log: EngineLog;
  readonly settings: EngineSettings;
  /** Understands the expressions of subscriptions; without it, those that have one rest. */
  readonly expressions?: Expressions;
}

/**
 * Joins the rules and the store with time and with whoever is connected: it stamps commands, lets the store
 * commit them, and does what must be done outside afterwards. What it does after a commit is never the only
 * trace: a crash in between loses time, and `start` finds everything again in the store.
 *
 * Reads go straight to `store`. One engine serves a store at a time in a process.
 */
export class Engine {
  readonly store: Store;
  readonly settings: EngineSettings;
  readonly feeds: Feeds;
  readonly sessions: Sessions;
  readonly subscriptions: Subscriptions;
  readonly posts: Posts;
  readonly #clock: Clock;
  readonly #chance: Chance;
  readonly #log: EngineLog;
  readonly #ids: IdSource;
  readonly #wake = new Wake();
  readonly #dispatcher: Dispatcher;
  readonly #deadlines: Deadlines;
  readonly #sweeper: Sweeper;
  #runningCount = 0;
  #whenIdle: (() => void) | undefined;
  #stopping: Promise<void> | undefined;

  constructor(options: EngineOptions) {
    const { store, clock = systemClock, chance = systemChance, log, settings } = options;
    const { expressions = noExpressions } = options;
    this.store = store;
    this.settings = settings;
    this.#clock = clock;
    this.#chance = chance;
    this.#log = log;
    this.#ids = new IdSource(chance);
    const { acceptTimeoutMs, bookmarkIntervalMs } = settings;
    const execute: Execute = (command) => this.#run(command);
    const lanes = new Lanes();
    this.feeds = new Feeds({ store, clock, wake: this.#wake, bookmarkIntervalMs });
    this.sessions = new Sessions({ lanes, clock });
    // Its last command comes while everybody else's are refused: what was acknowledged.
    const executeLate: Execute = (command) => this.#run(command, { isLast: true });
    this.subscriptions = new Subscriptions({
      store,
      feeds: this.feeds,
      execute: executeLate,
      clock,
      log,
      expressions,
    });
    this.posts = new Posts({ store, execute: executeLate, clock, chance, log });
    this.#dispatcher = new Dispatcher({
      lanes,
      sessions: this.sessions,
      execute,
      clock,
      log,
      acceptTimeoutMs,
    });
    this.#deadlines = new Deadlines({ store, execute, clock, log });
    this.#sweeper = new Sweeper({ execute, clock, log, settings });
  }

  /**
   * Has a command judged and committed; the outcome is durable when it arrives. Commands of one caller take
   * effect in the order of its calls, which need not wait for each other.
   *
   * Throws Stopping after `stop`, StoreUnavailable if the store cannot write or more than
   * `waitingCommandsMax` commands wait for it. The command may have taken effect in the latter case; its
   * request id makes asking again safe.
   */
  execute<K extends CommandKind>(command: CommandOf<K>): Promise<Outcome<K>> {
    if (this.#runningCount < waitingCommandsMax) return this.#run(command);
    return Promise.reject(new StoreUnavailable("too many commands are waiting"));
  }

  /** The time by the clock that commands are stamped with. */
  nowMs(): number {
    return this.#clock.nowMs();
  }

  /** An id for a run whose caller names none. Later ids sort behind earlier ones. */
  newRunId(): string {
    return this.#ids.next("r", this.#clock.nowMs());
  }

  /** An id for a session. */
  newSessionId(): string {
    return this.#ids.next("s", this.#clock.nowMs());
  }

  /**
   * Begins: every lease gets the time a worker needs to attach again, and what fell due meanwhile is fired.
   * To be awaited before anybody is let in. Throws StoreUnavailable.
   */
  async start(): Promise<void> {
    const { leaseMs } = this.settings;
    const outcome = await this.#run<"boot">({ kind: "boot", leaseMs });
    this.#wake.reached(await this.store.head());
    this.#deadlines.start();
    this.#sweeper.start();
    await this.subscriptions.start();
    const sessionCount = outcome.ok ? outcome.answer.sessionCount : 0;
    this.#log.info({ sessionCount }, "engine started");
  }

  /**
   * Ends: refuses new commands with Stopping, tells open sessions to leave, ends those who follow the feed,
   * and waits for the commands that are on their way. Leases run on. The store stays open.
   */
  stop(): Promise<void> {
    this.#stopping ??= this.#shutDown();
    return this.#stopping;
  }

  async #shutDown(): Promise<void> {
    this.#dispatcher.stop();
    this.#deadlines.stop();
    this.#sweeper.stop();
    this.sessions.leaveAll("the server is stopping", reconnectAfterMs);
    this.feeds.stop();
    await Promise.all([this.subscriptions.stop(), this.posts.stop()]);
    if (this.#runningCount > 0) await new Promise<void>((resolve) => (this.#whenIdle = resolve));
    this.#log.info({}, "engine stopped");
  }

  /** The engine's own commands are few, and wait behind no bound. */
  async #run<K extends CommandKind>(command: CommandOf<K>, { isLast = false } = {}): Promise<Outcome<K>> {
    if (this.#stopping !== undefined && !isLast) throw new Stopping();
    this.#runningCount += 1;
    if (command.kind === "createRun") this.#anticipate(command);
    try {
      const stamp = { nowMs: this.#clock.nowMs(), chance: this.#chance.next() };
      const outcome = await this.store.transact<K>(command, stamp);
      if (outcome.ok) this.#follow(command, outcome);
      return outcome;
    } catch (error) {
      this.#lookEverywhere();
      throw error;
    } finally {
      this.#runningCount -= 1;
      if (this.#runningCount === 0) this.#whenIdle?.();
    }
  }

  /**
   * Marks the queues that a run is about to fill: commands take effect in the order of their calls, so that
   * whoever is ready is assigned its tasks behind it, mostly in the same transaction. There is nothing to
   * mark afterwards.
   */
  #anticipate(command: Command): void {
    if (command.kind !== "createRun") return;
    const { namespace, work } = command;
    const specs = "task" in work ? [work.task] : work.plan.map(({ spec }) => spec);
    for (const spec of specs) if (spec.kind === "task") this.#dispatcher.mark(queueKey(namespace, spec.op));
  }

  /** Does what a committed command asks for outside. Whatever happens here, the command has taken effect. */
  #follow(command: Command, outcome: Extract<Outcome<CommandKind>, { ok: true }>): void {
    try {
      // Before anything that was committed later can have something for the session.
      if (command.kind === "attach") this.sessions.expect((outcome.answer as Answers["attach"]).session.id);
      else if (command.kind === "drain") this.sessions.retire(command.sessionId);
      if (outcome.effects.length > 0) this.#perform(outcome.effects, command.kind === "createRun");
      if (outcome.position !== undefined) this.#wake.reached(outcome.position);
    } catch (error) {
      this.#log.error({ err: error, command: command.kind }, "what follows from a command failed");
    }
  }

  #perform(effects: readonly Effect[], isAnticipated: boolean): void {
    let cancelledBySession: Map<string, CancelledAttempt[]> | undefined;
    for (const effect of effects) {
      switch (effect.kind) {
        case "queued":
          if (!isAnticipated) this.#dispatcher.mark(effect.queue);
          break;
        case "freed":
          this.#dispatcher.freed();
          break;
        case "due":
          this.#deadlines.arm(effect.atMs);
          break;
        case "cancel": {
          // A run that is cancelled may have hundreds of attempts at one worker: they share frames.
          cancelledBySession ??= new Map();
          const cancelled = cancelledBySession.get(effect.sessionId);
          if (cancelled === undefined) cancelledBySession.set(effect.sessionId, [effect.cancelled]);
          else cancelled.push(effect.cancelled);
          break;
        }
        case "childEnded": {
          const { parent, child } = effect;
          this.sessions.tell(effect.sessionId, { kind: "childEnded", parent, child });
          break;
        }
        case "drain":
          this.sessions.tell(effect.sessionId, { kind: "drain" });
          break;
        case "gone":
          this.sessions.tell(effect.sessionId, { kind: "gone", cause: effect.cause });
          break;
        case "post":
          this.posts.look();
          break;
        case "subscription":
          this.subscriptions.look(effect.namespace, effect.name);
          break;
      }
    }
    if (cancelledBySession !== undefined) this.#tellCancelled(cancelledBySession);
  }

  #tellCancelled(cancelledBySession: ReadonlyMap<string, readonly CancelledAttempt[]>): void {
    for (const [sessionId, all] of cancelledBySession) {
      for (let first = 0; first < all.length; first += frameItemsMax) {
        const cancelled = all.slice(first, first + frameItemsMax);
        this.sessions.tell(sessionId, { kind: "cancel", cancelled });
      }
    }
  }

  /** A commit may have gone unheard, and with it what followed from it: everybody looks for themselves. */
  #lookEverywhere(): void {
    if (this.#stopping !== undefined) return;
    this.#dispatcher.markAll();
    this.#deadlines.arm(this.#clock.nowMs());
    this.posts.look();
    this.#wake.stir();
  }
}
