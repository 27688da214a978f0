import type { Action } from "../../src/core/action.ts";
import type { CommandOf } from "../../src/core/command.ts";
import { standingOf } from "../../src/core/conditions/standing.ts";
import { by, noRequest } from "./builders.ts";
import { type Done, theRun, type World } from "./world.ts";

type Change = CommandOf<"changeCondition">["change"];

/** Somebody does something to a condition of the run `r`, short of answering it. */
export function change(world: World, who: string, action: string, wanted: Change): Done<"changeCondition"> {
  return world.do<"changeCondition">({
    kind: "changeCondition",
    request: noRequest,
    run: theRun,
    action,
    by: by(who),
    change: wanted,
  });
}

/** What a script says of a change, as it is asked for: `claims`, `claims by force`, `snoozes until 5s`. */
export function changeOf(verb: string, to: string, force: boolean): Change {
  const timeMs = to === "never" ? undefined : Number(to.replace("s", "")) * 1000;
  switch (verb) {
    case "claims":
      return { kind: "claim", force };
    case "releases":
      return { kind: "release", force };
    case "delegates":
      return { kind: "delegate", to };
    case "snoozes":
      return { kind: "snooze", endMs: timeMs };
    default:
      return { kind: "extend", deadlineMs: timeMs };
  }
}

/** The facts of a condition that a script may ask for beside those of every action. */
export function factsOf(condition: Action): Readonly<Record<string, unknown>> {
  if (condition.spec.kind !== "condition") return {};
  const { assignee, answers, instance, escalationCount, snoozeEndMs } = standingOf(condition);
  return {
    outcome: condition.outcome,
    by: condition.signalledBy,
    assignee: assignee === "" ? "nobody" : assignee,
    answers: answers.length,
    instance,
    steps: escalationCount,
    snoozed: snoozeEndMs === undefined ? "no" : `${snoozeEndMs / 1000}s`,
  };
}
