import { assert } from "../assert.ts";
import type { Decision } from "../change.ts";
import type { CommandOf } from "../command.ts";
import type { Draft } from "../draft.ts";

/** What people do with a condition in their inbox, short of answering. */
export function changeCondition(_draft: Draft, command: CommandOf<"changeCondition">): Decision<"changeCondition"> {
  assert(false, "this command is not built yet", { kind: command.kind });
}
