import type { Event } from "../../core/event.ts";
import { sizeBytes, valuesSizeBytes } from "../../core/value.ts";

/** What everything of an event but its large parts takes, labels included. */
const commonBytes = 1_024;

/** About how many bytes an event takes in memory. */
export function eventSizeBytes({ detail }: Event): number {
  switch (detail.kind) {
    case "run_ended":
    case "action_ended":
      return (
        commonBytes +
        (detail.outputs === undefined ? 0 : valuesSizeBytes(detail.outputs)) +
        textOf(detail.error)
      );
    case "attempt_failed":
      return commonBytes + textOf(detail.error);
    case "condition_answered":
    case "signal_kept":
      return commonBytes + sizeBytes(detail.value);
    case "condition_paused":
      return commonBytes + detail.prompt.length;
    case "action_logged":
      return commonBytes + detail.message.length;
    case "published":
      return commonBytes + (detail.payload === undefined ? 0 : JSON.stringify(detail.payload).length);
    default:
      return commonBytes;
  }
}

function textOf(error: { readonly message: string; readonly stack: string } | undefined): number {
  return error === undefined ? 0 : error.message.length + error.stack.length;
}
