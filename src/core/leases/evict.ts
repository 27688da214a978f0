import { repeatedCauseLengthMax } from "../../limits.ts";
import type { Action } from "../action.ts";
import { failAttempt } from "../actions/end-action.ts";
import { settle } from "../actions/settle.ts";
import type { Decision } from "../change.ts";
import type { CommandOf } from "../command.ts";
import type { Draft } from "../draft.ts";
import { refuse } from "../refusal.ts";
import { answer, repeated } from "../runs/requests.ts";
import { returnAttempt } from "./attempt.ts";
import { removeSession } from "./session-commands.ts";

/**
 * An operator takes everything from a worker at once and ends its session: what has started has failed with
 * error type `Evicted`, what has not is returned. What the worker still reports is refused; it may attach
 * again.
 */
export function evictWorker(draft: Draft, command: CommandOf<"evictWorker">): Decision<"evictWorker"> {
  const { namespace, workerId } = command;
  const scope = { namespace, kind: command.kind, request: command.request };
  const before = repeated(draft, scope);
  if (before !== undefined) return before;
  const session = draft.sessionOf(namespace, workerId);
  if (session === undefined) return refuse({ reason: "WORKER_NOT_FOUND", workerId });
  const said = command.cause.slice(0, repeatedCauseLengthMax);
  const cause = said === "" ? "its worker was evicted" : `its worker was evicted: ${said}`;
  const releasedCount = draft.heldBy(session.id).length;
  removeSession(draft, session, { cause: "evicted", release: (held) => evict(draft, held, cause) });
  draft.affect({ kind: "gone", sessionId: session.id, cause: "evicted" });
  settle(draft);
  return answer(draft, scope, { releasedCount });
}

function evict(draft: Draft, held: Action, cause: string): void {
  if (held.state === "ASSIGNED") returnAttempt(draft, held, cause);
  else {
    const error = { type: "Evicted", message: cause, stack: "", nonRetryable: false };
    failAttempt(draft, held, { state: "FAILED", error });
  }
}
