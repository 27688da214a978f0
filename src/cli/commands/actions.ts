import type { Action, Attempt, ExplainCause, Explanation } from "../../client/client.ts";
import { messageJson } from "../../client/message-json.ts";
import { isOutput } from "../../client/spec/plan.ts";
import { toAction, toAttempt } from "../../client/views/action.ts";
import { toExplanation } from "../../client/views/explanation.ts";
import { toTimelineEntry } from "../../client/views/timeline.ts";
import { required } from "../../client/wire/calls.ts";
import { listPages } from "../../client/wire/pages.ts";
import type { Command } from "../command.ts";
import { conditionFacts } from "../output/condition-facts.ts";
import { askFor } from "../output/describe-condition-event.ts";
import { printError } from "../output/describe-event.ts";
import { limitOption, writeList } from "../output/list-output.ts";
import { printAge, printDuration } from "../output/print-duration.ts";
import { printTime } from "../output/print-time.ts";
import { printValue, printValues } from "../output/print-value.ts";
import type { Screen } from "../output/screen.ts";
import { stateCell } from "../output/state-cell.ts";
import { beginTable, type Cell, writeFacts } from "../output/table.ts";

/** `actions`: lists the actions of a run. */
export const actionsCommand: Command = {
  name: "actions",
  arguments: ["RUN"],
  sentence: "lists the actions of a run, by name",
  options: { limit: limitOption },
  async run({ given, screen, calls, signal }) {
    const list = listPages(async ({ size, token }) => {
      const request = {
        namespace: calls.namespace,
        runId: given.argument(0),
        pageSize: size,
        pageToken: token,
      };
      const { actions, nextPageToken } = await calls.raw.runs.listActions(request, { signal });
      return { items: actions, nextPageToken, last: nextPageToken === "" };
    });
    await writeList({
      screen,
      given,
      list,
      toJson: messageJson.action,
      headings: ["ACTION", "KIND", "STATE", "ATTEMPT>", "WORKER", "AGE>", "TOOK>", "DETAIL"],
      toRow: (message) => toRow(toAction(message)),
      nothing: "no actions",
    });
  },
};

/** `action`: tells everything about one action. */
export const actionCommand: Command = {
  name: "action",
  arguments: ["RUN", "NAME"],
  sentence: "tells all about an action: where it stands, what it takes and puts out, its attempts",
  notes: ["With --json it is one object: {action, attempts, explanation}."],
  options: {},
  async run({ given, screen, calls, signal }) {
    const which = { namespace: calls.namespace, runId: given.argument(0), name: given.argument(1) };
    const { action } = await calls.raw.runs.getAction(which, { signal });
    const [{ attempts }, explanation] = await Promise.all([
      calls.raw.runs.listAttempts(which, { signal }),
      calls.raw.runs.explainAction(which, { signal }),
    ]);
    if (screen.json) {
      const told = attempts.map(messageJson.attempt).join(",");
      const parts = [
        `"action":${messageJson.action(required(action))}`,
        `"attempts":[${told}]`,
        `"explanation":${messageJson.explanation(explanation)}`,
      ];
      screen.line(`{${parts.join(",")}}`);
      return;
    }
    writeAction(screen, toAction(required(action)), toExplanation(explanation));
    writeAttempts(screen, attempts.map(toAttempt));
  },
};

/** `timeline`: tells what happened to an attempt. */
export const timelineCommand: Command = {
  name: "timeline",
  arguments: ["RUN", "[NAME]"],
  sentence: "tells what happened to an attempt of an action, the only task of a run unless named",
  options: {
    attempt: { value: "N", sentence: "which attempt (the current or last one)" },
    limit: limitOption,
  },
  async run({ given, screen, calls, signal }) {
    const which = {
      namespace: calls.namespace,
      runId: given.argument(0),
      name: given.argumentIfGiven(1) ?? "main",
      attempt: given.integer("attempt", { min: 1, max: 2 ** 31 - 1 }) ?? 0,
    };
    const list = listPages(async ({ size, token }) => {
      const request = { ...which, pageSize: size, pageToken: token };
      const { entries, nextPageToken } = await calls.raw.runs.listTimeline(request, { signal });
      return { items: entries, nextPageToken, last: nextPageToken === "" };
    });
    await writeList({
      screen,
      given,
      list,
      toJson: messageJson.timelineEntry,
      headings: ["#>", "TIME", "WHAT", "STATE", "MESSAGE"],
      toRow: (message) => {
        const { index, createTime, type, state, message: text } = toTimelineEntry(message);
        const told = typeof text === "number" ? `${text} %` : text;
        return [String(index), printTime(createTime), type.toLowerCase(), stateCell(state), told];
      },
      nothing: "nothing has happened to it yet",
    });
  },
};

/** `explain`: says why an action does not run. */
export const explainCommand: Command = {
  name: "explain",
  arguments: ["RUN", "ACTION"],
  sentence: "says why an action does not run, and what to do",
  options: {},
  async run({ given, screen, calls, signal }) {
    const which = { namespace: calls.namespace, runId: given.argument(0), name: given.argument(1) };
    const explanation = await calls.raw.runs.explainAction(which, { signal });
    if (screen.json) {
      screen.line(messageJson.explanation(explanation));
      return;
    }
    writeExplanation(screen, toExplanation(explanation));
  },
};

