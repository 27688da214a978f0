import type { Action } from "../action.ts";
import type { Draft } from "../draft.ts";
import { postKey, type WebhookPost } from "./outbox.ts";
import { standingOf, termsOf } from "./standing.ts";

/** Has the webhook of a condition told of something, if it has one. `step` is that of an escalation. */
export function postWebhook(draft: Draft, condition: Action, about: WebhookPost["about"], step = 0): void {
  if (termsOf(condition).webhook === undefined) return;
  const { instance } = standingOf(condition);
  const post = { run: condition.run, action: condition.name, instance, about, step };
  const { nowMs } = draft;
  draft.setPost({
    ...post,
    key: postKey(post),
    createTimeMs: nowMs,
    dueMs: nowMs,
    deliveryCount: 0,
    cause: "",
  });
  draft.affect({ kind: "post" });
}

/**
 * The end of a condition for its webhook: it is told if the condition was open before this draft, and what it
 * was still to be told of the wait is of no use any more.
 */
export function postEnd(draft: Draft, ended: Action): void {
  if (termsOf(ended).webhook === undefined) return;
  const { instance, escalationCount } = standingOf(ended);
  const of = { run: ended.run, action: ended.name, instance };
  dropPost(draft, postKey({ ...of, about: "condition_paused", step: 0 }));
  for (let step = 1; step <= escalationCount; step++) {
    dropPost(draft, postKey({ ...of, about: "condition_escalated", step }));
  }
  if (draft.before.action(ended.run, ended.name)?.state !== "PAUSED") return;
  if (!tellsEnds(ended)) return;
  postWebhook(draft, ended, "condition_ended");
}

/** A payload of one's own that has no place for how it ended would say that it asks once more. */
function tellsEnds(condition: Action): boolean {
  const payload = termsOf(condition).webhook?.payload;
  return payload === undefined || /\{(event|outcome|answer)\}/.test(JSON.stringify(payload));
}

function dropPost(draft: Draft, key: string): void {
  if (draft.post(key) !== undefined) draft.removePost(key);
}
