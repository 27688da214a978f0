import type { Stage } from "./stage.ts";

/** One way in which a server, a network or an operator behaves, and what a worker must make of it. */
export interface Scenario {
  /** Its name on the command line. */
  readonly name: string;
  /** What a worker that passes has shown, in one sentence. */
  readonly shows: string;
  /** What goes wrong with a worker that fails. */
  readonly matters: string;
  /** Plays it. Throws a Breach, or anything that the stage throws, for a worker that fails. */
  readonly play: (stage: Stage) => Promise<void>;
}

/** What became of one scenario. */
export interface Verdict {
  readonly scenario: Scenario;
  readonly passed: boolean;
  /** Why it failed; undefined if it passed. */
  readonly reason: string | undefined;
  readonly durationMs: number;
  /** What was said and done, a line each. */
  readonly transcript: readonly string[];
  /** The last lines that the worker printed. */
  readonly output: readonly string[];
}
