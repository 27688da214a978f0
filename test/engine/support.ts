import type { Assignment } from "../../src/core/answer.ts";
import { type RunKey, runKey } from "../../src/core/name.ts";
import type { AttemptReference } from "../../src/core/stated.ts";
import type { EngineSettings } from "../../src/engine/engine.ts";
import type { EngineLog } from "../../src/engine/log.ts";
import type { Outgoing, Outlet, TakingSession } from "../../src/engine/sessions.ts";

/** Settings that differ from each other, so that a mixed-up one shows. */
export const settings: EngineSettings = {
  leaseMs: 15_000,
  pulseIntervalMs: 5_000,
  acceptTimeoutMs: 10_000,
  bookmarkIntervalMs: 4_000,
};

/** A log that keeps what it is told, so that a test can tell whether something was wrong. */
export class KeptLog implements EngineLog {
  readonly lines: { readonly level: string; readonly facts: object; readonly sentence: string }[] = [];

  debug = (facts: object, sentence: string) => this.#keep("debug", facts, sentence);
  info = (facts: object, sentence: string) => this.#keep("info", facts, sentence);
  warn = (facts: object, sentence: string) => this.#keep("warn", facts, sentence);
  error = (facts: object, sentence: string) => this.#keep("error", facts, sentence);

  /** The sentences of a level. */
  sentences(level: string): string[] {
    return this.lines.filter((line) => line.level === level).map((line) => line.sentence);
  }

  #keep(level: string, facts: object, sentence: string): void {
    this.lines.push({ level, facts, sentence });
  }
}

/** An outlet that keeps what it is sent, and is full when told so. */
export class KeptOutlet implements Outlet {
  readonly sent: Outgoing[] = [];
  endCause: string | undefined;
  isFull = false;

  send(outgoing: Outgoing): boolean {
    if (this.isFull) return false;
    this.sent.push(outgoing);
    return true;
  }

  end(cause: string): void {
    this.endCause = cause;
  }

  /** What was sent of a kind. */
  of<K extends Outgoing["kind"]>(kind: K): Extract<Outgoing, { kind: K }>[] {
    return this.sent.filter((outgoing) => outgoing.kind === kind) as Extract<Outgoing, { kind: K }>[];
  }

  /** Everything that was assigned, in order. */
  get assignments(): Assignment[] {
    return this.of("assign").flatMap(({ assignments }) => assignments);
  }
}

/** A reference to an attempt of the only action of a run. */
export function attemptOf(runId: string, epoch = 1): AttemptReference {
  return { run: runKey("default", runId), action: "main", attempt: 1, epoch };
}

/** An assignment with nothing but its attempt and op. */
export function assignmentOf(runId: string, op = "work"): Assignment {
  return {
    attempt: attemptOf(runId),
    op,
    opVersion: 0,
    inputs: {},
    runLabels: {},
    startToEndMs: undefined,
    heartbeatMs: undefined,
    image: "",
    handler: "",
    resources: undefined,
    deviceIndexes: [],
  };
}

/** What the engine is told of a session that it opens, in the default namespace unless said otherwise. */
export function takingSession(
  id: string,
  ops: readonly string[],
  said: Partial<Omit<TakingSession, "id" | "ops">> = {},
): TakingSession {
  return { id, ops, namespace: "default", workerId: `${id}-worker`, sharedNamespaces: [], ...said };
}

/** The key of a run in the default namespace. */
export function keyOf(runId: string): RunKey {
  return runKey("default", runId);
}
