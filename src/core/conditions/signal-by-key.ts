import { assert } from "../assert.ts";
import type { Decision } from "../change.ts";
import type { CommandOf } from "../command.ts";
import type { Draft } from "../draft.ts";

/** A signal for the open condition that has a correlation key, or for the next one. */
export function signalByKey(_draft: Draft, command: CommandOf<"signalByKey">): Decision<"signalByKey"> {
  assert(false, "this command is not built yet", { kind: command.kind });
}
