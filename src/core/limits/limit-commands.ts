import { assert } from "../assert.ts";
import type { Decision } from "../change.ts";
import type { CommandOf } from "../command.ts";
import type { Draft } from "../draft.ts";

export function setLimit(_draft: Draft, command: CommandOf<"setLimit">): Decision<"setLimit"> {
  assert(false, "a command that the rules know", { kind: command.kind });
}

export function deleteLimit(_draft: Draft, command: CommandOf<"deleteLimit">): Decision<"deleteLimit"> {
  assert(false, "a command that the rules know", { kind: command.kind });
}
