import { assert } from "../assert.ts";
import type { Decision } from "../change.ts";
import type { CommandOf } from "../command.ts";
import type { Draft } from "../draft.ts";

export function updateOp(_draft: Draft, command: CommandOf<"updateOp">): Decision<"updateOp"> {
  assert(false, "a command that the rules know", { kind: command.kind });
}

export function deleteOp(_draft: Draft, command: CommandOf<"deleteOp">): Decision<"deleteOp"> {
  assert(false, "a command that the rules know", { kind: command.kind });
}
