import {
  type ExplainActionResponse,
  ExplainActionResponse_Cause,
} from "../../../gen/signalbox/v1/explanation_pb.ts";
import { type NameOf, naming, toDate } from "./name.ts";

/** Why an action does not run, or that it does. */
export type ExplainCause = NameOf<typeof ExplainActionResponse_Cause>;

/** Why an action does not run, at the moment it was asked. */
export interface Explanation {
  readonly cause: ExplainCause;
  /** The same in a sentence, with what to do. */
  readonly message: string;
  /** The actions it waits for; the first 100. */
  readonly waitsFor: readonly string[];
  readonly retryTime: Date | undefined;
  /** How many attached workers announce its op. */
  readonly workerCount: number;
  /** How many queued actions of its op come before it; counted up to 1,000. */
  readonly queuePosition: number;
  /** The demands that no attached worker of its op meets, a sentence each. */
  readonly unmet: readonly string[];
  /** The limit that it waits for; empty for none. */
  readonly limit: string;
  /** Who takes up the limit, as `<run>/<action>`; the first 10. */
  readonly holders: readonly string[];
  /** When a rate lets the next one start. */
  readonly nextStartTime: Date | undefined;
  /** True if a worker is kept free for it, because it has waited for long. */
  readonly reserved: boolean;
}

const nameCause = naming(ExplainActionResponse_Cause);

/** An explanation as plain values. */
export function toExplanation(explanation: ExplainActionResponse): Explanation {
  return {
    cause: nameCause(explanation.cause),
    message: explanation.message,
    waitsFor: explanation.waitsFor,
    retryTime: toDate(explanation.retryTime),
    workerCount: explanation.workerCount,
    queuePosition: explanation.queuePosition,
    unmet: explanation.unmet,
    limit: explanation.limit,
    holders: explanation.holders,
    nextStartTime: toDate(explanation.nextStartTime),
    reserved: explanation.reserved,
  };
}
