import { labelBytesOverActionsMax } from "../../limits.ts";
import type { Refusal } from "../refusal.ts";
import type { Labels, Run } from "../run.ts";
import { textSizeBytes } from "../value.ts";

/** Why a run may not have these labels with so many actions, or undefined if it may. */
export function labelBytesRefusal({
  labels,
  actionCount,
}: Pick<Run, "labels" | "actionCount">): Refusal | undefined {
  if (labelBytes(labels) * actionCount <= labelBytesOverActionsMax) return undefined;
  return { reason: "LIMIT_REACHED", limit: "labelBytesOverActionsMax", maximum: labelBytesOverActionsMax };
}

function labelBytes(labels: Labels): number {
  let total = 0;
  for (const [name, value] of Object.entries(labels)) total += textSizeBytes(name) + textSizeBytes(value);
  return total;
}
