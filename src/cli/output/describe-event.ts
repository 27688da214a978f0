import type { ActionError, Event, EventDetails } from "../../client/client.ts";
import { describeConditionEvent } from "./describe-condition-event.ts";
import { type EventWords, say } from "./event-words.ts";
import { printTime } from "./print-time.ts";
import { ordinal, printValue, printValues } from "./print-value.ts";
import { emphasisOf } from "./state-cell.ts";

/** Describes an event in a word and a few more. */
export function describeEvent(event: Event): EventWords {
  const word = event.kind.toLowerCase().replaceAll("_", " ");
  switch (event.kind) {
    case "RUN_CREATED":
      return say(word, undefined, describeCreation(event.detail));
    case "RUN_UPDATED":
      return say(word, undefined, `priority ${event.detail.priority} ${printValues(event.detail.labels)}`);
    case "RUN_RETRIED":
      return say(word, "busy", `for the ${ordinal(event.detail.retryCount)} time`);
    case "RUN_STARTED":
    case "UNSPECIFIED":
      return say(word, "busy");
    case "RUN_CANCEL_REQUESTED":
      return say(word, "waiting", event.detail.cause);
    case "RUN_ENDED":
      return describeEnd(event.detail, "run ");
    case "PUBLISHED": {
      const { source, type, attributes, payload } = event.detail;
      const rest = payload === null ? "" : ` ${printValue(payload)}`;
      return say(word, undefined, `${type} by ${source} ${printValues(attributes)}${rest}`);
    }
    case "CONDITION_PAUSED":
    case "CONDITION_ANSWERED":
    case "SIGNAL_KEPT":
    case "SIGNAL_DROPPED":
    case "ANSWER_GIVEN":
    case "CONDITION_CHANGED":
    case "CONDITION_ESCALATED":
    case "WEBHOOK_POSTED":
    case "LINK_REFUSED":
      return describeConditionEvent(event, word);
    case "OP_REGISTERED":
    case "OP_DELETED":
    case "LIMIT_SET":
    case "LIMIT_DELETED":
    case "SUBSCRIPTION_CREATED":
    case "SUBSCRIPTION_DELETED":
    case "EVENT_DEAD_LETTERED":
    case "WORKER_ATTACHED":
    case "WORKER_DRAINING":
    case "WORKER_LEFT":
      return describeServiceEvent(event, word);
    default:
      return describeActionEvent(event, word.replace(/^action /, ""));
  }
}

type ServiceKind =
  | "OP_REGISTERED"
  | "OP_DELETED"
  | "LIMIT_SET"
  | "LIMIT_DELETED"
  | "SUBSCRIPTION_CREATED"
  | "SUBSCRIPTION_DELETED"
  | "EVENT_DEAD_LETTERED"
  | "WORKER_ATTACHED"
  | "WORKER_DRAINING"
  | "WORKER_LEFT";

function describeServiceEvent(event: Extract<Event, { kind: ServiceKind }>, word: string): EventWords {
  switch (event.kind) {
    case "OP_REGISTERED":
      return say(word, undefined, `${event.detail.op} version ${event.detail.version}`);
    case "OP_DELETED": {
      const { op, version } = event.detail;
      return say(word, "quiet", version === 0 ? op : `${op} version ${version}`);
    }
    case "LIMIT_SET": {
      const { limit, concurrentMax } = event.detail;
      return say(word, undefined, concurrentMax === 0 ? limit : `${limit}: ${concurrentMax} at once`);
    }
    case "LIMIT_DELETED":
      return say(word, "quiet", event.detail.limit);
    case "SUBSCRIPTION_CREATED":
    case "SUBSCRIPTION_DELETED":
      return say(word, undefined, event.detail.subscription);
    case "EVENT_DEAD_LETTERED": {
      const { subscription, eventId, cause } = event.detail;
      return say(word, "bad", `${eventId} for ${subscription}: ${cause}`);
    }
    case "WORKER_ATTACHED":
      return say(word, "good", `${event.detail.workerId} for ${event.detail.ops.join(", ")}`);
    case "WORKER_DRAINING":
      return say(word, "waiting", event.detail.workerId);
    case "WORKER_LEFT":
      return say(word, "quiet", `${event.detail.workerId}: ${event.detail.cause}`);
  }
}

function describeEnd(
  { state, error, outputs }: EventDetails["ACTION_ENDED" | "RUN_ENDED"],
  of = "",
): EventWords {
  return say(`${of}${state.toLowerCase()}`, emphasisOf(state), printError(error) || printValues(outputs));
}

type ActionKind =
  | "ACTION_CREATED"
  | "ACTION_QUEUED"
  | "ACTION_ASSIGNED"
  | "ACTION_STARTED"
  | "ACTION_PROGRESSED"
  | "ACTION_LOGGED"
  | "ATTEMPT_FAILED"
  | "ACTION_RETURNED"
  | "ACTION_CANCEL_REQUESTED"
  | "ACTION_ENDED"
  | "ACTION_REOPENED";

function describeActionEvent(event: Extract<Event, { kind: ActionKind }>, word: string): EventWords {
  switch (event.kind) {
    case "ACTION_CREATED": {
      const { kind, op, state } = event.detail;
      return say(word, "quiet", `${[kind.toLowerCase(), op].join(" ").trim()}, ${state.toLowerCase()}`);
    }
    case "ACTION_QUEUED":
      return say(word, "quiet");
    case "ACTION_ASSIGNED":
    case "ACTION_STARTED":
      return say(word, "busy", `attempt ${event.attempt} on ${event.detail.workerId}`);
    case "ACTION_PROGRESSED":
      return say(`${Math.floor(event.detail.percent)} %`, "busy", event.detail.message);
    case "ACTION_LOGGED": {
      const { level, message } = event.detail;
      const emphasis = level === "ERROR" ? "bad" : level === "WARN" ? "waiting" : undefined;
      return say(level === "UNSPECIFIED" ? "info" : level.toLowerCase(), emphasis, message);
    }
    case "ATTEMPT_FAILED": {
      const { error, state, retryTime } = event.detail;
      const again = retryTime === undefined ? "" : `; again at ${printTime(retryTime)}`;
      return say(`attempt ${event.attempt} ${state.toLowerCase()}`, "bad", `${printError(error)}${again}`);
    }
    case "ACTION_RETURNED":
    case "ACTION_CANCEL_REQUESTED":
      return say(word, "waiting", event.detail.cause);
    case "ACTION_ENDED":
      return describeEnd(event.detail);
    case "ACTION_REOPENED":
      return say(word, "busy", event.detail.state.toLowerCase());
  }
}

function describeCreation({ actionCount, priority }: EventDetails["RUN_CREATED"]): string {
  return `${actionCount === 1 ? "1 action" : `${actionCount} actions`}, priority ${priority}`;
}

/** An error in one line: its type and message. */
export function printError(error: ActionError | undefined): string {
  if (error === undefined) {
    return "";
  }
  return error.message === "" ? error.type : `${error.type}: ${error.message}`;
}
