import { Action_State } from "../../../gen/signalbox/v1/action_pb.ts";
import { ConditionService } from "../../../gen/signalbox/v1/condition_service_pb.ts";
import { EventKind } from "../../../gen/signalbox/v1/event_pb.ts";
import { EventService } from "../../../gen/signalbox/v1/event_service_pb.ts";
import { LimitService } from "../../../gen/signalbox/v1/limit_service_pb.ts";
import { ConditionReplay } from "../../../gen/signalbox/v1/replay_pb.ts";
import { RunService } from "../../../gen/signalbox/v1/run_service_pb.ts";
import { SubscriptionService } from "../../../gen/signalbox/v1/subscription_service_pb.ts";
import { WorkerService } from "../../../gen/signalbox/v1/worker_service_pb.ts";
import { canonical } from "../../../src/core/value.ts";
import type { EndCall, SignalCall } from "../world/chronicle.ts";
import type { CallResult } from "../world/network.ts";
import { type AskedCondition, makePlan, voters } from "./plans.ts";
import { subscription } from "./simulated-consumer.ts";
import type { Surroundings } from "./simulated-worker.ts";

/** A run that a client asked for. */
export interface KnownRun {
  readonly namespace: string;
  readonly runId: string;
  readonly conditions: readonly AskedCondition[];
}

/** 3 calls of one client on their way at once. */
const openCallsMax = 3;

const weights = {
  create: 26,
  signal: 34,
  cancel: 3,
  retry: 6,
  rerun: 4,
  tend: 8,
  update: 4,
  end: 3,
  publish: 5,
  limit: 2,
  drainWorker: 1,
  evictWorker: 1,
  read: 12,
};

/**
 * A client that creates runs and does to them what clients do, each call with a request id of its own, and
 * without an order among them.
 */
export class SimulatedClient {
  readonly #around: Surroundings;
  readonly #name: string;
  readonly #runs: KnownRun[];
  #openCalls = 0;
  #requestCount = 0;
  /** No more runs are created past this number. */
  readonly #runsMax: number;

  /** `runs` are shared with others, so that clients meet. */
  constructor(around: Surroundings, name: string, { runs, runsMax }: { runs: KnownRun[]; runsMax: number }) {
    this.#around = around;
    this.#name = name;
    this.#runs = runs;
    this.#runsMax = runsMax;
  }

  get canAct(): boolean {
    return this.#openCalls < openCallsMax;
  }

  /** Makes one call. */
  act(): string {
    const { random } = this.#around;
    const kind = this.#runs.length === 0 ? "create" : random.weighed(weights);
    if (kind === "create") return this.#runs.length < this.#runsMax ? this.#create() : "has enough runs";
    return this.#ask(kind, random.pick(this.#runs));
  }

  /** Sets a limit that tasks of the load meet. */
  setLimit(name: string, limit: object): void {
    this.#call(LimitService.method.setLimit, { limit: { name, ...limit } });
  }

