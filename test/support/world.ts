import type { Action, Attempt } from "../../src/core/action.ts";
import type { Answers, Assignment, Effect } from "../../src/core/answer.ts";
import { assert } from "../../src/core/assert.ts";
import type { CommandKind, CommandOf } from "../../src/core/command.ts";
import { decide } from "../../src/core/decide.ts";
import type { Event, EventKind, Transaction } from "../../src/core/event.ts";
import { defaultNamespace, mainAction, runKey } from "../../src/core/name.ts";
import type { OpContent } from "../../src/core/ops/op.ts";
import { noCapacity } from "../../src/core/placement/demand.ts";
import type { Refusal } from "../../src/core/refusal.ts";
import type { Run } from "../../src/core/run.ts";
import type { AttemptReference, NewAction, NewTask, ReportContent } from "../../src/core/stated.ts";
import type { Values } from "../../src/core/value.ts";
import { anOp, by, noReplays, noRequest, theOp, theTask } from "./builders.ts";
import { WorldState } from "./world-state.ts";

/** What a command came to. */
export type Done<K extends CommandKind> =
  | { readonly ok: false; readonly refusal: Refusal }
  | {
      readonly ok: true;
      readonly answer: Answers[K];
      readonly effects: readonly Effect[];
      readonly events: readonly Event[];
    };

/** The run that everything is about unless said. */
export const theRun = runKey(defaultNamespace, "r");

/** The lease of every worker that attaches here: longer than most deadlines of the specs. */
export const leaseMs = 1_000_000;

/** How long a worker has to accept. */
export const acceptTimeoutMs = 10_000;

type CreateParts = Partial<CommandOf<"createRun">> & {
  readonly task?: NewTask;
  readonly plan?: readonly NewAction[];
};

/**
 * The rules with a memory and a clock that is set by hand: what a server is, without everything around it.
 */
export class World {
  readonly state = new WorldState();
  /** Everything that was to be done outside. */
  readonly effects: Effect[] = [];
  nowMs = 0;
  chance = 0.5;
  #sessionCount = 0;
  #sequence = 0;

  /** Has a command decided, and applies what it changes. */
  do<K extends CommandKind>(command: CommandOf<K>): Done<K> {
    const decision = decide<K>(command, this.state, { nowMs: this.nowMs, chance: this.chance });
    if (!decision.ok) return decision;
    const { change, answer, effects } = decision;
    this.state.apply(change);
    this.effects.push(...effects);
    return { ok: true, answer, effects, events: change.events };
  }

  /** As `do`, for a command that is not refused; its answer. */
  must<K extends CommandKind>(command: CommandOf<K>): Answers[K] {
    const done = this.do<K>(command);
    assert(done.ok, "the command is not refused", { command: command.kind, refusal: JSON.stringify(done) });
    return done.answer;
  }

  /** Moves the clock, and fires on the way what falls due, each at its time. */
  at(timeMs: number): this {
    for (let round = 1; ; round++) {
      const deadlines = this.state.allDue();
      const firstMs = deadlines[0]?.atMs;
      if (firstMs === undefined || firstMs > timeMs) break;
      assert(round < 1_000, "what was fired is over", { atMs: firstMs });
      this.nowMs = Math.max(this.nowMs, firstMs);
      for (const { atMs, due } of deadlines) {
        if (atMs === firstMs) this.do<"fire">({ kind: "fire", due });
      }
    }
    this.nowMs = timeMs;
    return this;
  }

  /** Creates the run: of one task of `theOp` unless said. */
  create({ task, plan, ...parts }: CreateParts = {}): Done<"createRun"> {
    return this.do<"createRun">({
      kind: "createRun",
      request: noRequest,
      namespace: defaultNamespace,
      runId: "r",
      newRunId: "r-new",
      labels: {},
      priority: 0,
      timeoutMs: undefined,
      delivery: undefined,
      createdBy: "rita",
      work: plan === undefined ? { task: task ?? theTask() } : { plan },
      ...parts,
    });
  }

  /** Registers an op of the namespace `default`: `theOp` unless named. */
  register(parts: Partial<OpContent> = {}, name = theOp): Done<"registerOp"> {
    const content = anOp(parts);
    const namespace = defaultNamespace;
    return this.do<"registerOp">({ kind: "registerOp", request: noRequest, namespace, name, content });
  }

  /** A worker attaches: the process `incarnation` of that name, with an inventory. */
  attach(
    workerId = "w",
    {
      ops = [theOp],
      incarnation = "1",
      running = [],
      namespace = defaultNamespace,
      labels = {},
      capacity = noCapacity,
      taints = [],
      sharedNamespaces = [],
    }: Partial<CommandOf<"attach">> = {},
  ): Answers["attach"] {
    this.#sessionCount += 1;
    const newSessionId = `s${this.#sessionCount}`;
    const session = { newSessionId, namespace, workerId, incarnation, ops, labels, running, leaseMs };
    return this.must<"attach">({ kind: "attach", ...session, capacity, taints, sharedNamespaces });
  }

