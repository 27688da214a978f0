import type { Answers } from "../../core/answer.ts";
import { Bug } from "../../core/assert.ts";
import type { CommandKind } from "../../core/command.ts";
import type { Position } from "../../core/event.ts";
import type { Refusal } from "../../core/refusal.ts";
import type { Outcome } from "../store.ts";
import type { BugReport, Reply } from "./messages.ts";

/** The outcome that a reply of the thread says; throws the bug that it says instead. */
export function outcomeOf<K extends CommandKind>(kind: CommandKind, reply: Reply): Outcome<K> {
  if ("bug" in reply) throw bugOf(reply.bug);
  if ("refusal" in reply) return { ok: false, refusal: reply.refusal };
  return {
    ok: true,
    answer: (kind === "report" ? reportAnswerOf(reply.answer) : reply.answer) as Answers[K],
    effects: reply.effects,
    position: reply.position === undefined ? undefined : (BigInt(reply.position) as Position),
  };
}

/** JSON has no undefined in lists, where reports that were recorded have it. */
function reportAnswerOf(answer: unknown): Answers["report"] {
  const { refusals } = answer as { readonly refusals: readonly (Refusal | null)[] };
  return { refusals: refusals.map((refusal) => refusal ?? undefined) };
}

/** The error as the rules threw it, on this side of the thread's border. */
function bugOf({ name, message, stack, facts }: BugReport): Error {
  const error = name === "Bug" ? new Bug("", facts) : new Error();
  return Object.assign(error, { name, message, stack });
}
