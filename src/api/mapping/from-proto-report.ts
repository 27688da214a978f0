import type { ActionError as ActionErrorMessage } from "../../../gen/signalbox/v1/action_pb.ts";
import type { Published as PublishedMessage } from "../../../gen/signalbox/v1/event_pb.ts";
import type {
  AttemptReference as AttemptReferenceMessage,
  AttemptReport as AttemptReportMessage,
} from "../../../gen/signalbox/v1/worker_service_pb.ts";
import type { ActionError } from "../../core/action.ts";
import type { Published } from "../../core/event.ts";
import { runKey } from "../../core/name.ts";
import type { AttemptReference, AttemptReport, ReportContent } from "../../core/stated.ts";
import { logLevels } from "./enums.ts";
import type { Faults } from "./faults.ts";
import { fromJson, fromValues } from "./from-proto-value.ts";

/** An attempt of a run, in the session's own namespace unless it says another. */
export function fromAttemptReference(
  message: AttemptReferenceMessage,
  sessionNamespace: string,
  faults: Faults,
): AttemptReference {
  const { runId, action, attempt, epoch } = message;
  const namespace = message.namespace === "" ? sessionNamespace : message.namespace;
  return { run: runKey(namespace, runId), action, attempt, epoch: fromCount("epoch", epoch, faults) };
}

/** One report of an attempt. */
export function fromAttemptReport(
  message: AttemptReportMessage,
  namespace: string,
  faults: Faults,
): AttemptReport {
  return {
    attempt: fromRequiredReference(message.attempt, namespace, faults),
    sequence: fromCount("sequence", message.sequence, faults),
    content: fromContent(message.content, faults),
  };
}

/** The attempt of a frame that must name one. */
export function fromRequiredReference(
  message: AttemptReferenceMessage | undefined,
  namespace: string,
  faults: Faults,
): AttemptReference {
  return faults.within("attempt", () => {
    if (message !== undefined) return fromAttemptReference(message, namespace, faults);
    faults.add("must be set");
    return { run: runKey(namespace, ""), action: "", attempt: 0, epoch: 0 };
  });
}

function fromContent(content: AttemptReportMessage["content"], faults: Faults): ReportContent {
  switch (content.case) {
    case "progress":
      return { kind: "progress", percent: content.value.percent, message: content.value.message };
    case "log":
      return {
        kind: "log",
        level: logLevels.word(content.value.level) ?? "info",
        message: content.value.message,
      };
    case "event":
      return { kind: "event", published: faults.within("event", () => fromPublished(content.value, faults)) };
    case "heartbeat":
      return { kind: "heartbeat" };
    case "succeeded":
      return {
        kind: "succeeded",
        outputs: faults.within("succeeded", () => fromValues("outputs", content.value.outputs, faults)),
      };
    case "failed":
      return { kind: "failed", error: fromActionError(content.value) };
    case "stopped":
      return { kind: "stopped", message: content.value.message };
    case "traceEnded": {
      const { name, outputs, error } = content.value;
      return {
        kind: "trace_ended",
        name,
        outputs: faults.within("trace_ended", () => fromValues("outputs", outputs, faults)),
        error: error === undefined ? undefined : fromActionError(error),
      };
    }
    case undefined:
      faults.add("must have a content");
      return { kind: "heartbeat" };
  }
}

function fromActionError({ type, message, stack, nonRetryable }: ActionErrorMessage): ActionError {
  return { type, message, stack, nonRetryable };
}

/** Something that a service or a worker publishes. */
export function fromPublished(message: PublishedMessage, faults: Faults): Published {
  const { source, type, attributes, payload } = message;
  return {
    source,
    type,
    attributes,
    payload: payload === undefined ? undefined : faults.within("payload", () => fromJson(payload, faults)),
  };
}

/** A number that only grows by one at a time: one that is not exact was never given out. */
function fromCount(field: string, count: bigint, faults: Faults): number {
  if (count > BigInt(Number.MAX_SAFE_INTEGER)) {
    faults.within(field, () => faults.add(`must be at most ${Number.MAX_SAFE_INTEGER}, it is ${count}`));
  }
  return Number(count);
}
