import type { Answers } from "../../src/core/answer.ts";
import type { Command, CommandKind, CommandOf } from "../../src/core/command.ts";
import { type RunKey, runKey, wholeName } from "../../src/core/name.ts";
import type { AttemptReference, NewAction, ReportContent } from "../../src/core/stated.ts";
import type { Value } from "../../src/core/value.ts";
import type { Outcome, Store } from "../../src/store/store.ts";
import { aCondition, aTask, aTrace, bool, int, text, theTask } from "../support/builders.ts";
import type { Random } from "../support/random.ts";
import { anyRun } from "./queries.ts";
import { RandomContents, subscriptionNames } from "./random-contents.ts";
import { RandomDecisions } from "./random-decisions.ts";

const namespaces = ["default", "other"];
const workers = ["w0", "w1", "w2"];
const ops = ["work", "build"];
const names = ["a", "b", "c", "d"];

/** How often each command comes. */
const weights: Readonly<Record<CommandKind, number>> = {
  createRun: 12,
  cancelRun: 2,
  retryRun: 5,
  updateRun: 3,
  signalCondition: 10,
  publishEvents: 3,
  registerOp: 2,
  updateOp: 1,
  deleteOp: 1,
  setLimit: 2,
  deleteLimit: 1,
  createSubscription: 1,
  deleteSubscription: 0.5,
  moveSubscription: 3,
  releaseDeadLetters: 1,
  endAction: 2,
  evictWorker: 0.5,
  attach: 5,
  pulse: 2,
  detach: 1,
  leave: 1,
  drain: 1,
  drainWorker: 1,
  assign: 16,
  accept: 14,
  decline: 2,
  report: 26,
  addActions: 14,
  fire: 12,
  boot: 1,
  sweepRequests: 1,
  rerunRun: 3,
  signalByKey: 10,
  changeCondition: 10,
  noteLinkRefusal: 1,
  settlePost: 3,
  trimFeed: 1,
};

/**
 * Commands by chance, most of which make sense: it remembers what the outcomes named, and asks a store what
 * is there. The same seed against the same store gives the same commands.
 */
export class RandomCommands {
  readonly #random: Random;
  readonly #store: Store;
  readonly #contents: RandomContents;
  readonly #decisions: RandomDecisions;
  readonly #runs: RunKey[] = [];
  readonly #sessions: string[] = [];
  readonly #attempts: AttemptReference[] = [];
  readonly #sequences = new Map<string, number>();
  #count = 0;

  constructor(random: Random, store: Store) {
    this.#random = random;
    this.#store = store;
    this.#contents = new RandomContents(random);
    this.#decisions = new RandomDecisions(random, store);
  }

  /** The next command for this time. */
  next(nowMs: number): Promise<Command> {
    this.#count += 1;
    return this.#command(this.#random.weighed(weights), nowMs);
  }

