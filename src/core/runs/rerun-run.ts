import { assert } from "../assert.ts";
import type { Decision } from "../change.ts";
import type { CommandOf } from "../command.ts";
import type { Draft } from "../draft.ts";

/** Creates a run that does an ended one over. */
export function rerunRun(_draft: Draft, command: CommandOf<"rerunRun">): Decision<"rerunRun"> {
  assert(false, "this command is not built yet", { kind: command.kind });
}
