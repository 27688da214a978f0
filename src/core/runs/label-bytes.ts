import { labelBytesOverActionsMax, liveActionsPerRunMax } from "../../limits.ts";
import type { Refusal } from "../refusal.ts";
import type { Labels, Run } from "../run.ts";
import { textSizeBytes } from "../value.ts";

/**
 * Why a run may not have these labels and this delivery, which each of its events repeats, with so many
 * actions; undefined if it may.
 */
export function labelBytesRefusal({
  labels,
  delivery,
  actionCount,
}: Pick<Run, "labels" | "delivery" | "actionCount">): Refusal | undefined {
  const delivered =
    delivery === undefined ? 0 : textSizeBytes(delivery.topic) + labelBytes(delivery.attributes);
  // No transaction tells of more actions than can be live at once.
  const told = Math.min(actionCount, liveActionsPerRunMax);
  if ((labelBytes(labels) + delivered) * told <= labelBytesOverActionsMax) return undefined;
  return { reason: "LIMIT_REACHED", limit: "labelBytesOverActionsMax", maximum: labelBytesOverActionsMax };
}

function labelBytes(labels: Labels): number {
  let total = 0;
  for (const [name, value] of Object.entries(labels)) total += textSizeBytes(name) + textSizeBytes(value);
  return total;
}
