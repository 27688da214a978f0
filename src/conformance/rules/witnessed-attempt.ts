import { equals } from "@bufbuild/protobuf";
import {
  type AttemptReference,
  type AttemptReport,
  AttemptReportSchema,
} from "../../../gen/signalbox/v1/worker_service_pb.ts";
import { isEnd, nameAttempt } from "../wire/said.ts";

/** One attempt under one lease, as the server knows it from what both sides said. */
export class WitnessedAttempt {
  readonly reference: AttemptReference;
  /** The worker has said that it runs it, by Accept or by a report. */
  isTaken = false;
  /** It waited for children, and may have left its place to another. */
  hasWaited = false;
  isDeclined = false;
  /** The number of the report that ended it. */
  endSequence: bigint | undefined;
  /** When the worker was told that nothing it says about it counts, by `performance.now`. */
  lostAtMs: number | undefined;
  /** The server has taken it back without a word, since the worker did not name it. */
  isGivenUp = false;
  /** The action was assigned under a higher epoch too, which a worker may or may not conclude from. */
  isOutdone = false;
  readonly #reportBySequence = new Map<bigint, AttemptReport>();
  readonly #recorded = new Set<bigint>();
  /** The numbers that came on the newest stream of its reports. */
  #onStream = new Set<bigint>();
  #stream = 0;

  constructor(reference: AttemptReference) {
    this.reference = reference;
  }

  /** True while it takes one of the places of the worker, as far as the server can know. */
  get isBusy(): boolean {
    const isFree = this.isDeclined || this.hasEnded || this.hasWaited || this.isGivenUp;
    return !(isFree || this.isLost || this.isOutdone);
  }

  get hasEnded(): boolean {
    return this.endSequence !== undefined;
  }

  get isLost(): boolean {
    return this.lostAtMs !== undefined;
  }

  /** True if the worker must name it when it attaches: it runs, or its end is not recorded. */
  get isWanted(): boolean {
    const isOver = this.endSequence !== undefined && this.#recorded.has(this.endSequence);
    return this.isTaken && !isOver && !(this.isDeclined || this.isLost || this.isGivenUp || this.isOutdone);
  }

  /** Takes an answer to a report: recorded, or refused without a loss. */
  answered(sequence: bigint, isRefused: boolean): void {
    this.#recorded.add(sequence);
    // A refused end leaves the attempt open for another.
    if (isRefused && sequence === this.endSequence) this.endSequence = undefined;
  }

  /** Takes a report in; says what is wrong with it, if something is. */
  report(report: AttemptReport, stream: number): string | undefined {
    const { sequence } = report;
    const named = `report ${sequence} of ${nameAttempt(this.reference)}`;
    const known = this.#reportBySequence.get(sequence);
    if (stream !== this.#stream) {
      this.#stream = stream;
      this.#onStream = new Set();
    }
    const fault = known === undefined ? this.#faultOfNew(sequence, named) : sameReport(known, report, named);
    const skipped = this.#skippedBefore(sequence);
    this.isTaken = true;
    this.#reportBySequence.set(sequence, report);
    this.#onStream.add(sequence);
    if (isEnd(report)) this.endSequence = sequence;
    if (fault !== undefined) return fault;
    return skipped === undefined
      ? undefined
      : `${named} came before report ${skipped} was said again, which a server would then take for a repeat`;
  }

  #faultOfNew(sequence: bigint, named: string): string | undefined {
    if (this.endSequence !== undefined) {
      return `${named} is new, and report ${this.endSequence} had ended the attempt`;
    }
    const highest = [...this.#reportBySequence.keys()].reduce((a, b) => (a > b ? a : b), 0n);
    if (highest === 0n && sequence !== 1n) return `${named} is the first one, and numbers begin with 1`;
    return sequence < highest ? `${named} comes after report ${highest}, and numbers grow` : undefined;
  }

  /** A lower number that is not recorded and was not said again on this stream. */
  #skippedBefore(sequence: bigint): bigint | undefined {
    return [...this.#reportBySequence.keys()].find(
      (lower) => lower < sequence && !this.#recorded.has(lower) && !this.#onStream.has(lower),
    );
  }
}

/** Not by bytes: the names of a map may come in any order. */
function sameReport(known: AttemptReport, report: AttemptReport, named: string): string | undefined {
  return equals(AttemptReportSchema, known, report)
    ? undefined
    : `${named} came twice and says two different things; a repeat says the same under the same number`;
}
