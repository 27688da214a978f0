import { hasRunEnded, type Run } from "../../client/client.ts";
import { messageJson, type RunMessage } from "../../client/message-json.ts";
import { type ConditionReplay, type ReplayOptions, toReplays, toRunFilter } from "../../client/parts/runs.ts";
import { type RunState, runStateNumbers, toRun } from "../../client/views/run.ts";
import { required } from "../../client/wire/calls.ts";
import { listPages } from "../../client/wire/pages.ts";
import type { Command, CommandContext } from "../command.ts";
import type { CommandArguments } from "../input/command-arguments.ts";
import { UsageError } from "../input/usage-error.ts";
import { limitOption, writeList } from "../output/list-output.ts";
import { printAge, printDuration } from "../output/print-duration.ts";
import { printValues } from "../output/print-value.ts";
import type { Screen } from "../output/screen.ts";
import { stateCell } from "../output/state-cell.ts";
import type { Cell } from "../output/table.ts";

const states = (Object.keys(runStateNumbers) as RunState[]).filter((name) => name !== "UNSPECIFIED");

/** `runs`: lists runs. */
export const runsCommand: Command = {
  name: "runs",
  arguments: [],
  sentence: "lists runs, the newest first",
  options: {
    state: {
      value: "STATE",
      multiple: true,
      sentence: `only in this state: ${states.join(", ").toLowerCase()}`,
    },
    label: { value: "K=V", multiple: true, sentence: "only with this label" },
    op: { value: "OP", sentence: "only of one task of this op" },
    image: { value: "IMAGE", sentence: "only of one task with this container image" },
    within: { value: "DURATION", sentence: "only those created within that time, such as 24h" },
    paused: { sentence: "only runs of which a condition waits for its answer" },
    limit: limitOption,
  },
  examples: [
    "signalbox runs --state failed --label team=ml",
    "signalbox runs --paused",
    "signalbox runs -n - --json",
  ],
  async run({ given, screen, calls, signal }) {
    const withinMs = given.durationMs("within");
    const filter = toRunFilter({
      namespace: calls.namespace,
      states: given.choices("state", states),
      labels: given.pairs("label"),
      pausedOnly: given.flag("paused"),
      op: given.text("op") ?? "",
      image: given.text("image") ?? "",
      ...(withinMs !== undefined && { createdFrom: new Date(Date.now() - withinMs) }),
    });
    const list = listPages(async ({ size, token }) => {
      const request = { filter, pageSize: size, pageToken: token };
      const { runs, nextPageToken } = await calls.raw.runs.listRuns(request, { signal });
      return { items: runs, nextPageToken, last: nextPageToken === "" };
    });
    const isEverywhere = calls.namespace === "-";
    const headings = ["RUN", "STATE", "ACTIONS>", "PAUSED>", "AGE>", "TOOK>", "LABELS"];
    await writeList({
      screen,
      given,
      list,
      toJson: messageJson.run,
      headings: isEverywhere ? ["NAMESPACE", ...headings] : headings,
      toRow: (message) => {
        const run = toRun(message);
        return isEverywhere ? [run.namespace, ...toRow(run)] : toRow(run);
      },
      nothing: "no runs",
    });
  },
};

function toRow(run: Run): Cell[] {
  const now = new Date();
  return [
    run.runId,
    run.cancelRequested && !hasRunEnded(run.state)
      ? { text: `${run.state} (cancelling)`, emphasis: "waiting" }
      : stateCell(run.state),
    `${run.endedActionCount}/${run.actionCount}`,
    run.pausedConditionCount === 0 ? "" : { text: String(run.pausedConditionCount), emphasis: "waiting" },
    printAge(run.createTime, now),
    printTook(run, now),
    printValues(run.labels),
  ];
}

function printTook({ startTime, endTime }: Run, now: Date): string {
  return startTime === undefined ? "" : printDuration((endTime ?? now).getTime() - startTime.getTime());
}

/** `cancel`: ends a run. */
export const cancelCommand: Command = {
  name: "cancel",
  arguments: ["RUN"],
  sentence: "ends a run: what runs gets its grace, everything else ends at once",
  options: { cause: { value: "TEXT", sentence: "why; kept and shown" } },
  async run({ given, screen, calls, signal }) {
    const request = { ...nameRun(given.argument(0), calls), cause: given.text("cause") ?? "" };
    const { run } = await calls.raw.runs.cancelRun(request, { signal });
    writeRun(screen, required(run), (it) => (hasRunEnded(it.state) ? it.state : "is being cancelled"));
  },
};

const replays = ["REUSE", "ASK_AGAIN", "REQUIRE_BOTH"] as const satisfies readonly ConditionReplay[];

const replayOptions = {
  answers: {
    value: "REPLAY",
    multiple: true,
    sentence: "what becomes of earlier answers: reuse, ask-again or require-both; for one, NAME=REPLAY",
  },
};

