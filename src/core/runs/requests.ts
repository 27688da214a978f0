import { requestKeptMs, sweptRequestsMax } from "../../limits.ts";
import type { Answers } from "../answer.ts";
import type { Decision } from "../change.ts";
import type { CommandKind } from "../command.ts";
import type { Draft } from "../draft.ts";
import { requestKey } from "../loaded.ts";
import { refuse } from "../refusal.ts";
import type { Request } from "../stated.ts";

/** What a request id is good for: which command, in which namespace. */
export interface RequestScope<K extends CommandKind> {
  readonly namespace: string;
  readonly kind: K;
  readonly request: Request;
}

/**
 * The decision that a repeated request gets, or undefined for one that is seen for the first time: the first
 * answer again, or REQUEST_ID_REUSED if the content is another.
 */
export function repeated<K extends CommandKind>(
  draft: Draft,
  scope: RequestScope<K>,
): Decision<K> | undefined {
  const { requestId, digest } = scope.request;
  if (requestId === "") return undefined;
  const stored = draft.storedAnswer(requestKey(scope.namespace, scope.kind, requestId));
  if (stored === undefined) return undefined;
  if (stored.digest !== digest) return refuse({ reason: "REQUEST_ID_REUSED", requestId });
  return draft.accept<K>(stored.answer as Answers[K]);
}

/** Accepts, and remembers the answer under the request id if there is one. */
export function answer<K extends CommandKind>(
  draft: Draft,
  scope: RequestScope<K>,
  answered: Answers[K],
): Decision<K> {
  const { requestId, digest } = scope.request;
  if (requestId !== "") {
    const key = requestKey(scope.namespace, scope.kind, requestId);
    draft.addAnswer({ key, digest, answer: answered, timeMs: draft.nowMs });
  }
  return draft.accept<K>(answered);
}

/** Forgets answers whose time is over, a bounded lot at once. */
export function sweepRequests(draft: Draft): Decision<"sweepRequests"> {
  const keys = draft.answersBefore(draft.nowMs - requestKeptMs, sweptRequestsMax);
  for (const key of keys) draft.dropAnswer(key);
  return draft.accept<"sweepRequests">({ count: keys.length });
}
