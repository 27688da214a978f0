import { type ConditionMessage, messageJson } from "../../client/message-json.ts";
import { type ConditionQuery, conditionOrders, toConditionFilter } from "../../client/parts/conditions.ts";
import { toCondition } from "../../client/views/condition.ts";
import { listPages } from "../../client/wire/pages.ts";
import { withoutUndefined } from "../../client/without-undefined.ts";
import type { Command } from "../command.ts";
import type { CommandArguments } from "../input/command-arguments.ts";
import { printVoter } from "../output/describe-condition-event.ts";
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
    mine: { sentence: "only those that you may answer and have not" },
    assignee: { value: "SUBJECT", sentence: "only those that SUBJECT is on" },
    "due-within": { value: "DURATION", sentence: "only those whose time runs out within that time" },
    op: { value: "OP", sentence: "only of tasks of this op" },
    key: { value: "KEY", sentence: "only with this correlation key" },
    due: { sentence: "whose time runs out first" },
    snoozed: { sentence: "those that are snoozed too" },
    run: { value: "RUN", sentence: "only of this run" },
    label: { value: "K=V", multiple: true, sentence: "only of runs with this label" },
    limit: limitOption,
  },
  examples: ["signalbox conditions --mine --due", "signalbox conditions --label team=ml --due-within 4h"],
  async run({ given, screen, calls, signal }) {
    const includeEnded = given.flag("all");
    const filter = { ...toConditionFilter(readQuery(given), calls.namespace), includeEnded };
    const order = conditionOrders[given.flag("due") ? "DUE" : "AGE"];
    const list = listPages(async ({ size, token }) => {
      const request = { filter, order, pageSize: size, pageToken: token };
      const { conditions, nextPageToken } = await calls.raw.conditions.listConditions(request, { signal });
      return { items: conditions, nextPageToken, last: nextPageToken === "" };
    });
    const headings = [
      "RUN",
      "CONDITION",
      "TYPE",
      "WAITING>",
      "LEFT>",
      "ON",
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

function readQuery(given: CommandArguments): ConditionQuery {
  const withinMs = given.durationMs("due-within");
  return withoutUndefined({
    runId: given.text("run"),
    labels: given.pairs("label"),
    assignee: given.text("assignee"),
    dueBefore: withinMs === undefined ? undefined : new Date(Date.now() + withinMs),
    op: given.text("op"),
    correlationKey: given.text("key"),
    answerable: given.flag("mine"),
    includeSnoozed: given.flag("snoozed"),
  });
}

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
    prompt,
    assignee,
    answers,
    terms,
  } = condition;
  const required = terms.answerRule?.requiredCount ?? 1;
  const last = answers.at(-1);
  const by = last === undefined ? condition.signalledBy : printVoter(last);
  const ended = answer === undefined ? outcome.toLowerCase() : `${printValue(answer)}${by && ` by ${by}`}`;
  const answered = endTime === undefined ? "" : ended;
  const left = endTime === undefined && deadlineTime !== undefined;
  return [
    runId,
    name,
    type,
    endTime === undefined ? printAge(pauseTime, now) : "",
    left ? printDuration(deadlineTime.getTime() - now.getTime()) : "",
    [assignee, required === 1 ? "" : `${answers.length} of ${required}`].join(" ").trim(),
    ...(includeEnded ? [answered] : []),
    prompt,
  ];
}