  /** Creates the durable subscription of the simulation. */
  subscribe(): void {
    this.#call(SubscriptionService.method.createSubscription, {
      subscription: {
        name: subscription,
        filter: { kinds: [EventKind.RUN_CREATED, EventKind.ACTION_ENDED, EventKind.RUN_ENDED] },
        target: { case: "pull", value: {} },
        ackTimeout: { seconds: 10n, nanos: 0 },
        initialBackoff: { seconds: 1n, nanos: 0 },
        maxBackoff: { seconds: 2n, nanos: 0 },
      },
      start: { case: "beginning", value: {} },
    });
  }

  /** Answers a condition, as whoever waits for nothing better does at the end. */
  answer(of: Pick<KnownRun, "namespace" | "runId">, name: string, value: boolean): string {
    return this.#signal(of, { name, isPlain: false }, value);
  }

  #create(): string {
    const { random, chronicle } = this.#around;
    const runId = `run-${this.#runs.length}`;
    const { run, conditions } = makePlan(random, runId);
    const namespace = run.namespace ?? "default";
    this.#runs.push({ namespace, runId, conditions });
    this.#call(RunService.method.createRun, { run }, (result) => {
      if (result.kind === "ok") chronicle.runs.add(`${namespace}/${runId}`);
      else if (result.kind === "refused") chronicle.violated(`a new run was refused: ${result.reason}`);
    });
    return `creates ${namespace}/${runId}`;
  }

  #ask(kind: Exclude<keyof typeof weights, "create">, run: KnownRun): string {
    const { random, chronicle } = this.#around;
    const { namespace, runId, conditions } = run;
    const of = { namespace, runId };
    switch (kind) {
      case "signal":
        if (conditions.length === 0) return "has nothing to answer";
        return this.#signal(run, random.pick(conditions), random.percent(80));
      case "tend":
        return conditions.length === 0 ? "has nothing to tend" : this.#tend(run, random.pick(conditions));
      case "cancel":
        this.#call(RunService.method.cancelRun, { ...of, cause: "not wanted" });
        break;
      case "retry":
        this.#call(RunService.method.retryRun, {
          ...of,
          force: random.percent(30),
          all: random.percent(30),
          replay: random.pick([
            ConditionReplay.UNSPECIFIED,
            ConditionReplay.REUSE,
            ConditionReplay.ASK_AGAIN,
          ]),
        });
        break;
      case "rerun":
        return this.#rerun(run);
      case "update":
        this.#call(RunService.method.updateRun, {
          ...of,
          priority: random.below(5),
          setLabels: { team: random.pick(["red", "blue", "green"]) },
        });
        break;
      case "end": {
        const name = random.pick(["main", "first", "second", "a", "top", "approve", "late", "vote", "left"]);
        const state = random.pick([Action_State.SUCCEEDED, Action_State.FAILED, Action_State.CANCELLED]);
        const error = state === Action_State.FAILED ? { error: { type: "Operator", message: "no" } } : {};
        const value = { kind: { case: "stringValue" as const, value: `${runId}/${name}` } };
        const outputs = state === Action_State.SUCCEEDED ? { outputs: { value } } : {};
        const end: EndCall = {
          action: `${namespace}/${runId}/${name}`,
          process: this.#name,
          by: "operator",
          invokedAtStep: chronicle.step,
          returnedAtStep: undefined,
          result: undefined,
          mayActLater: false,
        };
        chronicle.ends.push(end);
        const request = { ...of, name, state, ...error, ...outputs, cause: "by hand" };
        this.#call(RunService.method.endAction, request, (result) => {
          if (result.kind === "unknown") return;
          end.returnedAtStep = chronicle.step;
          end.result = result.kind === "ok" ? "taken" : result.reason;
          end.mayActLater = result.kind === "refused" && !result.isCertain;
        });
        break;
      }
      case "publish": {
        const published = { source: this.#name, type: "said" };
        this.#call(EventService.method.publishEvents, {
          namespace,
          events: [{ ...of, published }, { published }],
        });
        break;
      }
      case "limit":
        this.setLimit("all-work", { op: "work", concurrentMax: 1 + random.below(4) });
        break;
      case "drainWorker":
        this.#call(WorkerService.method.drainWorker, { workerId: `worker-${random.below(3)}` });
        break;
      case "evictWorker":
        this.#call(WorkerService.method.evictWorker, { workerId: `worker-${random.below(3)}`, cause: "out" });
        break;
      case "read":
        return this.#read(run);
    }
    return `asks ${kind} of ${namespace}/${runId}`;
  }

  #signal(of: Pick<KnownRun, "namespace" | "runId">, asked: AskedCondition, value: boolean): string {
    const { chronicle, random } = this.#around;
    const { namespace, runId } = of;
    const { name: action, isPlain, correlationKey } = asked;
    const stated = { value: { kind: { case: "boolValue" as const, value } } };
    if (correlationKey !== undefined && random.percent(60)) {
      const keepFor = random.percent(50) ? { keepFor: { seconds: 20n, nanos: 0 } } : {};
      this.#call(ConditionService.method.signalCondition, {
        namespace,
        correlationKey,
        ...stated,
        ...keepFor,
      });
      return `signals ${correlationKey} ${value}`;
    }
    const request = { namespace, runId, name: action, ...stated };
    if (!isPlain) {
      this.#call(ConditionService.method.signalCondition, request);
      return `signals ${namespace}/${runId}/${action} ${value}`;
    }
    const text = canonical({ kind: "bool", value });
    const call: SignalCall = {
      runId: `${namespace}/${runId}`,
      action,
      value: text,
      subject: this.#name,
      invokedAtStep: chronicle.step,
      returnedAtStep: undefined,
      result: undefined,
      mayActLater: false,
    };
    chronicle.signals.push(call);
    this.#call(ConditionService.method.signalCondition, request, (result) => {
      if (result.kind === "unknown") return;
      call.returnedAtStep = chronicle.step;
      if (result.kind === "refused") {
        call.result = result.reason;
        call.mayActLater = !result.isCertain;
        return;
      }
      const { kept, repeated } = result.answer;
      call.result = kept ? (repeated ? "keptRepeated" : "kept") : repeated ? "repeated" : "answered";
      const accepted = { namespace, runId, action, value: text };
      if (kept) chronicle.keptSignals.push(accepted);
      else chronicle.acceptedSignals.push(accepted);
    });
    return `signals ${namespace}/${runId}/${action} ${value}`;
  }

  /** What people do to a condition without answering it. */
  #tend({ namespace, runId }: KnownRun, { name }: AskedCondition): string {
    const { random, clock } = this.#around;
    const of = { namespace, runId, name };
    const soon = { seconds: BigInt(Math.floor(clock.wallMs / 1_000) + 1 + random.below(30)), nanos: 0 };
    const kind = random.pick(["claims", "releases", "delegates", "snoozes", "extends"] as const);
    switch (kind) {
      case "claims":
        this.#call(ConditionService.method.claimCondition, { ...of, force: random.percent(30) });
        break;
      case "releases":
        this.#call(ConditionService.method.releaseCondition, of);
        break;
      case "delegates":
        // Handed on to one who has voted already, a vote is lost, and may be one too few for ever.
        if (name === "vote") return "keeps its vote";
        this.#call(ConditionService.method.delegateCondition, { ...of, to: random.pick(voters) });
        break;
      case "snoozes":
        this.#call(ConditionService.method.snoozeCondition, { ...of, endTime: soon });
        break;
      case "extends":
        this.#call(ConditionService.method.extendCondition, { ...of, deadlineTime: soon });
        break;
    }
    return `${kind} ${namespace}/${runId}/${name}`;
  }

  /** Does a run over, as another one. */
  #rerun({ namespace, runId, conditions }: KnownRun): string {
    const { random, chronicle } = this.#around;
    if (this.#runs.length >= this.#runsMax) return "has enough runs";
    const newRunId = `run-${this.#runs.length}`;
    // What an earlier answer does to them is no business of the model of a plain condition.
    this.#runs.push({
      namespace,
      runId: newRunId,
      conditions: conditions.map((asked) => ({ ...asked, isPlain: false })),
    });
    const replay = random.pick([
      ConditionReplay.UNSPECIFIED,
      ConditionReplay.REUSE,
      ConditionReplay.ASK_AGAIN,
      ConditionReplay.REQUIRE_BOTH,
    ]);
    this.#call(RunService.method.rerunRun, { namespace, runId, newRunId, replay }, (result) => {
      if (result.kind === "ok") chronicle.runs.add(`${namespace}/${newRunId}`);
    });
    return `reruns ${namespace}/${runId} as ${newRunId}`;
  }

  #read({ namespace, runId }: KnownRun): string {
    const { random } = this.#around;
    const of = { namespace, runId };
    switch (random.below(6)) {
      case 0:
        this.#call(RunService.method.listRuns, { filter: { namespace: "-" }, pageSize: 3 });
        return "lists runs";
      case 1:
        this.#call(RunService.method.listActions, of);
        return `lists actions of ${runId}`;
      case 2:
        this.#call(ConditionService.method.listConditions, { filter: { namespace: "-" } });
        return "lists conditions";
      case 3:
        this.#call(RunService.method.explainAction, { ...of, name: "main" });
        return `explains ${runId}`;
      case 4:
        this.#call(WorkerService.method.listWorkers, { namespace: "-" });
        return "lists workers";
      default: {
        const { chronicle } = this.#around;
        const wasAcknowledged = chronicle.runs.has(`${namespace}/${runId}`);
        this.#call(RunService.method.getRun, of, (result) => {
          if (result.kind !== "refused" || !wasAcknowledged) return;
          chronicle.violated(`Durable: ${runId} was acknowledged and a read says ${result.reason}`);
        });
        return `reads ${runId}`;
      }
    }
  }

  #call<Method extends Parameters<Surroundings["network"]["call"]>[0]>(
    method: Method,
    request: object,
    done: (result: CallResult<Method>) => void = () => {},
  ): void {
    this.#openCalls += 1;
    this.#requestCount += 1;
    const requestId = `${this.#name}-${this.#requestCount}`;
    const isChange = method.input.fields.some((field) => field.localName === "requestId");
    const stated = isChange ? { ...request, requestId } : request;
    this.#around.network.call(method, stated, {
      subject: this.#name,
      done: (result) => {
        this.#openCalls -= 1;
        done(result);
      },
    });
  }
}
