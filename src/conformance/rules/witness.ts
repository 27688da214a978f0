import { create } from "@bufbuild/protobuf";
import { createValidator } from "@bufbuild/protovalidate";
import { Reason } from "../../../gen/signalbox/v1/reason_pb.ts";
import {
  type Attach,
  type AttachRequest,
  AttachRequestSchema,
  type AttachResponse,
  type AttemptReference,
  type RecordedReport,
} from "../../../gen/signalbox/v1/worker_service_pb.ts";
import { Breach } from "../breach.ts";
import { concurrency, crossingMs } from "../conformance-limits.ts";
import type { Transcript } from "../transcript.ts";
import {
  describeSaid,
  describeSent,
  nameAttempt,
  referenceKey,
  type Said,
  type SaidOf,
  saidBy,
} from "../wire/said.ts";
import type { ServerStream, StreamWatch } from "../wire/server-stream.ts";
import { WitnessedAttempt } from "./witnessed-attempt.ts";

const validator = createValidator();

/**
 * Makes the rules of the contract ready. The first frame would otherwise take a second, in which the server
 * says nothing and workers rightly give it up.
 */
export function prepareWitness(): void {
  validator.validate(
    AttachRequestSchema,
    create(AttachRequestSchema, { frame: { case: "attach", value: {} } }),
  );
}

/** Reasons after which nothing that an attempt says counts. */
const endingReasons: ReadonlySet<Reason> = new Set([
  Reason.STALE_EPOCH,
  Reason.RUN_ENDED,
  Reason.RUN_NOT_FOUND,
  Reason.ACTION_ENDED,
  Reason.ACTION_NOT_FOUND,
]);

/** What a stream has said about itself so far. */
interface StreamState {
  openCredit: number;
  /** When there was to be no more credit: the worker drains, or was told to. */
  drainsAtMs: number;
  hasLeft: boolean;
}

/**
 * What must hold of every worker in every scenario, judged by what goes over its streams. The first breach
 * is the verdict.
 */
export class Witness implements StreamWatch {
  /** Rejects with the first breach. */
  readonly breached: Promise<never>;
  readonly #breach = Promise.withResolvers<never>();
  readonly #transcript: Transcript;
  readonly #namespace: string;
  readonly #attempts = new Map<string, WitnessedAttempt>();
  readonly #streams = new Map<ServerStream | undefined, StreamState>();
  #first: Attach | undefined;

  constructor(transcript: Transcript, namespace: string) {
    this.#transcript = transcript;
    this.#namespace = namespace;
    this.breached = this.#breach.promise;
    this.breached.catch(() => undefined);
  }

  /** Ends the scenario with a breach. */
  accuse(fault: string | undefined): void {
    if (fault !== undefined) this.#breach.reject(new Breach(fault));
  }

  /** What is known of an attempt; undefined of one that was never assigned. */
  attempt(reference: AttemptReference): WitnessedAttempt | undefined {
    return this.#attempts.get(referenceKey(reference));
  }