/** What `--answers` says: of all, and of single conditions. */
function readReplays(given: CommandArguments): ReplayOptions {
  const said = given.texts("answers").map((text) => {
    const at = text.indexOf("=");
    const word = text
      .slice(at + 1)
      .replaceAll("-", "_")
      .toUpperCase();
    const replay = replays.find((one) => one === word);
    if (replay === undefined) {
      throw new UsageError(
        `--answers is ${JSON.stringify(text)} and must end in reuse, ask-again or require-both`,
      );
    }
    return { name: at < 0 ? "" : text.slice(0, at), replay };
  });
  const all = said.findLast(({ name }) => name === "")?.replay;
  const named = said.filter(({ name }) => name !== "").map(({ name, replay }) => [name, replay] as const);
  return { replayByCondition: Object.fromEntries(named), ...(all === undefined ? {} : { replay: all }) };
}

/** `rerun`: does an ended run over. */
export const rerunCommand: Command = {
  name: "rerun",
  arguments: ["RUN"],
  sentence: "creates a run that does an ended one over, and prints its id: what succeeded is taken over",
  options: {
    again: { value: "ACTION", multiple: true, sentence: "executes this one again, and what depends on it" },
    id: { value: "RUN", sentence: "an id of your own for the new run" },
    label: { value: "K=V", multiple: true, sentence: "sets a label beside those of the earlier run" },
    priority: { value: "N", sentence: "another priority, 0 to 1000" },
    ...replayOptions,
  },
  examples: ["signalbox rerun RUN --again train", "signalbox rerun RUN --answers approve=require-both"],
  async run({ given, screen, calls, signal }) {
    const priority = given.integer("priority", { min: 0, max: 1_000 });
    const request = {
      ...nameRun(given.argument(0), calls),
      ...toReplays(readReplays(given)),
      newRunId: given.text("id") ?? "",
      again: [...given.texts("again")],
      labels: given.pairs("label"),
      ...(priority === undefined ? {} : { priority }),
    };
    const { run, recoveredCount } = await calls.raw.runs.rerunRun(request, { signal });
    const created = required(run);
    screen.line(screen.json ? messageJson.run(created) : created.runId);
    if (!screen.json) screen.note(`${recoveredCount} of ${created.actionCount} actions are taken over`);
  },
};

/** `retry`: opens an ended run again. */
export const retryCommand: Command = {
  name: "retry",
  arguments: ["RUN"],
  sentence: "opens an ended run again: what succeeded stays, the rest is done again",
  options: {
    force: { sentence: "beyond the attempts that its policy allows, and also a run that succeeded" },
    all: { sentence: "everything again, also what succeeded; takes --force along" },
    ...replayOptions,
  },
  async run({ given, screen, calls, signal }) {
    const all = given.flag("all");
    const again = { force: all || given.flag("force"), all, ...toReplays(readReplays(given)) };
    const request = { ...nameRun(given.argument(0), calls), ...again };
    const { run } = await calls.raw.runs.retryRun(request, { signal });
    writeRun(
      screen,
      required(run),
      (it) => `is open again, ${it.endedActionCount} of ${it.actionCount} actions stay`,
    );
  },
};

/** `update`: changes a run's priority or labels. */
export const updateCommand: Command = {
  name: "update",
  arguments: ["RUN"],
  sentence: "changes a run's priority or labels",
  options: {
    priority: { value: "N", sentence: "the new priority, 0 to 1000" },
    label: { value: "K=V", multiple: true, sentence: "sets a label" },
    "remove-label": { value: "K", multiple: true, sentence: "removes a label" },
  },
  async run({ given, screen, calls, signal }) {
    const priority = given.integer("priority", { min: 0, max: 1_000 });
    const setLabels = given.pairs("label");
    const removeLabels = [...given.texts("remove-label")];
    if (priority === undefined && Object.keys(setLabels).length + removeLabels.length === 0) {
      throw new UsageError("update needs something to change: --priority, --label or --remove-label");
    }
    const change = { setLabels, removeLabels, ...(priority === undefined ? {} : { priority }) };
    const { run } = await calls.raw.runs.updateRun(
      { ...nameRun(given.argument(0), calls), ...change },
      { signal },
    );
    writeRun(
      screen,
      required(run),
      (it) => `has priority ${it.priority} and labels ${printValues(it.labels) || "none"}`,
    );
  },
};

function nameRun(runId: string, { namespace }: CommandContext["calls"]) {
  return { namespace, runId };
}

function writeRun(screen: Screen, message: RunMessage, describe: (run: Run) => string): void {
  if (screen.json) {
    screen.line(messageJson.run(message));
  } else {
    screen.line(`${message.runId} ${describe(toRun(message))}`);
  }
}
