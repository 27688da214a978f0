import { create } from "@bufbuild/protobuf";
import { AcceptSchema } from "../../../gen/signalbox/v1/worker_service_pb.ts";
import { framePartsMax, startDelayMs } from "../worker-limits.ts";
import type { HeldAttempt } from "./held-attempt.ts";
import type { OutgoingFrame } from "./outbox.ts";

/**
 * The attempts whose start is to be said. A start waits for `startDelayMs` and at most twice that: whatever
 * an attempt reports says that it has started too, so that of a short task only the end is said, which spares
 * both sides a third of what they say to each other.
 */
export class Starts {
  readonly #wake: () => void;
  #due: HeldAttempt[] = [];
  #waiting: HeldAttempt[] = [];
  #fresh: HeldAttempt[] = [];
  #timer: NodeJS.Timeout | undefined;

  /** `wake` is called when there is a frame to take. */
  constructor(wake: () => void) {
    this.#wake = wake;
  }

  /** A task starts. */
  add(held: HeldAttempt): void {
    this.#fresh.push(held);
    this.#arm();
  }

  /** A stream begins: says at once what the server may not know of. */
  restart(known: readonly HeldAttempt[]): void {
    this.#due = [...known];
    this.#waiting = [];
    this.#fresh = [];
  }

  /** The next frame of starts. */
  takeFrame(): OutgoingFrame | undefined {
    while (this.#due.length > 0) {
      const said = this.#due.splice(0, framePartsMax).filter(isToBeSaid);
      const attempts = said.map(({ reference }) => reference);
      if (attempts.length > 0) return { case: "accept", value: create(AcceptSchema, { attempts }) };
    }
    return undefined;
  }

  /** Calls nobody any more. */
  close(): void {
    clearTimeout(this.#timer);
  }

  #arm(): void {
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      this.#due.push(...this.#waiting);
      this.#waiting = this.#fresh;
      this.#fresh = [];
      if (this.#waiting.length > 0) this.#arm();
      if (this.#due.length > 0) this.#wake();
    }, startDelayMs);
  }
}

function isToBeSaid({ state, startConfirmed, waiting }: HeldAttempt): boolean {
  return state === "accepted" && !startConfirmed && waiting.size === 0;
}
