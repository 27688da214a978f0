import type { Assignment } from "../core/answer.ts";
import {
  assignmentsPerCommandMax,
  blockedDelayMsMin,
  deadlineLookMsMax,
  sessionsPerAssignMax,
  storeRetryDelayMs,
} from "../limits.ts";
import type { Clock } from "./clock.ts";
import type { Execute } from "./execute.ts";
import type { Lanes } from "./lanes.ts";
import type { EngineLog } from "./log.ts";
import type { OpenSession, Sessions } from "./sessions.ts";

/** What the dispatcher is made of. */
export interface DispatcherOptions {
  readonly lanes: Lanes;
  readonly sessions: Sessions;
  readonly execute: Execute;
  readonly clock: Clock;
  readonly log: EngineLog;
  readonly acceptTimeoutMs: number;
  /** `sessionsPerAssignMax` unless a test gives less. */
  readonly sessionsMax?: number;
}

/**
 * Hands queued tasks to open sessions. The rules say who gets what; this says when to ask them and for whom:
 * whenever a queue that may hold work has a session with credit, for those that were served longest ago.
 *
 * IDLE ──▶ CALLED ──▶ ASKING ──▶ IDLE
 *
 * IDLE: no work can wait for anybody who is ready. CALLED: some may, and the next turn of the event loop
 * asks; all that happens in this turn is asked for at once. ASKING: one `assign` is on its way, never two, so
 * no credit is promised twice. When it fails, the next one is asked `storeRetryDelayMs` later.
 *
 * Work that none of those asked for can take is asked for again when something changes; the lanes keep
 * account of that. One timer is for what changes with time alone, such as a rate that lets the next one
 * start.
 */
export class Dispatcher {
  readonly #options: DispatcherOptions;
  #state: "IDLE" | "CALLED" | "ASKING" | "STOPPED" = "IDLE";
  #turn: NodeJS.Immediate | undefined;
  #cancelRetry: (() => void) | undefined;
  /** When what is blocked is asked for again. */
  #againMs = Number.POSITIVE_INFINITY;
  #cancelAgain: (() => void) | undefined;

  constructor(options: DispatcherOptions) {
    this.#options = options;
    options.lanes.whenTakeable(() => this.#call());
  }

  /** Tasks were queued: look whether somebody can take them. */
  mark(queue: string): void {
    this.#options.lanes.mark(queue);
  }

  /** Something was given back: look whether what was blocked is so no longer. */
  freed(): void {
    this.#options.lanes.freed();
  }

  /** What was queued may have gone unheard: look everywhere. */
  markAll(): void {
    this.#options.lanes.markAll();
  }

  /** Asks no more. What is on its way is still handed out. */
  stop(): void {
    this.#state = "STOPPED";
    if (this.#turn !== undefined) clearImmediate(this.#turn);
    this.#cancelRetry?.();
    this.#cancelAgain?.();
  }

  #call(): void {
    if (this.#state !== "IDLE" || this.#cancelRetry !== undefined) return;
    this.#state = "CALLED";
    this.#turn = setImmediate(() => {
      this.#turn = undefined;
      void this.#ask();
    });
  }

  async #ask(): Promise<void> {
    const { lanes, execute, acceptTimeoutMs, log, sessionsMax = sessionsPerAssignMax } = this.#options;
    const takers = lanes.pick(sessionsMax) as readonly OpenSession[];
    this.#setState("ASKING");
    try {
      if (takers.length > 0) {
        const sessions = takers.map(({ sessionId, credit }) => ({ sessionId, credit }));
        const limit = assignmentsPerCommandMax;
        const outcome = await execute<"assign">({ kind: "assign", sessions, limit, acceptTimeoutMs });
        if (!outcome.ok) throw new Error(`assign was refused: ${outcome.refusal.reason}`);
        const { assignments, emptyQueues, closedSessions, againMs } = outcome.answer;
        const given = groupBySession(assignments);
        // Whose credit was used up says nothing of what it could take with the credit that came since.
        const asked = takers.filter((_, at) => {
          const { sessionId, credit } = sessions[at] as (typeof sessions)[number];
          return (given.get(sessionId)?.length ?? 0) < credit;
        });
        // Where nothing at all has changed, asking the same again would change nothing either, for ever.
        const isInVain = assignments.length === 0 && outcome.position === undefined;
        const blockedQueues = isInVain ? lanes.queuesOf(takers) : outcome.answer.blockedQueues;
        lanes.found({ asked, emptyQueues, blockedQueues });
        this.#handOut(takers, given);
        for (const sessionId of closedSessions) this.#options.sessions.retire(sessionId);
        if (againMs !== undefined) this.#askAgain(againMs);
      }
    } catch (error) {
      if (this.#isStopped()) return;
      log.warn({ err: error }, "assigning failed and is tried again");
      this.#retryLater();
    } finally {
      this.#setState("IDLE");
    }
    if (lanes.isTakeable) this.#call();
  }

  #handOut(
    takers: readonly OpenSession[],
    assignmentsBySession: ReadonlyMap<string, readonly Assignment[]>,
  ): void {
    for (const taker of takers) {
      const assignments = assignmentsBySession.get(taker.sessionId);
      if (assignments === undefined || this.#options.sessions.assign(taker, assignments)) continue;
      const { sessionId } = taker;
      this.#options.log.debug(
        { sessionId, count: assignments.length },
        "a stream ended before its assignments were sent; they are queued again when nobody accepts them",
      );
    }
  }

  /** What is blocked may be so no longer at this time, whatever happens until then. */
  #askAgain(atMs: number): void {
    const { clock, lanes } = this.#options;
    if (this.#isStopped() || atMs >= this.#againMs) return;
    this.#againMs = atMs;
    this.#cancelAgain?.();
    const delayMs = Math.min(Math.max(atMs - clock.nowMs(), blockedDelayMsMin), deadlineLookMsMax);
    this.#cancelAgain = clock.after(delayMs, () => {
      this.#againMs = Number.POSITIVE_INFINITY;
      this.#cancelAgain = undefined;
      lanes.freed();
    });
  }

  #retryLater(): void {
    this.#cancelRetry = this.#options.clock.after(storeRetryDelayMs, () => {
      this.#cancelRetry = undefined;
      if (this.#options.lanes.isTakeable) this.#call();
    });
  }

  #setState(state: "IDLE" | "ASKING"): void {
    if (!this.#isStopped()) this.#state = state;
  }

  #isStopped(): boolean {
    return this.#state === "STOPPED";
  }
}

function groupBySession(
  assigned: readonly { readonly sessionId: string; readonly assignment: Assignment }[],
): ReadonlyMap<string, readonly Assignment[]> {
  const assignmentsBySession = new Map<string, Assignment[]>();
  for (const { sessionId, assignment } of assigned) {
    const assignments = assignmentsBySession.get(sessionId);
    if (assignments === undefined) assignmentsBySession.set(sessionId, [assignment]);
    else assignments.push(assignment);
  }
  return assignmentsBySession;
}
