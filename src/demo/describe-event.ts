import type { Event } from "../client/client.ts";

/** One line for what happened, or undefined for what a person need not see. */
export function describeEvent(event: Event): string | undefined {
  const told = tell(event);
  if (told === undefined) return undefined;
  const time = event.createTime?.toISOString().slice(11, 19) ?? "";
  return `${time}  ${(event.action || "run").padEnd(12)} ${told}`;
}

function tell(event: Event): string | undefined {
  switch (event.kind) {
    case "RUN_CREATED":
      return `created with ${event.detail.actionCount} actions`;
    case "RUN_ENDED":
      return `ended: ${event.detail.state}${because(event.detail.error)}`;
    case "ACTION_STARTED":
      return event.attempt > 1 ? `running on ${event.detail.workerId}, attempt ${event.attempt}` : "running";
    case "ACTION_PROGRESSED":
      return `${Math.floor(event.detail.percent)} %`;
    case "ATTEMPT_FAILED":
      return `attempt ${event.attempt} failed${because(event.detail.error)}; another follows`;
    case "ACTION_RETURNED":
      return `back in the queue: ${event.detail.cause}`;
    case "ACTION_ENDED":
      return tellEnd(event.detail);
    case "CONDITION_PAUSED":
      return `waits for an answer: ${event.detail.prompt}`;
    case "CONDITION_ANSWERED":
      return `answered ${JSON.stringify(event.detail.value)}${event.detail.signalledBy && ` by ${event.detail.signalledBy}`}`;
    default:
      return undefined;
  }
}

function tellEnd({ state, outputs, error }: Extract<Event, { kind: "ACTION_ENDED" }>["detail"]): string {
  const { path, lines, bytes } = outputs;
  const measured =
    typeof path === "string" ? `  ${path}: ${Number(lines)} lines, ${Number(bytes)} bytes` : "";
  return `${state}${measured}${because(error)}`;
}

function because(error: { readonly message: string } | undefined): string {
  return error === undefined ? "" : ` (${error.message})`;
}
