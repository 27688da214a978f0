import type { ReportContent } from "../../core/stated.ts";
import { textSizeBytes, valuesSizeBytes } from "../../core/value.ts";

/** About how many bytes a report brings into the feed. */
export function reportSizeBytes(content: ReportContent): number {
  switch (content.kind) {
    case "succeeded":
    case "trace_ended":
      return valuesSizeBytes(content.outputs);
    case "failed":
      return textSizeBytes(content.error.message) + textSizeBytes(content.error.stack);
    case "event":
      return textSizeBytes(JSON.stringify(content.published));
    default:
      return "message" in content ? textSizeBytes(content.message) : 0;
  }
}
