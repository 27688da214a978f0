import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { Action_State } from "../../../gen/signalbox/v1/action_pb.ts";
import {
  type ActionsAdded,
  type Assignment,
  type Attached,
  AttachRequestSchema,
  type AttachResponse,
  type AttachSchema,
  type AttemptReference,
  type AttemptReportSchema,
  type RecordedReport,
  WorkerService,
} from "../../../gen/signalbox/v1/worker_service_pb.ts";
import { runKey } from "../../../src/core/name.ts";
import type { Random } from "../../support/random.ts";
import type { Chronicle, EndCall } from "../world/chronicle.ts";
import type { Disk } from "../world/disk.ts";
import type { Link, LinkClient } from "../world/link.ts";
import type { Network } from "../world/network.ts";
import type { SimulatedClock } from "../world/simulated-clock.ts";
import { settings } from "../world/simulated-server.ts";
import { childrenOf } from "./plans.ts";

type Content = NonNullable<MessageInitShape<typeof AttemptReportSchema>["content"]>;
type Frame = NonNullable<MessageInitShape<typeof AttachRequestSchema>["frame"]>;

/** What actors share. */
export interface Surroundings {
  readonly network: Network;
  readonly clock: SimulatedClock;
  readonly random: Random;
  readonly chronicle: Chronicle;
  readonly disk: Disk;
}

/** How a worker is: who it says it is, and how well it behaves. */
export interface WorkerTraits {
  readonly workerId: string;
  readonly incarnation: string;
  readonly ops: readonly string[];
  readonly slots: number;
  readonly ramMb: number;
  readonly sharedNamespaces: readonly string[];
  /** It goes on reporting what was taken from it. */
  readonly isRude: boolean;
  /** It often does nothing when it should. */
  readonly isSlow: boolean;
}

interface Report {
  readonly reference: AttemptReference;
  readonly sequence: bigint;
  readonly content: Content;
  readonly isFinal: boolean;
  /** The epoch that was current when it was sent first. */
  readonly currentEpoch: number;
  /** What is noted of it if it says that the attempt has ended. */
  readonly end: EndCall | undefined;
}

interface Held {
  readonly reference: AttemptReference;
  readonly assignment: Assignment;
  stage: "offered" | "running" | "adding" | "waiting" | "finished";
  isCancelled: boolean;
  sequence: bigint;
  readonly unrecorded: Report[];
  readonly openChildren: Set<string>;
  /** Children whose end came before the answer to the call for them. */
  readonly endedEarly: Set<string>;
  hasAdded: boolean;
}

/**
 * A worker that speaks the worker stream's contract, one step at a time. What it says is chosen by chance
 * from all that a worker may say; a rude one also says what it may not.
 */
export class SimulatedWorker implements LinkClient {
  readonly traits: WorkerTraits;
  readonly #around: Surroundings;
  readonly #held = new Map<string, Held>();
  /** What was taken from it and it does not let go. */
  readonly #ghosts: Held[] = [];
  #link: Link | undefined;
  #isAttached = false;
  #isDraining = false;
  #isDead = false;
  #credit = 0;
  #callId = 0n;
  readonly #heldByCall = new Map<bigint, Held>();
  #attachAtMs = 0;
  #heardAtMs = 0;
  #cancelPulse: (() => void) | undefined;
  /** It does what it should, so that everything comes to its end. */
  isCalm = false;

  constructor(around: Surroundings, traits: WorkerTraits) {
    this.#around = around;
    this.traits = traits;
  }

  get link(): Link | undefined {
    return this.#link;
  }