  /** Gives a worker what is queued, at most so much. */
  assign(workerId = "w", credit = 100): readonly Assignment[] {
    const sessions = [{ sessionId: this.sessionOf(workerId), credit }];
    const { assignments } = this.must<"assign">({ kind: "assign", sessions, limit: 1000, acceptTimeoutMs });
    return assignments.map(({ assignment }) => assignment);
  }

  /** Gives a worker what is queued, and the worker accepts all of it. */
  start(workerId = "w", credit = 100): readonly Assignment[] {
    const assignments = this.assign(workerId, credit);
    const attempts = assignments.map(({ attempt }) => attempt);
    if (attempts.length > 0) this.accept(attempts, workerId);
    return assignments;
  }

  accept(attempts: readonly AttemptReference[], workerId = "w"): Answers["accept"] {
    return this.must<"accept">({ kind: "accept", sessionId: this.sessionOf(workerId), attempts });
  }

  decline(attempt: AttemptReference, workerId = "w"): Done<"decline"> {
    return this.do<"decline">({
      kind: "decline",
      sessionId: this.sessionOf(workerId),
      attempt,
      cause: "busy",
    });
  }

  /** One report; the refusal, or undefined once it is recorded. Sequence numbers grow by themselves. */
  report(attempt: AttemptReference, content: ReportContent, sequence?: number): Refusal | undefined {
    this.#sequence += 1;
    const reports = [{ attempt, sequence: sequence ?? this.#sequence, content }];
    return this.must<"report">({ kind: "report", sessionId: "", reports }).refusals[0];
  }

  /** The attempt that is current of an action succeeds. */
  succeed(name: string, outputs: Values = {}): Refusal | undefined {
    return this.report(this.reference(name), { kind: "succeeded", outputs });
  }

  /** The attempt that is current of an action fails with an error of a type. */
  fail(name: string, type = "Broken", nonRetryable = false): Refusal | undefined {
    const error = { type, message: "it broke", stack: "", nonRetryable };
    return this.report(this.reference(name), { kind: "failed", error });
  }

  /** A running task adds children, or finds them. */
  add(parent: string, ...actions: readonly NewAction[]): Done<"addActions"> {
    const attempt = this.reference(parent);
    return this.do<"addActions">({ kind: "addActions", sessionId: "", attempt, actions });
  }

  signal(
    action: string,
    value: CommandOf<"signalCondition">["value"],
    {
      run = theRun,
      request = noRequest,
      by: answerer = by("ann", { signalledBy: "ann" }),
      instance = 0,
    }: Partial<CommandOf<"signalCondition">> = {},
  ): Done<"signalCondition"> {
    return this.do<"signalCondition">({
      kind: "signalCondition",
      request,
      run,
      action,
      value,
      by: answerer,
      instance,
    });
  }

  cancel(run = theRun): Done<"cancelRun"> {
    return this.do<"cancelRun">({ kind: "cancelRun", request: noRequest, run, cause: "not wanted" });
  }

  retry({
    run = theRun,
    force = false,
    all = false,
    replays = noReplays,
  }: Partial<Omit<CommandOf<"retryRun">, "kind">> = {}): Done<"retryRun"> {
    return this.do<"retryRun">({ kind: "retryRun", request: noRequest, run, force, all, replays });
  }

  /** The run, which is there. */
  run(key = theRun): Run {
    const run = this.state.run(key);
    assert(run !== undefined, "the run is there", { key });
    return run;
  }

  /** An action, which is there; the only task of the run unless named. */
  action(name = mainAction, run = theRun): Action {
    const action = this.state.action(run, name);
    assert(action !== undefined, "the action is there", { run, name });
    return action;
  }

  /** The attempts of an action that have ended. */
  attempts(name = mainAction, run = theRun): readonly Attempt[] {
    return this.state.attempts(run, name);
  }

  /** Names the current attempt of an action under its current lease. */
  reference(name = mainAction, run = theRun): AttemptReference {
    const { attempt, epoch } = this.action(name, run);
    return { run, action: name, attempt, epoch };
  }

  /** The session that a worker has. */
  sessionOf(workerId: string): string {
    return this.state.sessions().find((session) => session.workerId === workerId)?.id ?? "none";
  }

  /** The feed so far. */
  get feed(): readonly Transaction[] {
    return this.state.feed.transactions;
  }

  /** Every event so far, in order. */
  events(): readonly Event[] {
    return this.feed.flatMap((transaction) => transaction.events);
  }

  /** The events of a kind. */
  eventsOf<K extends EventKind>(kind: K): readonly (Event & { readonly detail: { readonly kind: K } })[] {
    return this.events().filter(
      (event): event is Event & { detail: Extract<Event["detail"], { kind: K }> } =>
        event.detail.kind === kind,
    );
  }
}