  /** What the outcome of a command names may stand in later ones. */
  learn(command: Command, outcome: Outcome<CommandKind>): void {
    if (!outcome.ok) return;
    if (command.kind === "createRun" || command.kind === "rerunRun")
      remember(this.#runs, (outcome.answer as Answers["createRun" | "rerunRun"]).run.key, 25);
    if (command.kind === "attach") remember(this.#sessions, command.newSessionId, 6);
    if (command.kind !== "assign") return;
    const { assignments } = outcome.answer as Answers["assign"];
    for (const { assignment } of assignments) remember(this.#attempts, assignment.attempt, 25);
  }

  async #command(kind: CommandKind, nowMs: number): Promise<Command> {
    const random = this.#random;
    const namespace = random.percent(85) ? "default" : random.pick(namespaces);
    const workerId = random.pick(workers);
    const cause = "by chance";
    switch (kind) {
      case "createRun":
        return this.#createRun(namespace);
      case "cancelRun":
        return { kind, request: this.#request(), run: this.#run(), cause };
      case "retryRun":
        return {
          kind,
          request: this.#request(),
          run: this.#run(),
          force: random.percent(40),
          all: random.percent(10),
          replays: this.#decisions.replays(),
        };
      case "rerunRun":
        return this.#rerun(namespace);
      case "updateRun":
        return this.#updateRun();
      case "signalCondition":
        return random.percent(50) ? this.#decisions.signalOpen(this.#request(), this.#run()) : this.#signal();
      case "signalByKey":
        return this.#decisions.signalByKey(this.#request(), namespace, this.#value());
      case "changeCondition":
        return this.#decisions.changeCondition(this.#request(), this.#run(), nowMs);
      case "noteLinkRefusal":
        return this.#decisions.noteLinkRefusal(this.#run());
      case "settlePost":
        return this.#decisions.settlePost(nowMs);
      case "publishEvents":
        return this.#publish(namespace);
      case "registerOp":
      case "updateOp":
      case "deleteOp":
        return this.#op(kind, namespace);
      case "setLimit":
      case "deleteLimit":
        return this.#contents.limit(kind, { namespace, request: this.#request() });
      case "createSubscription":
      case "deleteSubscription":
      case "releaseDeadLetters":
        return this.#contents.subscription(kind, { namespace, request: this.#request() });
      case "moveSubscription":
        return this.#move(namespace);
      case "endAction":
        return this.#endAction();
      case "evictWorker":
        return { kind, request: this.#request(), namespace, workerId, cause };
      case "attach":
        return this.#attach(namespace, workerId);
      case "pulse":
        return { kind, sessionId: this.#session(), leaseMs: 20_000 };
      case "detach":
      case "drain":
        return { kind, sessionId: this.#session() };
      case "leave":
        return { kind, sessionId: this.#session(), cause };
      case "drainWorker":
        return { kind, request: this.#request(), namespace, workerId };
      case "assign": {
        const sessions = this.#sessions.map((sessionId) => ({ sessionId, credit: random.below(5) }));
        return { kind, sessions, limit: 1 + random.below(10), acceptTimeoutMs: 5_000 };
      }
      case "accept": {
        const attempts = Array.from({ length: 1 + random.below(3) }, () => this.#attempt());
        return { kind, sessionId: this.#session(), attempts };
      }
      case "decline":
        return { kind, sessionId: this.#session(), attempt: this.#attempt(), cause };
      case "report":
        return this.#report();
      case "addActions": {
        const ask = aCondition("ask", { timeoutMs: 4_000 });
        const actions = random.pick([
          [aTrace("step")],
          [ask],
          [ask],
          [aTrace("ask")],
          [aTrace("ask")],
          this.#plan(),
        ]);
        return { kind, sessionId: this.#session(), attempt: this.#attempt(), actions };
      }
      case "fire": {
        const { due } = await this.#store.due(nowMs, 5);
        const gone = { kind: "run", run: runKey("default", "no-such") } as const;
        return { kind, due: due.length > 0 ? random.pick(due) : gone };
      }
      case "boot":
        return { kind, leaseMs: 10_000 };
      case "sweepRequests":
        return { kind };
      case "trimFeed":
        return { kind, retentionMs: 100_000, subscribedRetentionMs: 400_000, eventsMax: 0 };
    }
  }

  #createRun(namespace: string): Command {
    const random = this.#random;
    const runId = random.percent(15) ? `named-${random.below(30)}` : "";
    const timeoutMs = random.percent(10) ? 3_000 + random.below(10_000) : undefined;
    return {
      kind: "createRun",
      request: this.#request(),
      namespace,
      runId,
      newRunId: `r${String(this.#count).padStart(6, "0")}`,
      labels: random.percent(75) ? { team: random.pick(["a", "b"]) } : {},
      priority: random.below(3),
      timeoutMs,
      delivery: random.percent(20) ? this.#contents.delivery() : undefined,
      createdBy: random.percent(50) ? "anonymous" : this.#decisions.person(),
      work: random.percent(40) ? { task: theTask(this.#taskParts()) } : { plan: this.#plan() },
    };
  }

  async #rerun(namespace: string): Promise<Command> {
    const random = this.#random;
    const states = ["SUCCEEDED", "FAILED"] as const;
    const { items } = await this.#store.listRuns({ ...anyRun, namespace, states, limit: 5 });
    return {
      kind: "rerunRun",
      request: this.#request(),
      run: items.length > 0 && random.percent(80) ? random.pick(items).key : this.#run(),
      runId: random.percent(10) ? `named-${random.below(30)}` : "",
      newRunId: `r${String(this.#count).padStart(6, "0")}`,
      again: random.percent(20) ? [random.pick(names)] : [],
      replays: this.#decisions.replays(),
      labels: random.percent(30) ? { site: "x" } : {},
      priority: random.percent(30) ? random.below(3) : undefined,
      createdBy: this.#decisions.person(),
    };
  }

  /** Actions that wait for each other, now and then in a way that is refused. */
  #plan(): readonly NewAction[] {
    const random = this.#random;
    const count = 1 + random.below(names.length);
    return names.slice(0, count).map((name, index) => {
      const before = names.slice(0, random.percent(1) ? names.length : index);
      const after = before
        .filter(() => random.percent(40))
        .map((action) => (random.percent(30) ? `${action} ended` : action));
      if (random.percent(35)) return this.#condition(name, after);
      const from = before.length > 0 && random.percent(20) ? { got: `from ${random.pick(before)}` } : {};
      return aTask(name, { ...this.#taskParts(), inputs: from, after });
    });
  }

  #condition(name: string, after: readonly string[]): NewAction {
    const random = this.#random;
    return aCondition(name, {
      after,
      type: random.pick(["bool", "int"] as const),
      timeoutMs: random.percent(40) ? 1_000 + random.below(8_000) : undefined,
      defaultValue: undefined,
      terms: this.#decisions.terms(),
    });
  }

  #taskParts() {
    const random = this.#random;
    return {
      op: random.pick(ops),
      opVersion: random.percent(5) ? 1 + random.below(30) : 0,
      inputs: { text: text(random.percent(5) ? "x".repeat(30_000) : "short") },
      retry: random.percent(40) ? { maxAttempts: 2, initialBackoffMs: 500, jitter: 0.5 } : undefined,
      timeouts: random.percent(30)
        ? { queueToStartMs: 6_000, startToEndMs: 4_000, heartbeatMs: random.percent(50) ? 3_000 : undefined }
        : undefined,
      cancelGraceMs: random.percent(50) ? 1_000 : undefined,
      resources: random.percent(25) ? this.#contents.resources() : undefined,
      placement: random.percent(15) ? this.#contents.placement() : undefined,
      image: random.percent(20) ? `image:${random.below(2)}` : "",
    };
  }

  #updateRun(): Command {
    const random = this.#random;
    return {
      kind: "updateRun",
      request: this.#request(),
      run: this.#run(),
      priority: random.percent(60) ? random.below(5) : undefined,
      setLabels: random.percent(50) ? { site: random.pick(["x", "y"]) } : {},
      removeLabels: random.percent(20) ? ["team"] : [],
    };
  }

  #signal(): Command {
    const random = this.#random;
    const attempt = random.percent(30) ? this.#attempt() : undefined;
    return {
      kind: "signalCondition",
      request: this.#request(),
      run: attempt?.run ?? this.#run(),
      action: attempt === undefined ? random.pick(names) : wholeName(attempt.action, "ask"),
      value: this.#value(),
      by: this.#decisions.answerer(),
      instance: random.percent(10) ? 1 + random.below(2) : 0,
    };
  }

  #publish(namespace: string): Command {
    const published = { source: "chance", type: "t", attributes: { a: "b" }, payload: { n: this.#count } };
    const runId = this.#random.percent(60) ? this.#run().slice("default/".length) : "";
    const action = runId !== "" && this.#random.percent(40) ? this.#random.pick(["main", ...names]) : "";
    const events = [
      { runId, action, published },
      { runId: "", action: "", published },
    ];
    return { kind: "publishEvents", request: this.#request(), namespace, events };
  }

  #attach(namespace: string, workerId: string): Command {
    const random = this.#random;
    return {
      kind: "attach",
      newSessionId: `s${String(this.#count).padStart(6, "0")}`,
      namespace,
      workerId,
      incarnation: random.percent(70) ? "1" : "2",
      ops: random.percent(70) ? ops : [random.pick(ops)],
      labels: random.percent(50) ? { site: random.pick(["x", "y"]) } : {},
      capacity: this.#contents.capacity(),
      taints: this.#contents.taints(),
      sharedNamespaces: random.percent(30) ? namespaces.filter((one) => one !== namespace) : [],
      running: this.#attempts.filter(() => random.percent(50)),
      leaseMs: 20_000,
    };
  }

  #op(kind: "registerOp" | "updateOp" | "deleteOp", namespace: string): Command {
    const random = this.#random;
    const place = { request: this.#request(), namespace, name: random.pick(ops) };
    switch (kind) {
      case "registerOp":
        return { kind, ...place, content: this.#contents.op(this.#count) };
      case "updateOp":
        return { kind, ...place, set: this.#contents.opChange(this.#count), cleared: [] };
      case "deleteOp":
        return { kind, ...place, version: random.below(3), force: random.percent(30) };
    }
  }

  async #move(namespace: string): Promise<Command> {
    const known = await Promise.all(
      subscriptionNames.map(async (name) => [name, await this.#store.subscription(namespace, name)] as const),
    );
    const createTimes = new Map(known.map(([name, subscription]) => [name, subscription?.createTimeMs]));
    return this.#contents.move(namespace, (name) => createTimes.get(name));
  }

  #endAction(): Command {
    const random = this.#random;
    const { run, action } = random.percent(60) ? this.#attempt() : { run: this.#run(), action: "a" };
    const error = { type: "Operated", message: "by chance", stack: "", nonRetryable: false };
    const end = random.pick<CommandOf<"endAction">["end"]>([
      { state: "SUCCEEDED", outputs: { value: this.#value() } },
      { state: "FAILED", error },
      { state: "CANCELLED" },
    ]);
    return { kind: "endAction", request: this.#request(), run, action, end, cause: "by chance" };
  }

  #report(): Command {
    const random = this.#random;
    const reports = Array.from({ length: 1 + random.below(3) }, () => {
      const attempt = this.#attempt();
      const key = `${attempt.run} ${attempt.action} ${attempt.epoch}`;
      const sequence = (this.#sequences.get(key) ?? 0) + (random.percent(90) ? 1 : 0);
      this.#sequences.set(key, sequence);
      return { attempt, sequence: Math.max(1, sequence), content: this.#content() };
    });
    return { kind: "report", sessionId: this.#session(), reports };
  }

  #content(): ReportContent {
    const random = this.#random;
    const error = { type: "Broken", message: "by chance", stack: "", nonRetryable: random.percent(20) };
    const outputs = { value: this.#value() };
    return random.pick<ReportContent>([
      { kind: "succeeded", outputs },
      { kind: "succeeded", outputs },
      { kind: "failed", error },
      { kind: "stopped", message: "stopped" },
      { kind: "progress", percent: random.below(1_000) / 10, message: "going on" },
      { kind: "log", level: "info", message: "a line" },
      { kind: "heartbeat" },
      { kind: "event", published: { source: "w", type: "t", attributes: {}, payload: undefined } },
      { kind: "trace_ended", name: "step", outputs, error: random.percent(30) ? error : undefined },
    ]);
  }

  #value(): Value {
    return this.#random.pick([bool(true), bool(false), int(1), text("text")]);
  }

  #request() {
    if (this.#random.percent(50)) return { requestId: "", digest: "" };
    // Few ids and digests, so that requests are repeated, and ids used again for something else.
    return { requestId: `id-${this.#random.below(40)}`, digest: `digest-${this.#random.below(2)}` };
  }

  #run(): RunKey {
    return this.#random.percent(4)
      ? runKey("default", "no-such")
      : (this.#recent(this.#runs) ?? runKey("default", "r"));
  }

  #session(): string {
    return this.#random.percent(4) ? "no-such" : (this.#recent(this.#sessions) ?? "none");
  }

  #attempt(): AttemptReference {
    const none = { run: runKey("default", "no-such"), action: "main", attempt: 1, epoch: 1 };
    const attempt = this.#recent(this.#attempts) ?? none;
    return this.#random.percent(4) ? { ...attempt, epoch: attempt.epoch + 1 } : attempt;
  }

  /** One of some, of the last ones more often. */
  #recent<T>(known: readonly T[]): T | undefined {
    if (known.length === 0) return undefined;
    return known[known.length - 1 - Math.floor(this.#random.next() ** 2 * known.length)];
  }
}

/** Adds to what is known, and forgets the oldest beyond a bound. */
function remember<T>(known: T[], value: T, countMax: number): void {
  known.push(value);
  if (known.length > countMax) known.shift();
}