  /** True if there is something that it could do by itself. */
  get canAct(): boolean {
    if (this.#isDead) return false;
    if (this.#link === undefined) return this.#around.clock.monotonicMs >= this.#attachAtMs;
    return this.#isAttached && (this.#ready().length > 0 || (this.#ghosts.length > 0 && !this.isCalm));
  }

  /** Does one thing. */
  act(): string {
    const { random } = this.#around;
    if (this.#link === undefined) return this.#attach();
    if (this.traits.isSlow && !this.isCalm && random.percent(70)) return "dawdles";
    if (!this.isCalm && random.percent(1)) return this.#leaveOrDrain();
    const ready = this.#ready();
    if (this.#ghosts.length > 0 && !this.isCalm && (ready.length === 0 || random.percent(40))) {
      return this.#haunt(random.pick(this.#ghosts));
    }
    return this.#goOn(random.pick(ready));
  }

  /** The process is gone, and with it everything that it ran. Its stream may look alive for a while. */
  die(): void {
    this.#isDead = true;
    this.#cancelPulse?.();
    this.#link?.killUp();
    this.#link?.close();
  }

  receive(message: AttachResponse): void {
    this.#heardAtMs = this.#around.clock.monotonicMs;
    const { frame } = message;
    switch (frame.case) {
      case "attached":
        return this.#attached(frame.value);
      case "assign":
        return frame.value.assignments.forEach((assignment) => this.#assigned(assignment));
      case "recorded":
        return frame.value.reports.forEach((report) => this.#recorded(report));
      case "cancel":
        for (const { attempt } of frame.value.attempts) {
          const held = this.#held.get(keyOf(attempt));
          if (held !== undefined) held.isCancelled = true;
        }
        return;
      case "actionsAdded":
        return this.#added(frame.value);
      case "childEnded": {
        const held = this.#held.get(keyOf(frame.value.attempt));
        const name = frame.value.action?.name ?? "";
        if (held?.stage === "adding") held.endedEarly.add(name);
        held?.openChildren.delete(name);
        return;
      }
      case "declined": {
        const key = keyOf(frame.value.attempt);
        const held = this.#held.get(key);
        if (held !== undefined) this.#drop(key, held);
        return;
      }
      case "drain":
        this.#isDraining = true;
        return;
      case "leave":
        this.#attachAtMs = this.#heardAtMs + 1_000;
        return;
      default:
        return;
    }
  }

  ended(): void {
    this.#link = undefined;
    this.#isAttached = false;
    this.#credit = 0;
    this.#cancelPulse?.();
    this.#heldByCall.clear();
    // A process that was told to drain and is sent away comes back as another one, so that work goes on.
    this.#attachAtMs = Math.max(this.#attachAtMs, this.#around.clock.monotonicMs + 200);
  }

  /** What it may do something about. */
  #ready(): readonly Held[] {
    const ready: Held[] = [];
    for (const held of this.#held.values()) {
      if (held.stage === "finished" || held.stage === "adding") continue;
      if (held.stage === "waiting" && held.openChildren.size > 0 && !held.isCancelled) continue;
      ready.push(held);
    }
    return ready;
  }

  #attach(): string {
    const { network, clock } = this.#around;
    const { workerId, incarnation, ops, ramMb, sharedNamespaces } = this.traits;
    this.#link = network.open(WorkerService.method.attach, this, workerId);
    this.#heardAtMs = clock.monotonicMs;
    this.#isDraining = false;
    const running = [...this.#held.values()]
      .filter(({ stage }) => stage !== "offered")
      .map(({ reference }) => reference);
    const attach: MessageInitShape<typeof AttachSchema> = {
      workerId,
      incarnation,
      ops: [...ops],
      running,
      sharedNamespaces: [...sharedNamespaces],
      capacity: { ramMb: BigInt(ramMb) },
    };
    this.#say({ case: "attach", value: attach });
    this.#armPulse();
    return `attaches with ${running.length}`;
  }

  #attached({ keep }: Attached): void {
    this.#isAttached = true;
    const kept = new Set(keep.map(keyOf));
    for (const [key, held] of this.#held) if (!kept.has(key)) this.#drop(key, held);
    for (const held of this.#held.values()) {
      if (held.stage === "adding") held.stage = "running";
      // Which of its children have ended meanwhile it learns by asking for them again.
      if (held.stage === "waiting") Object.assign(held, { stage: "running", hasAdded: false });
      for (const report of held.unrecorded) this.#sendReport(report);
    }
    this.#permit();
  }

  #assigned(assignment: Assignment): void {
    const { chronicle } = this.#around;
    const reference = assignment.attempt;
    if (reference === undefined) return chronicle.violated("an assignment names no attempt");
    this.#credit -= 1;
    if (this.#credit < 0) chronicle.violated(`${this.traits.workerId} was assigned more than it permitted`);
    chronicle.assigned(reference.runId, reference.action, reference.epoch);
    const from = assignment.inputs["from"]?.kind;
    // A run that is done over is given what the earlier one put out.
    if (from?.case === "stringValue" && !/^run-[0-9]+\/(first|second|c)$/.test(from.value)) {
      chronicle.violated(`${reference.runId}/${reference.action} was given the output of ${from.value}`);
    }
    this.#held.set(keyOf(reference), {
      reference,
      assignment,
      stage: "offered",
      isCancelled: false,
      sequence: 0n,
      unrecorded: [],
      openChildren: new Set(),
      endedEarly: new Set(),
      hasAdded: false,
    });
  }

  #goOn(held: Held): string {
    const { random } = this.#around;
    const { reference } = held;
    const what = `${reference.runId}/${reference.action}#${reference.epoch}`;
    if (held.stage === "offered") {
      if (!this.isCalm && random.percent(4)) {
        this.#held.delete(keyOf(reference));
        this.#say({ case: "decline", value: { attempt: reference, cause: "not now" } });
        this.#permit();
        return `declines ${what}`;
      }
      held.stage = "running";
      this.#say({ case: "accept", value: { attempts: [reference] } });
      return `accepts ${what}`;
    }
    if (held.isCancelled && (this.isCalm || random.percent(80))) {
      this.#report(held, { case: "stopped", value: { message: "as asked" } }, true);
      return `stops ${what}`;
    }
    if (held.assignment.op === "parent" && !held.hasAdded) return this.#addChildren(held, what);
    if (!this.isCalm && random.percent(45)) return this.#saySomething(held, what);
    return this.#finish(held, what);
  }

  #addChildren(held: Held, what: string): string {
    held.hasAdded = true;
    held.stage = "adding";
    this.#callId += 1n;
    this.#heldByCall.set(this.#callId, held);
    const actions = childrenOf(held.reference.runId);
    this.#say({ case: "addActions", value: { attempt: held.reference, callId: this.#callId, actions } });
    return `adds children to ${what}`;
  }

