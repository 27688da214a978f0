import { assert } from "../assert.ts";
import type { Decision } from "../change.ts";
import type { CommandOf } from "../command.ts";
import type { Draft } from "../draft.ts";

export function createSubscription(_draft: Draft, command: CommandOf<"createSubscription">): Decision<"createSubscription"> {
  assert(false, "a command that the rules know", { kind: command.kind });
}

export function deleteSubscription(_draft: Draft, command: CommandOf<"deleteSubscription">): Decision<"deleteSubscription"> {
  assert(false, "a command that the rules know", { kind: command.kind });
}

export function moveSubscription(_draft: Draft, command: CommandOf<"moveSubscription">): Decision<"moveSubscription"> {
  assert(false, "a command that the rules know", { kind: command.kind });
}

export function releaseDeadLetters(_draft: Draft, command: CommandOf<"releaseDeadLetters">): Decision<"releaseDeadLetters"> {
  assert(false, "a command that the rules know", { kind: command.kind });
}
