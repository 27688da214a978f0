import { assert } from "../assert.ts";
import type { Decision } from "../change.ts";
import type { CommandOf } from "../command.ts";
import type { Draft } from "../draft.ts";

export function endActionByOperator(_draft: Draft, command: CommandOf<"endAction">): Decision<"endAction"> {
  assert(false, "a command that the rules know", { kind: command.kind });
}
