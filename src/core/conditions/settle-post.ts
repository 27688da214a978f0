import type { Decision } from "../change.ts";
import type { CommandOf } from "../command.ts";
import type { Draft } from "../draft.ts";
import { postCauseLengthMax } from "./condition-limits.ts";

/**
 * What became of a try to post to a webhook: it was taken, is to be tried again at a time, or is given up.
 * Of a post that is gone meanwhile nothing is said.
 */
export function settlePost(
  draft: Draft,
  { post: { key }, end }: CommandOf<"settlePost">,
): Decision<"settlePost"> {
  const post = draft.post(key);
  if (post === undefined) return draft.accept<"settlePost">({});
  const deliveryCount = post.deliveryCount + 1;
  const cause = end === "taken" ? "" : end.cause.slice(0, postCauseLengthMax).toWellFormed();
  if (end !== "taken" && end.retryMs !== undefined) {
    draft.setPost({ ...post, deliveryCount, cause, dueMs: end.retryMs });
    return draft.accept<"settlePost">({});
  }
  draft.removePost(key);
  const run = draft.run(post.run);
  if (run !== undefined) {
    draft.emitNamed(run, post.action, { kind: "webhook_posted", about: post.about, deliveryCount, cause });
  }
  return draft.accept<"settlePost">({});
}
