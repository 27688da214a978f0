import { NonRetryableError } from "../worker/worker.ts";

/** Why an attempt of a program failed, where its retry policy decides what follows. */
export class ProgramFailed extends Error {
  override readonly name = "ProgramFailed";
  /** The error type of the attempt; docs/executor.md lists them. */
  readonly type: string;

  /** `details` stands where the stack of a TypeScript task does. */
  constructor(type: string, message: string, details = "") {
    super(message);
    this.type = type;
    this.stack = details;
  }
}

/** Why an attempt of a program failed, where no further attempt can help. */
export class ProgramFailedForGood extends NonRetryableError {
  override readonly name = "ProgramFailedForGood";
  /** The error type of the attempt, as above. */
  readonly type: string;

  /** `details` as above. */
  constructor(type: string, message: string, details = "") {
    super(message);
    this.type = type;
    this.stack = details;
  }
}
