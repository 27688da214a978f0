import type { Decision } from "../change.ts";
import type { CommandOf } from "../command.ts";
import type { Draft } from "../draft.ts";
import { linkRefusalsMax } from "./condition-limits.ts";
import { withStanding } from "./fire-condition.ts";
import { standingOf } from "./standing.ts";

/** Tells the feed of a link that was used in vain, a bounded number of times for each condition. */
export function noteLinkRefusal(
  draft: Draft,
  { run, action, cause, origin }: CommandOf<"noteLinkRefusal">,
): Decision<"noteLinkRefusal"> {
  const condition = draft.action(run, action);
  const linkRefusalCount = condition?.spec.kind === "condition" ? standingOf(condition).linkRefusalCount : 0;
  if (condition?.spec.kind !== "condition" || linkRefusalCount >= linkRefusalsMax) {
    return draft.accept<"noteLinkRefusal">({ wasNoted: false });
  }
  withStanding(draft, condition, { linkRefusalCount: linkRefusalCount + 1 });
  draft.emit(draft.runOf(condition), condition, { kind: "link_refused", cause, origin });
  return draft.accept<"noteLinkRefusal">({ wasNoted: true });
}