  /** How many attempts take places of the worker. */
  get busyCount(): number {
    return [...this.#attempts.values()].filter(({ isBusy }) => isBusy).length;
  }

  /** The credits that the worker has given on a stream and that are not used. */
  openCredit(stream: ServerStream): number {
    return this.#state(stream).openCredit;
  }

  received(stream: ServerStream, request: AttachRequest): void {
    const { frame } = request;
    if (frame.case === "attach") {
      const { running } = frame.value;
      const held = running.map(nameAttempt).join(", ") || "nothing";
      this.#transcript.note(`worker ${stream.number}`, `Attach, running ${held}`);
    }
    for (const said of saidBy(request)) this.#transcript.note(`worker ${stream.number}`, describeSaid(said));
    const judged = validator.validate(AttachRequestSchema, request);
    if (judged.kind !== "valid") {
      const message = `a frame of the kind ${frame.case ?? "that does not exist"} breaks the schema`;
      this.accuse(`${message}: ${judged.error?.message ?? "it is not valid"}`);
      return;
    }
    const state = this.#state(stream);
    if (state.hasLeft) this.accuse(`a ${frame.case} frame came after Leave on stream ${stream.number}`);
    if (frame.case === "attach") this.#attached(stream, frame.value);
    for (const said of saidBy(request)) this.accuse(this.#faultOf(said, stream, state));
  }

  sent(stream: ServerStream, response: AttachResponse): void {
    this.#transcript.note(`server ${stream.number}`, describeSent(response));
    const { frame } = response;
    const state = this.#state(stream);
    switch (frame.case) {
      case "attached":
        return frame.value.drop.forEach((reference) => this.#lose(reference));
      case "assign":
        for (const { attempt } of frame.value.assignments) {
          state.openCredit = Math.max(0, state.openCredit - 1);
          if (attempt !== undefined) this.#assigned(attempt);
        }
        return;
      case "recorded":
        return frame.value.reports.forEach((report) => this.#answered(report));
      case "declined": {
        const { attempt, refusal } = frame.value;
        if (attempt !== undefined && refusal !== undefined && endingReasons.has(refusal.reason)) {
          this.#lose(attempt);
        }
        return;
      }
      case "drain":
        state.drainsAtMs = Math.min(state.drainsAtMs, performance.now() + crossingMs);
        return;
      default:
        return;
    }
  }

  #state(stream: ServerStream | undefined): StreamState {
    const known = this.#streams.get(stream);
    if (known !== undefined) return known;
    const fresh = { openCredit: 0, drainsAtMs: Infinity, hasLeft: false };
    this.#streams.set(stream, fresh);
    return fresh;
  }

  #attached(stream: ServerStream, attach: Attach): void {
    const first = this.#first;
    this.#first ??= attach;
    if ((attach.namespace || "default") !== this.#namespace) {
      this.accuse(`it attaches to the namespace ${attach.namespace}, and SIGNALBOX_NAMESPACE said otherwise`);
    }
    if (first === undefined) {
      if (attach.running.length > 0) this.accuse("its first Attach names attempts that it cannot have");
      return;
    }
    if (attach.workerId !== first.workerId || attach.incarnation !== first.incarnation) {
      this.accuse("one process attaches as two: worker_id and incarnation stay the same in all its streams");
    }
    if ([...attach.ops].sort().join() !== [...first.ops].sort().join()) {
      this.accuse("it announces other ops than on its first stream");
    }
    this.#compareInventory(stream, attach.running);
  }

  #compareInventory(stream: ServerStream, running: readonly AttemptReference[]): void {
    const named = new Set(running.map(referenceKey));
    const unknown = running.find((reference) => !this.#attempts.has(referenceKey(reference)));
    if (unknown !== undefined) {
      this.accuse(`its Attach names ${nameAttempt(unknown)}, which was never assigned to it`);
    }
    for (const attempt of this.#attempts.values()) {
      if (named.has(referenceKey(attempt.reference))) continue;
      const missing = `its Attach on stream ${stream.number} does not name ${nameAttempt(attempt.reference)}`;
      if (attempt.isWanted) this.accuse(`${missing}, which runs or whose end is not recorded`);
      // It never came, or its end was recorded.
      if (!attempt.hasEnded) attempt.isGivenUp = true;
    }
  }

  #faultOf(said: Said, stream: ServerStream, state: StreamState): string | undefined {
    switch (said.kind) {
      case "pulse":
        return undefined;
      case "credit":
        return this.#faultOfCredit(said.amount, state);
      case "drain":
        state.drainsAtMs = 0;
        return undefined;
      case "leave":
        state.hasLeft = true;
        return undefined;
      default:
        return this.#faultOfAttempt(said, stream);
    }
  }

  #faultOfAttempt(
    said: SaidOf<"accept" | "decline" | "report" | "addActions">,
    stream: ServerStream,
  ): string | undefined {
    const attempt = this.#attempts.get(referenceKey(said.attempt));
    if (attempt === undefined) return `it speaks of ${nameAttempt(said.attempt)}, which was never assigned`;
    const { lostAtMs } = attempt;
    if (lostAtMs !== undefined && performance.now() > lostAtMs + crossingMs) {
      return `it goes on about ${nameAttempt(said.attempt)} after it was told that its lease has moved on`;
    }
    if (attempt.isDeclined) return `it goes on about ${nameAttempt(said.attempt)}, which it had declined`;
    if (said.kind === "report") return attempt.report(said.report, stream.number);
    if (said.kind === "decline") attempt.isDeclined = true;
    if (said.kind === "addActions") attempt.hasWaited = true;
    if (said.kind !== "decline") attempt.isTaken = true;
    return undefined;
  }

  #faultOfCredit(amount: number, state: StreamState): string | undefined {
    state.openCredit += amount;
    if (performance.now() > state.drainsAtMs) return "it gives credit after Drain";
    const { busyCount } = this;
    return state.openCredit + busyCount > concurrency
      ? `it permits ${state.openCredit} more while it has ${busyCount}, and takes ${concurrency} at once`
      : undefined;
  }

  #assigned(reference: AttemptReference): void {
    const key = referenceKey(reference);
    if (this.#attempts.has(key)) return;
    this.#attempts.set(key, new WitnessedAttempt(reference));
    const { runId, action } = reference;
    const leases = [...this.#attempts.values()].filter(
      ({ reference: other }) => other.runId === runId && other.action === action,
    );
    const highest = leases.reduce(
      (epoch, one) => (one.reference.epoch > epoch ? one.reference.epoch : epoch),
      0n,
    );
    for (const lease of leases) lease.isOutdone = lease.reference.epoch < highest;
  }

  #answered({ attempt: reference, sequence, refusal }: RecordedReport): void {
    if (reference === undefined) return;
    if (refusal !== undefined && endingReasons.has(refusal.reason)) return this.#lose(reference);
    this.#attempts.get(referenceKey(reference))?.answered(sequence, refusal !== undefined);
  }

  #lose(reference: AttemptReference): void {
    const attempt = this.#attempts.get(referenceKey(reference));
    if (attempt !== undefined) attempt.lostAtMs ??= performance.now();
  }
}
