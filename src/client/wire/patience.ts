import { UnavailableError } from "../refused-error.ts";
import { backoffMs, describeUnavailable, type RetryPolicy } from "./retry.ts";

/** Whom a stream waits for, and for how long. */
export interface PatienceOptions {
  readonly policy: RetryPolicy;
  /** Where the server is, for the message of the error. */
  readonly address: string;
}

/**
 * How long a stream that is cut is opened again for: the policy's `forMs` as long as nothing was ever heard
 * on it, `resumeForMs` from then on.
 */
export class Patience {
  readonly #policy: RetryPolicy;
  readonly #address: string;
  #failures = 0;
  #lastHeardAt = performance.now();
  #giveUpAfterMs: number;

  constructor({ policy, address }: PatienceOptions) {
    this.#policy = policy;
    this.#address = address;
    this.#giveUpAfterMs = policy.forMs;
  }

  /** True if the stream before this one was cut, and nothing was heard since. */
  get isFailing(): boolean {
    return this.#failures > 0;
  }

  /** The server was heard: everything begins anew. */
  heard(): void {
    this.#failures = 0;
    this.#giveUpAfterMs = this.#policy.resumeForMs;
    this.#lastHeardAt = performance.now();
  }

  /**
   * The wait before the stream is opened again: what the server asked for, or one that grows with each
   * failure. Throws an UnavailableError when that is too late.
   */
  waitMs(failure: unknown, askedMs?: number): number {
    this.#failures += 1;
    const waitMs = askedMs ?? backoffMs(this.#policy, this.#failures, failure);
    if (performance.now() + waitMs - this.#lastHeardAt > this.#giveUpAfterMs) {
      const text = describeUnavailable(this.#address, failure ?? "the stream ended");
      throw new UnavailableError(text, { attempts: this.#failures, cause: failure });
    }
    return waitMs;
  }
}
