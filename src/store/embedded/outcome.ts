import { Bug } from "../../core/assert.ts";
import type { Answers, CommandKind } from "../../core/command.ts";
import type { Position } from "../../core/event.ts";
import type { Outcome } from "../store.ts";
import type { BugReport, Reply } from "./messages.ts";

/** The outcome that a reply of the thread says; throws the bug that it says instead. */
export function outcomeOf<K extends CommandKind>(reply: Reply): Outcome<K> {
  if ("bug" in reply) throw bugOf(reply.bug);
  if ("refusal" in reply) return { ok: false, refusal: reply.refusal };
  return {
    ok: true,
    answer: reply.answer as Answers[K],
    effects: reply.effects,
    position: reply.position === undefined ? undefined : (BigInt(reply.position) as Position),
  };
}

/** The error as the rules threw it, on this side of the thread's border. */
function bugOf({ name, message, stack, facts }: BugReport): Error {
  const error = name === "Bug" ? new Bug("", facts) : new Error();
  return Object.assign(error, { name, message, stack });
}