  #added({ callId, actions, refusal }: ActionsAdded): void {
    const held = this.#heldByCall.get(callId);
    this.#heldByCall.delete(callId);
    if (held === undefined || held.stage !== "adding") return;
    if (refusal !== undefined) {
      this.#drop(keyOf(held.reference), held);
      return;
    }
    held.openChildren.clear();
    for (const { name, state } of actions) {
      const isOpen = state <= Action_State.PAUSED;
      if (isOpen && !name.endsWith("/note")) held.openChildren.add(name);
    }
    // Such a child may be open again by now: the worker asks once more how it stands.
    const isUnsure = [...held.endedEarly].some((name) => held.openChildren.has(name));
    held.endedEarly.clear();
    if (isUnsure) {
      Object.assign(held, { stage: "running", hasAdded: false });
      return;
    }
    // Some do not wait for their children, which are then asked to end.
    const waits = this.isCalm || this.#around.random.percent(85);
    held.stage = waits ? "waiting" : "running";
  }

  #saySomething(held: Held, what: string): string {
    const { random } = this.#around;
    const contents: Content[] = [
      { case: "heartbeat", value: {} },
      { case: "progress", value: { percent: random.below(101), message: "on it" } },
      { case: "log", value: { level: 2, message: "a line" } },
      { case: "event", value: { source: "worker", type: "said" } },
    ];
    if (held.hasAdded && held.stage === "waiting") {
      contents.push({ case: "traceEnded", value: { name: "note", outputs: {} } });
    }
    const content = random.pick(contents);
    this.#report(held, content, false);
    return `says ${content.case} of ${what}`;
  }

  #finish(held: Held, what: string): string {
    const { random } = this.#around;
    const chance = this.isCalm ? 100 : random.below(100);
    const { runId, action } = held.reference;
    if (chance < 18) {
      const value = { type: "Broken", message: "it did not work", nonRetryable: chance < 3 };
      this.#report(held, { case: "failed", value }, true);
      return `fails ${what}`;
    }
    const value = { kind: { case: "stringValue" as const, value: `${runId}/${action}` } };
    this.#report(held, { case: "succeeded", value: { outputs: { value } } }, true);
    return `succeeds ${what}`;
  }

  /** Says something under a lease that it has lost. */
  #haunt(ghost: Held): string {
    const { random } = this.#around;
    const value = { kind: { case: "stringValue" as const, value: "from beyond" } };
    const contents: Content[] = [
      { case: "succeeded", value: { outputs: { value } } },
      { case: "failed", value: { type: "Broken", message: "from beyond" } },
      { case: "progress", value: { percent: 1, message: "from beyond" } },
    ];
    const report = this.#made(ghost, random.pick(contents), false);
    this.#sendReport(report);
    ghost.unrecorded.push(report);
    return `haunts ${ghost.reference.runId}/${ghost.reference.action}#${ghost.reference.epoch}`;
  }

  #report(held: Held, content: Content, isFinal: boolean): void {
    const report = this.#made(held, content, isFinal);
    held.unrecorded.push(report);
    if (isFinal) held.stage = "finished";
    this.#sendReport(report);
  }

  #made(held: Held, content: Content, isFinal: boolean): Report {
    held.sequence += 1n;
    const { reference, sequence } = held;
    const namespace = reference.namespace === "" ? "default" : reference.namespace;
    const run = runKey(namespace, reference.runId);
    const known = this.#around.disk.state?.action(run, reference.action);
    const end = this.#endOf(`${run}/${reference.action}`, content);
    return { reference, sequence, content, isFinal, currentEpoch: known?.epoch ?? 0, end };
  }

  #endOf(action: string, content: Content): EndCall | undefined {
    const ends = content.case === "succeeded" || content.case === "failed" || content.case === "stopped";
    if (!ends) return undefined;
    const { chronicle } = this.#around;
    const end: EndCall = {
      action,
      process: `${this.traits.workerId} ${this.traits.incarnation}`,
      by: content.case === "succeeded" ? "success" : "failure",
      invokedAtStep: chronicle.step,
      returnedAtStep: undefined,
      result: undefined,
      mayActLater: false,
    };
    chronicle.ends.push(end);
    return end;
  }

  #sendReport({ reference, sequence, content }: Report): void {
    this.#say({ case: "report", value: { reports: [{ attempt: reference, sequence, content }] } });
  }

  #recorded({ attempt, sequence, refusal }: RecordedReport): void {
    const key = keyOf(attempt);
    const held = this.#held.get(key) ?? this.#ghosts.find((ghost) => keyOf(ghost.reference) === key);
    const at = held?.unrecorded.findIndex((report) => report.sequence === sequence) ?? -1;
    if (held === undefined || at < 0) return;
    const [report] = held.unrecorded.splice(at, 1) as [Report];
    const { runId, action } = report.reference;
    const epoch = Number(report.reference.epoch);
    const { currentEpoch, end } = report;
    if (end !== undefined) {
      end.returnedAtStep = this.#around.chronicle.step;
      end.result = refusal === undefined ? "taken" : "refused";
    }
    this.#around.chronicle.reports.push({
      runId,
      action,
      epoch,
      currentEpoch,
      wasTaken: refusal === undefined,
    });
    if (!this.#held.has(key)) return;
    if (refusal !== undefined) this.#drop(key, held);
    else if (report.isFinal) {
      this.#held.delete(key);
      this.#permit();
    }
  }

  /** It was taken away: a rude worker does not let go of it. */
  #drop(key: string, held: Held): void {
    this.#held.delete(key);
    if (this.traits.isRude && held.stage !== "offered" && this.#ghosts.length < 5) this.#ghosts.push(held);
    this.#permit();
  }

  /** Permits as many assignments as there is room for. */
  #permit(): void {
    if (!this.#isAttached || this.#isDraining) return;
    const amount = this.traits.slots - this.#held.size - this.#credit;
    if (amount <= 0) return;
    this.#credit += amount;
    this.#say({ case: "credit", value: { amount } });
  }

  #leaveOrDrain(): string {
    if (this.#around.random.percent(50)) {
      this.#say({ case: "drain", value: {} });
      this.#isDraining = true;
      return "drains";
    }
    this.#say({ case: "leave", value: { cause: "had enough" } });
    this.#held.clear();
    return "leaves";
  }

  #armPulse(): void {
    this.#cancelPulse = this.#around.clock.after(settings.pulseIntervalMs, () => {
      if (this.#link === undefined) return;
      const isDeaf = this.#around.clock.monotonicMs - this.#heardAtMs > settings.leaseMs;
      // A worker that was told to drain has nothing more to do once it is empty; its operator starts it anew.
      const isDone = this.#isDraining && this.#held.size === 0;
      if (isDeaf || isDone) {
        if (isDone) this.#say({ case: "leave", value: { cause: "drained" } });
        this.#link.close();
        this.ended();
        return;
      }
      this.#say({ case: "pulse", value: {} });
      this.#armPulse();
    });
  }

  #say(frame: Frame): void {
    this.#link?.send(create(AttachRequestSchema, { frame }));
  }
}

function keyOf(reference: AttemptReference | undefined): string {
  return `${reference?.namespace}/${reference?.runId}/${reference?.action}#${reference?.epoch}`;
}