const notQueued: readonly ExplainCause[] = ["ENDED", "RUNNING", "WAITS_FOR_SIGNAL"];

function writeExplanation(screen: Screen, explanation: Explanation): void {
  const { cause, message, waitsFor, retryTime, workerCount, queuePosition, unmet } = explanation;
  writeFacts(screen, [
    [cause.toLowerCase().replaceAll("_", " "), message],
    ["waits for", waitsFor.join(", ")],
    ["next attempt", printTime(retryTime)],
    ["workers for its op", notQueued.includes(cause) ? "" : String(workerCount)],
    ["queued before it", queuePosition === 0 ? "" : String(queuePosition)],
    // One alone stands in the message already.
    ...(unmet.length < 2 ? [] : unmet.map((sentence) => ["not met", sentence] as const)),
    ["limit", explanation.limit],
    ["held by", explanation.holders.join(", ")],
    ["next start", printTime(explanation.nextStartTime)],
    ["kept free", explanation.reserved ? "a worker, since it has waited for long" : ""],
  ]);
}

function toRow(action: Action): Cell[] {
  const now = new Date();
  return [
    action.name,
    action.kind.toLowerCase(),
    stateCell(action.state),
    action.attempt === 0 ? "" : String(action.attempt),
    action.workerId,
    printAge(action.createTime, now),
    printTook(action, now),
    describeAction(action),
  ];
}

/** What matters most about an action where it stands. */
function describeAction(action: Action): string {
  const { state, error, condition, outputs, progressPercent, progressMessage, waitingCount, retryTime } =
    action;
  switch (state) {
    case "PAUSED":
      return condition === undefined ? "" : askFor(condition);
    case "RUNNING":
      return progressPercent === 0 && progressMessage === ""
        ? ""
        : `${Math.floor(progressPercent)} % ${progressMessage}`;
    case "PENDING":
      return retryTime === undefined
        ? `waits for ${waitingCount === 1 ? "1 action" : `${waitingCount} actions`}`
        : `next attempt at ${printTime(retryTime)} after ${printError(error)}`;
    case "SUCCEEDED":
    case "RECOVERED":
      return printValues(outputs);
    default:
      return printError(error);
  }
}

function printTook({ startTime, endTime }: Action | Attempt, now: Date): string {
  return startTime === undefined ? "" : printDuration((endTime ?? now).getTime() - startTime.getTime());
}

function writeAction(screen: Screen, action: Action, explanation: Explanation): void {
  const { condition, error } = action;
  const dependencies = action.dependencies.map(({ action: name, requirement, equals }) => {
    const guard = equals === undefined ? "" : ` = ${printValue(equals)}`;
    return `${name}${guard}${requirement === "ENDED" ? " (however it ends)" : ""}`;
  });
  writeFacts(screen, [
    ["action", action.name],
    ["run", action.runId],
    [
      "kind",
      [action.kind.toLowerCase(), action.op, action.opVersion === 0 ? "" : `v${action.opVersion}`].join(" "),
    ],
    ["state", stateCell(action.state)],
    ["why", explanation.cause === "ENDED" || explanation.cause === "RUNNING" ? "" : explanation.message],
    ...conditionFacts(condition),
    ["taken over from", action.recoveredFrom],
    ["worker", action.workerId],
    ["devices", action.deviceIndexes.join(", ")],
    ["resources", printValues({ ...action.resources })],
    ["placement", printPlacement(action)],
    ["image", action.image],
    ["handler", action.handler],
    ["progress", action.state === "RUNNING" ? `${action.progressPercent} % ${action.progressMessage}` : ""],
    ["depends on", dependencies.join(", ")],
    ["labels", printValues(action.labels)],
    ["created", printTime(action.createTime)],
    ["started", printTime(action.startTime)],
    ["ended", printTime(action.endTime)],
    ["error", printError(error)],
    ...Object.entries(action.inputs).map(([name, input]): [string, string] => [
      `input ${name}`,
      isOutput(input) ? `${input.from}.${input.output || "*"}` : printValue(input),
    ]),
    ...Object.entries(action.outputs).map(([name, value]): [string, string] => [
      `output ${name}`,
      printValue(value),
    ]),
  ]);
  for (const line of error === undefined || error.stack === "" ? [] : error.stack.split("\n")) {
    screen.line(`  ${line}`);
  }
}

function printPlacement({ placement }: Action): string {
  const { workerLabels = {}, tolerations = [] } = placement ?? {};
  const borne = tolerations.map(({ key, value }) => `taint ${value ? `${key}=${value}` : key}`);
  return [printValues(workerLabels), ...borne].filter((text) => text !== "").join(", ");
}

function writeAttempts(screen: Screen, attempts: readonly Attempt[]): void {
  if (attempts.length === 0) {
    return;
  }
  const now = new Date();
  screen.line("");
  const table = beginTable(screen, ["ATTEMPT>", "STATE", "WORKER", "STARTED", "TOOK>", "DETAIL"]);
  table.add(
    attempts.map((attempt) => [
      String(attempt.number),
      stateCell(attempt.state),
      attempt.workerId,
      printTime(attempt.startTime),
      printTook(attempt, now),
      printError(attempt.error) || printValues(attempt.outputs),
    ]),
  );
}
