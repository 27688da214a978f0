import type { Condition, Event } from "../../client/client.ts";
import type { EventDetails } from "../../client/views/event-details.ts";
import { type EventWords, say } from "./event-words.ts";
import { printTime } from "./print-time.ts";
import { printValue } from "./print-value.ts";

type Kind =
  | "CONDITION_PAUSED"
  | "CONDITION_ANSWERED"
  | "SIGNAL_KEPT"
  | "SIGNAL_DROPPED"
  | "ANSWER_GIVEN"
  | "CONDITION_CHANGED"
  | "CONDITION_ESCALATED"
  | "WEBHOOK_POSTED"
  | "LINK_REFUSED";

/** What happened to a condition, in words. */
export function describeConditionEvent(event: Extract<Event, { kind: Kind }>, word: string): EventWords {
  switch (event.kind) {
    case "CONDITION_PAUSED":
      return say("paused", "waiting", askFor(event.detail));
    case "CONDITION_ANSWERED": {
      const { value, signalledBy, defaulted, answer } = event.detail;
      const who = answer === undefined ? signalledBy : printVoter(answer);
      const by = defaulted ? " by default" : who === "" ? "" : ` by ${who}`;
      return say("answered", "good", `${printValue(value)}${by}${quoted(answer?.comment)}`);
    }
    case "ANSWER_GIVEN": {
      const { answer, answerCount, requiredCount } = event.detail;
      const told = answer === undefined ? "" : printAnswer(answer);
      return say(
        "answer given",
        "waiting",
        `${told}; ${answerCount} so far, ${requiredCount} equal ones decide`,
      );
    }
    case "SIGNAL_KEPT": {
      const { value, correlationKey } = event.detail;
      const key = correlationKey === "" ? "" : ` for the key ${correlationKey}`;
      return say(word, "waiting", `${printValue(value)} by ${printVoter(event.detail)}${key}`);
    }
    case "SIGNAL_DROPPED":
      return say(word, "waiting", event.detail.cause);
    case "CONDITION_CHANGED":
      return describeChange(event.detail);
    case "CONDITION_ESCALATED": {
      const { step, notify, assignee } = event.detail;
      const told = notify.length === 0 ? "" : `tells ${notify.join(", ")}`;
      const on = assignee === "" ? "" : `on ${assignee}`;
      return say(`escalated, step ${step}`, "waiting", [told, on].filter((part) => part !== "").join("; "));
    }
    case "WEBHOOK_POSTED": {
      const { about, cause } = event.detail;
      return cause === "" ? say("posted", "quiet", about) : say("not posted", "bad", `${about}: ${cause}`);
    }
    case "LINK_REFUSED":
      return say("link refused", "bad", `${event.detail.cause} from ${event.detail.origin}`);
  }
}

function describeChange(detail: EventDetails["CONDITION_CHANGED"]): EventWords {
  const { change, subject, assignee, snoozeEndTime, deadlineTime } = detail;
  const by = subject === "" ? "" : ` by ${subject}`;
  switch (change) {
    case "DELEGATED":
      return say("handed on", "waiting", `to ${assignee}${by}`);
    case "SNOOZED":
      return say("snoozed", "quiet", `until ${printTime(snoozeEndTime)}${by}`);
    case "EXTENDED": {
      const until = deadlineTime === undefined ? "without end" : `until ${printTime(deadlineTime)}`;
      return say("extended", "waiting", `${until}${by}`);
    }
    default:
      return say(change.toLowerCase(), "quiet", by.trim());
  }
}

/** An answer with who gave it and why. */
export function printAnswer(answer: Condition["answers"][number]): string {
  const who = printVoter(answer);
  return `${printValue(answer.value)}${who && ` by ${who}`}${quoted(answer.comment)}`;
}

/** Whom the server knows, and what they call themselves if that is another name. */
export function printVoter({
  subject,
  signalledBy,
}: {
  readonly subject: string;
  readonly signalledBy: string;
}): string {
  if (subject === "" || subject === "anonymous") return signalledBy || subject;
  return signalledBy === "" || signalledBy === subject ? subject : `${subject} as ${signalledBy}`;
}

function quoted(comment = ""): string {
  return comment === "" ? "" : ` (${comment})`;
}

/** What a condition asks for, and of whom. */
export function askFor({
  type = "json",
  prompt,
  assignee,
}: Pick<EventDetails["CONDITION_PAUSED"], "type" | "prompt" | "assignee">): string {
  const of = assignee === "" ? "" : ` of ${assignee}`;
  const asked = `asks${of} for ${type === "json" ? "JSON" : `${type === "int" ? "an" : "a"} ${type}`}`;
  return prompt === "" ? asked : `${asked}: ${prompt}`;
}
