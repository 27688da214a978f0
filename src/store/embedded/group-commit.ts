import {
  bytesPerCommitMax,
  commandsAheadMin,
  commandsPerCommitMax,
  waitingBytesMax,
  waitingCommandsMax,
} from "../../limits.ts";
import { StoreUnavailable } from "../store.ts";
import type { Reply } from "./messages.ts";

/** A command that waits for its outcome. */
interface Waiting {
  readonly text: string;
  readonly settle: (reply: Reply) => void;
  readonly reject: (error: Error) => void;
}

/**
 * Puts commands into batches: while the thread is busy with one, what comes waits and goes next. So the
 * batches grow by themselves when the disk is slow or much is to be done, and a single command on an idle
 * store waits for nobody. When much waits, the next batch goes ahead, so that the thread finds it when it is
 * done and has no need to wait for this side. Order is kept.
 */
export class GroupCommit {
  readonly #send: (batch: readonly string[]) => void;
  #waiting: Waiting[] = [];
  #waitingBytes = 0;
  /** The batches that the thread has, one or two. */
  readonly #flying: (readonly Waiting[])[] = [];
  #isDue = false;
  #refusal: StoreUnavailable | undefined;
  #drained: (() => void) | undefined;

  constructor(send: (batch: readonly string[]) => void) {
    this.#send = send;
  }

  /** Takes a command, as text, for the next batch; rejects with StoreUnavailable where that cannot be. */
  submit(text: string): Promise<Reply> {
    if (this.#refusal !== undefined) return Promise.reject(this.#refusal);
    if (this.#waiting.length >= waitingCommandsMax || this.#waitingBytes + text.length > waitingBytesMax) {
      return Promise.reject(new StoreUnavailable("too many commands wait for the store"));
    }
    return new Promise((settle, reject) => {
      this.#waiting.push({ text, settle, reject });
      this.#waitingBytes += text.length;
      this.#becomeDue();
    });
  }

  /** The thread answered the first batch that it had: sends the next, then tells the callers. */
  answered(replies: readonly Reply[]): void {
    const answered = this.#flying.shift() ?? [];
    this.#sendNext();
    for (const [index, { settle, reject }] of answered.entries()) {
      const reply = replies[index];
      if (reply === undefined) reject(new StoreUnavailable("the store gave no answer"));
      else settle(reply);
    }
    if (this.#isIdle()) this.#drained?.();
  }

  /** From here on every command is rejected with this, and those that wait are, too. */
  breakOff(refusal: StoreUnavailable): void {
    this.#refusal = refusal;
    const rejected = [...this.#flying.splice(0).flat(), ...this.#waiting];
    this.#waiting = [];
    this.#waitingBytes = 0;
    for (const { reject } of rejected) reject(refusal);
    this.#drained?.();
  }

  /** Takes no more commands, and waits until those that were taken have their outcome. */
  async drain(refusal: StoreUnavailable): Promise<void> {
    this.#refusal ??= refusal;
    if (this.#isIdle()) return;
    await new Promise<void>((resolve) => {
      this.#drained = resolve;
    });
  }

  #isIdle(): boolean {
    return this.#flying.length === 0 && this.#waiting.length === 0;
  }

  /** What comes from one turn of the event loop goes together, also when the thread is idle. */
  #becomeDue(): void {
    if (this.#isDue || !this.#mayGo()) return;
    this.#isDue = true;
    setImmediate(() => {
      this.#isDue = false;
      this.#sendNext();
    });
  }

  /** True if something waits, and the thread is idle or enough waits for a batch behind the one it has. */
  #mayGo(): boolean {
    const { length } = this.#flying;
    return length === 0 ? this.#waiting.length > 0 : length === 1 && this.#waiting.length >= commandsAheadMin;
  }

  #sendNext(): void {
    if (!this.#mayGo()) return;
    let bytes = 0;
    let count = 0;
    for (const { text } of this.#waiting) {
      bytes += text.length;
      if (count > 0 && (count >= commandsPerCommitMax || bytes > bytesPerCommitMax)) break;
      this.#waitingBytes -= text.length;
      count += 1;
    }
    const batch = this.#waiting.slice(0, count);
    this.#flying.push(batch);
    this.#waiting = this.#waiting.slice(count);
    this.#send(batch.map(({ text }) => text));
  }
}
