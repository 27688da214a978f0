import type { ActionError } from "../../gen/signalbox/v1/action_pb.ts";
import type { WorkerRefusal } from "./session/thread-messages.ts";

/** How an action ended without success, as its state is named. */
export type FailedState = "FAILED" | "CANCELLED" | "TIMED_OUT" | "SKIPPED";

/** Thrown by a task that no further attempt can help, whatever its retry policy says. */
export class NonRetryableError extends Error {
  override readonly name: string = "NonRetryableError";
}

/** The reason of `ctx.signal` after a cancel: the attempt has until the grace is over to stop. */
export class AttemptCancelled extends Error {
  override readonly name: string = "AttemptCancelled";
  /** How long the attempt has until it is ended without its worker. */
  readonly graceMs: number;

  constructor(cause: string, graceMs: number) {
    super(cause === "" ? "the attempt was cancelled" : `the attempt was cancelled: ${cause}`);
    this.graceMs = graceMs;
  }
}

/**
 * The reason of `ctx.signal` when the lease has moved on: nothing the attempt says or does counts any more.
 */
export class AttemptLost extends Error {
  override readonly name: string = "AttemptLost";
}

/**
 * The reason of `ctx.signal` when the worker stops before the attempt has ended; the attempt is given back.
 */
export class WorkerStopped extends Error {
  override readonly name: string = "WorkerStopped";
}

/** What still waited for an answer when its task returned, and what was asked for after that. */
export class AttemptEnded extends Error {
  override readonly name: string = "AttemptEnded";
}

/** A condition ended without an answer. */
export class ConditionEnded extends Error {
  override readonly name: string = "ConditionEnded";
  readonly condition: string;
  readonly state: FailedState;
  /**
   * Why, as the server put it: `Timeout`, `Undecided`, `AnswersDiffer`, `GroupDecided` or `Cancelled`, and
   * more in words.
   */
  readonly error: { readonly type: string; readonly message: string };

  constructor({
    condition,
    state,
    error,
  }: { condition: string; state: FailedState; error: ActionError | undefined }) {
    const { type, message } = error ?? { type: "Unknown", message: "" };
    const cause = error === undefined ? "" : ` (${type}${message === "" ? "" : `: ${message}`})`;
    super(`the condition ${condition} ended without an answer: ${state}${cause}`);
    this.condition = condition;
    this.state = state;
    this.error = { type, message };
  }
}

/** A child task, or a step of an earlier call, ended without success. */
export class ChildFailed extends Error {
  override readonly name: string = "ChildFailed";
  readonly child: string;
  readonly state: FailedState;
  /** The error the child ended with, as its worker or the server put it. */
  readonly error: { readonly type: string; readonly message: string; readonly stack: string };

  constructor({
    child,
    state,
    error,
  }: { child: string; state: FailedState; error: ActionError | undefined }) {
    const { type, message, stack } = error ?? { type: "Unknown", message: "", stack: "" };
    super(`${child} ended ${state}: ${type}${message === "" ? "" : `: ${message}`}`);
    this.child = child;
    this.state = state;
    this.error = { type, message, stack };
  }
}

/** The server declined what a task said or asked for. */
export class Refused extends Error {
  override readonly name: string = "Refused";
  /** The name of the reason, as docs/errors.md lists it. */
  readonly reason: string;

  constructor({ reason, message }: WorkerRefusal) {
    super(`${reason}: ${message}`);
    this.reason = reason;
  }
}

/**
 * Outputs that are more than 1 MiB in all. The attempt fails for good: doing it again would not make them
 * smaller.
 */
export class OutputTooLarge extends NonRetryableError {
  override readonly name = "OutputTooLarge";
}

/** Outputs that no values stand for. The attempt fails for good, as above. */
export class OutputInvalid extends NonRetryableError {
  override readonly name = "OutputInvalid";
}

/**
 * The worker has stopped because another process attached under its name. Names must be unique in a
 * namespace.
 */
export class WorkerSuperseded extends Error {
  override readonly name = "WorkerSuperseded";
}

/**
 * The worker has stopped because the server does not take it as it is: its token, its name, its ops or
 * labels.
 */
export class WorkerRefused extends Error {
  override readonly name = "WorkerRefused";
}
