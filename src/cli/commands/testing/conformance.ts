import { parallelDefault } from "../../../conformance/conformance-limits.ts";
import { runConformance } from "../../../conformance/run-conformance.ts";
import type { Scenario, Verdict } from "../../../conformance/scenario.ts";
import { scenarios } from "../../../conformance/scenarios.ts";
import type { Command, CommandContext } from "../../command.ts";
import { type ExitCode, exitCodes } from "../../exit-codes.ts";
import { didYouMean } from "../../input/did-you-mean.ts";
import { UsageError } from "../../input/usage-error.ts";
import { oneLine, type Screen } from "../../output/screen.ts";

/** The last lines of what was said that are shown with a failure. */
const transcriptLinesShownMax = 30;

/** `conformance worker`: tests a worker of any language against a server that lies. */
export const conformanceWorkerCommand: Command = {
  name: "conformance worker",
  arguments: ["[-- COMMAND ARGUMENT…]"],
  sentence: "tests a worker of any language against a server that misbehaves",
  notes: [
    "Starts the command once for each scenario, with SIGNALBOX_SERVER, SIGNALBOX_NAMESPACE and SIGNALBOX_TOKEN in",
    "its environment, and ends it. docs/conformance.md says which ops it is to have. Needs no server; ends with 1",
    "if a scenario has failed.",
  ],
  options: {
    only: { value: "NAME", multiple: true, sentence: "play only this scenario" },
    list: { sentence: "list the scenarios, and what each shows, and play none" },
    parallel: { value: "N", sentence: `how many scenarios are played at once (${parallelDefault})` },
  },
  examples: [
    "signalbox conformance worker -- python worker.py",
    "signalbox conformance worker --only lost-recorded --only half-open-server -- ./worker",
  ],
  run: runConformanceWorker,
};

async function runConformanceWorker(context: CommandContext): Promise<ExitCode> {
  const { given, screen, signal, environment } = context;
  const chosen = choose(given.texts("only"));
  if (given.flag("list")) {
    for (const { name, shows, matters } of chosen) {
      screen.line(
        screen.json ? JSON.stringify({ name, shows, matters }) : `${name}\n  ${shows}\n  ${matters}`,
      );
    }
    return exitCodes.ok;
  }
  const command = given.allArguments();
  if (command.length === 0) {
    throw new UsageError("conformance worker needs the command that starts the worker, behind --");
  }
  const parallel = given.integer("parallel", { min: 1, max: 32 }) ?? parallelDefault;
  const failed: string[] = [];
  for await (const verdict of runConformance({ command, scenarios: chosen, parallel, environment, signal })) {
    if (!verdict.passed) failed.push(verdict.scenario.name);
    tell(screen, verdict);
    await screen.flushed();
  }
  const passedCount = chosen.length - failed.length;
  screen.line(
    screen.json
      ? JSON.stringify({ passed: passedCount, failed })
      : `${passedCount} passed, ${failed.length} failed`,
  );
  return failed.length === 0 ? exitCodes.ok : exitCodes.runNotSucceeded;
}

function choose(names: readonly string[]): readonly Scenario[] {
  const known = scenarios.map(({ name }) => name);
  const unknown = names.find((name) => !known.includes(name));
  if (unknown !== undefined) {
    throw new UsageError(`there is no scenario ${unknown}${didYouMean(unknown, known)}; see --list`);
  }
  return names.length === 0 ? scenarios : scenarios.filter(({ name }) => names.includes(name));
}

function tell(screen: Screen, verdict: Verdict): void {
  const { scenario, passed, reason, durationMs, transcript, output } = verdict;
  const { name, shows, matters } = scenario;
  if (screen.json) {
    const why = passed ? {} : { reason, transcript, output };
    screen.line(JSON.stringify({ scenario: name, passed, duration_ms: durationMs, shows, ...why }));
    return;
  }
  if (passed) {
    screen.line(`${screen.emphasize("ok  ", "good")} ${name}`);
    return;
  }
  screen.line(`${screen.emphasize("FAIL", "bad")} ${name}: ${oneLine(reason ?? "")}`);
  screen.line(`     was to show: ${shows}`);
  screen.line(`     matters: ${matters}`);
  for (const line of transcript.slice(-transcriptLinesShownMax)) screen.line(`     | ${oneLine(line)}`);
  for (const line of output) screen.line(`     > ${oneLine(line)}`);
}
