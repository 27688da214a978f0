import { Action_State } from "../../../gen/signalbox/v1/action_pb.ts";
import { ConditionService } from "../../../gen/signalbox/v1/condition_service_pb.ts";
import { EventService } from "../../../gen/signalbox/v1/event_service_pb.ts";
import { LimitService } from "../../../gen/signalbox/v1/limit_service_pb.ts";
import { RunService } from "../../../gen/signalbox/v1/run_service_pb.ts";
import { WorkerService } from "../../../gen/signalbox/v1/worker_service_pb.ts";
import { canonical } from "../../../src/core/value.ts";
import type { CallResult } from "../world/network.ts";
import { makePlan } from "./plans.ts";
import type { Surroundings } from "./simulated-worker.ts";

/** A run that a client asked for. */
interface KnownRun {
  readonly namespace: string;
  readonly runId: string;
  readonly conditions: readonly string[];
}

/** 3 calls of one client on their way at once. */
const openCallsMax = 3;

const weights = {
  create: 26,
  signal: 34,
  cancel: 3,
  retry: 6,
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

  /** Answers a condition, as whoever waits for nothing better does at the end. */
  answer(run: { readonly namespace: string; readonly runId: string }, action: string, value: boolean): string {
    return this.#signal(run, action, value);
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
    const { random } = this.#around;
    const { namespace, runId, conditions } = run;
    const of = { namespace, runId };
    switch (kind) {
      case "signal":
        if (conditions.length === 0) return "has nothing to answer";
        return this.#signal(run, random.pick(conditions), random.percent(80));
      case "cancel":
        this.#call(RunService.method.cancelRun, { ...of, cause: "not wanted" });
        break;
      case "retry":
        this.#call(RunService.method.retryRun, { ...of, force: random.percent(30), all: random.percent(30) });
        break;
      case "update":
        this.#call(RunService.method.updateRun, {
          ...of,
          priority: random.below(5),
          setLabels: { team: random.pick(["red", "blue", "green"]) },
        });
        break;
      case "end": {
        const name = random.pick(["main", "first", "second", "a", "top", "approve", "late"]);
        const state = random.pick([Action_State.SUCCEEDED, Action_State.FAILED, Action_State.CANCELLED]);
        const error = state === Action_State.FAILED ? { error: { type: "Operator", message: "no" } } : {};
        const value = { kind: { case: "stringValue" as const, value: `${runId}/${name}` } };
        const outputs = state === Action_State.SUCCEEDED ? { outputs: { value } } : {};
        this.#call(RunService.method.endAction, { ...of, name, state, ...error, ...outputs, cause: "by hand" });
        break;
      }
      case "publish": {
        const published = { source: this.#name, type: "said" };
        this.#call(EventService.method.publishEvents, { namespace, events: [{ ...of, published }, { published }] });
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

  #signal(run: Omit<KnownRun, "conditions">, action: string, value: boolean): string {
    const { chronicle } = this.#around;
    const { namespace, runId } = run;
    const text = canonical({ kind: "bool", value });
    const call = {
      runId: `${namespace}/${runId}`,
      action,
      value: text,
      subject: this.#name,
      invokedAtStep: chronicle.step,
      returnedAtStep: undefined as number | undefined,
      result: undefined as string | undefined,
    };
    chronicle.signals.push(call);
    const request = { namespace, runId, name: action, value: { kind: { case: "boolValue" as const, value } } };
    this.#call(ConditionService.method.signalCondition, request, (result) => {
      if (result.kind === "unknown") return;
      call.returnedAtStep = chronicle.step;
      if (result.kind === "refused") {
        call.result = result.reason;
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
