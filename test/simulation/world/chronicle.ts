import type { RecordedReport } from "../../guarantees/acknowledged.ts";
import type { AcceptedSignal } from "../../guarantees/actions.ts";

/** A signal as its sender saw it; steps are those of the scheduler. */
export interface SignalCall {
  readonly runId: string;
  readonly action: string;
  readonly value: string;
  readonly subject: string;
  readonly invokedAtStep: number;
  /** Undefined while nobody knows what became of it. */
  returnedAtStep: number | undefined;
  /** "answered", "repeated", "kept", "keptRepeated", or the reason of a refusal. */
  result: string | undefined;
  /** It was refused, and another copy of it was on its way, which may have been taken later. */
  mayActLater: boolean;
}

/** Somebody who tried to end an action: a worker by its report, or an operator. */
export interface EndCall {
  /** `namespace/run/action`. */
  readonly action: string;
  readonly process: string;
  readonly by: "success" | "failure" | "operator";
  readonly invokedAtStep: number;
  returnedAtStep: number | undefined;
  /** "taken", or the reason of a refusal. */
  result: string | undefined;
  mayActLater: boolean;
}

/** What everybody outside the server was told, which is what promises are held against. */
export class Chronicle {
  readonly violations: string[] = [];
  /** `namespace/run` of runs whose creation was acknowledged. */
  readonly runs = new Set<string>();
  readonly acceptedSignals: AcceptedSignal[] = [];
  readonly keptSignals: AcceptedSignal[] = [];
  readonly signals: SignalCall[] = [];
  readonly ends: EndCall[] = [];
  readonly reports: RecordedReport[] = [];
  /** How often something happened that could go wrong, by its name. */
  readonly faults = new Map<string, number>();
  readonly #assigned = new Set<string>();
  /** The step of the scheduler. */
  step = 0;

  /** Notes what must never be. */
  violated(what: string): void {
    this.violations.push(what);
  }

  /** Notes that something was made to go wrong. */
  injected(fault: string): void {
    this.faults.set(fault, (this.faults.get(fault) ?? 0) + 1);
  }

  /** Notes an assignment that reached a worker: each lease is given once. */
  assigned(runId: string, action: string, epoch: bigint): void {
    const lease = `${runId}/${action} epoch ${epoch}`;
    if (this.#assigned.has(lease)) this.violated(`Fenced: ${lease} was assigned twice`);
    this.#assigned.add(lease);
  }
}
