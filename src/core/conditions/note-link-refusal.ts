import { assert } from "../assert.ts";
import type { Decision } from "../change.ts";
import type { CommandOf } from "../command.ts";
import type { Draft } from "../draft.ts";

/** Tells the feed of a link that was used in vain, a bounded number of times for each condition. */
export function noteLinkRefusal(_draft: Draft, command: CommandOf<"noteLinkRefusal">): Decision<"noteLinkRefusal"> {
  assert(false, "this command is not built yet", { kind: command.kind });
}
