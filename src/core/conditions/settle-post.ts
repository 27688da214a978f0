import { assert } from "../assert.ts";
import type { Decision } from "../change.ts";
import type { CommandOf } from "../command.ts";
import type { Draft } from "../draft.ts";

/** What became of a try to post to a webhook. */
export function settlePost(_draft: Draft, command: CommandOf<"settlePost">): Decision<"settlePost"> {
  assert(false, "this command is not built yet", { kind: command.kind });
}
