import { type ConditionMessage, messageJson } from "../../client/message-json.ts";
import { toCondition } from "../../client/views/condition.ts";
import { listPages } from "../../client/wire/pages.ts";
import type { Command } from "../command.ts";
import { limitOption, writeList } from "../output/list-output.ts";
import { printAge, printDuration } from "../output/print-duration.ts";
import { printValue } from "../output/print-value.ts";
import type { Cell } from "../output/table.ts";

/** `conditions`: lists the decisions that runs wait for. */
export const conditionsCommand: Command = {
  name: "conditions",
  arguments: [],
  sentence: "lists the conditions that wait for an answer, the longest waiting first",
  options: {
    all: { sentence: "the ended ones too" },
    run: { value: "RUN", sentence: "only of this run" },
    label: { value: "K=V", multiple: true, sentence: "only of runs with this label" },
    limit: limitOption,
  },
  async run({ given, screen, calls, signal }) {
    const includeEnded = given.flag("all");
    const runId = given.text("run") ?? "";
    const filter = { namespace: calls.namespace, runId, labels: given.pairs("label"), includeEnded };
    const list = listPages(async ({ size, token }) => {
      const request = { filter, pageSize: size, pageToken: token };
      const { conditions, nextPageToken } = await calls.raw.conditions.listConditions(request, { signal });
      return { items: conditions, nextPageToken, last: nextPageToken === "" };
    });
    const headings = [
      "RUN",
      "CONDITION",
      "TYPE",
      "WAITING>",
      "LEFT>",
      ...(includeEnded ? ["ANSWER"] : []),
      "QUESTION",
    ];
    await writeList({
      screen,
      given,
      list,
      toJson: messageJson.condition,
      headings: calls.namespace === "-" ? ["NAMESPACE", ...headings] : headings,
      toRow: (message) => {
        const row = toRow(message, includeEnded);
        return calls.namespace === "-" ? [message.namespace, ...row] : row;
      },
      nothing: includeEnded ? "no conditions" : "no condition waits for an answer",
    });
  },
};

function toRow(message: ConditionMessage, includeEnded: boolean): Cell[] {
  const now = new Date();
  const condition = toCondition(message);
  const {
    runId,
    name,
    type = "",
    pauseTime,
    deadlineTime,
    endTime,
    outcome,
    answer,
    signalledBy,
    prompt,
  } = condition;
  const ended =
    answer === undefined
      ? outcome.toLowerCase()
      : `${printValue(answer)}${signalledBy && ` by ${signalledBy}`}`;
  const answered = endTime === undefined ? "" : ended;
  const left = endTime === undefined && deadlineTime !== undefined;
  return [
    runId,
    name,
    type,
    endTime === undefined ? printAge(pauseTime, now) : "",
    left ? printDuration(deadlineTime.getTime() - now.getTime()) : "",
    ...(includeEnded ? [answered] : []),
    prompt,
  ];
}
