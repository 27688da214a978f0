import { randomUUID } from "node:crypto";
import type { NewDelivery, NewPlacement, NewResources, NewRun, NewTask } from "../../client/client.ts";
import { fromValue } from "../../client/js-value.ts";
import { messageJson, type RunMessage } from "../../client/message-json.ts";
import { toNewRun } from "../../client/spec/plan.ts";
import { type ExplainCause, toExplanation } from "../../client/views/explanation.ts";
import { required } from "../../client/wire/calls.ts";
import { withoutUndefined } from "../../client/without-undefined.ts";
import type { Command, CommandContext, CommandOptions } from "../command.ts";
import type { CommandArguments } from "../input/command-arguments.ts";
import { readPlanFile } from "../input/plan-file.ts";
import { readInput } from "../input/read-input.ts";
import { UsageError } from "../input/usage-error.ts";
import { printValue } from "../output/print-value.ts";
import type { Screen } from "../output/screen.ts";
import { tellEnd, tellRun } from "../output/tell-run.ts";

/** 3 s: a run that has not started by then may need its owner, who is told why. */
const patienceMs = 3_000;

/** The options that say more about the op; the actions of a plan say it in its file. */
const opOptions = {
  input: { value: "K=V", multiple: true, sentence: "an input of the op" },
  "input-json": { value: "JSON", sentence: "the inputs of the op as one JSON object" },
  "op-version": { value: "N", sentence: "this registered version of the op (the latest)" },
  attempts: { value: "N", sentence: "how many attempts the op may take in all, 1 to 100" },
  cpu: { value: "CORES", sentence: "cores that the op asks of its worker" },
  "ram-mb": { value: "N", sentence: "memory that the op asks of its worker" },
  "vram-mb": { value: "N", sentence: "memory that the op asks of each device" },
  devices: { value: "N", sentence: "how many devices the op asks of its worker" },
  device: { value: "INDEX", sentence: "the one device of the worker that it must have" },
  "worker-label": { value: "K=V", multiple: true, sentence: "only on workers with this label" },
  tolerate: { value: "K[=V]", multiple: true, sentence: "also on workers with this taint" },
  image: { value: "IMAGE", sentence: "the container image that executes the op" },
  handler: { value: "NAME", sentence: "what executes the op, as its workers understand it" },
} as const satisfies CommandOptions;

/** `run`: creates a run. */
export const runCommand: Command = {
  name: "run",
  arguments: ["[OP]"],
  sentence: "creates a run of one op, or of a plan, and prints its id",
  notes: [
    "A value of --input that is a JSON literal is what it says (5, true, [1, 2]); anything else is text.",
    "With --wait it tells on stderr what happens and prints what the run put out, and its exit code says how",
    "the run ended.",
  ],
  options: {
    ...opOptions,
    plan: {
      value: "FILE.json",
      sentence: "a plan instead of an op: a list of actions (- is standard input)",
    },
    wait: { sentence: "wait until the run has ended" },
    label: { value: "K=V", multiple: true, sentence: "a label of the run" },
    priority: { value: "N", sentence: "higher is assigned first, 0 to 1000 (0)" },
    timeout: { value: "DURATION", sentence: "how long the whole run may take" },
    topic: { value: "TOPIC", sentence: "where its events go beside the feed" },
    attribute: { value: "K=V", multiple: true, sentence: "with --topic: attached to each of its events" },
    id: { value: "ID", sentence: "an id of your own; the same run again is not done twice" },
  },
  examples: [
    "signalbox run count --input path=notes.txt --wait",
    "signalbox run --plan pipeline.json --label team=ml --timeout 1h",
  ],
  async run(context) {
    const { given, screen, calls, signal } = context;
    const run = toNewRunOrUsageError(readRun(given), calls.namespace);
    const { run: created } = await calls.raw.runs.createRun({ run, requestId: randomUUID() }, { signal });
    const { runId } = required(created);
    if (!given.flag("wait")) {
      if (screen.json) {
        screen.line(messageJson.run(required(created)));
      } else {
        screen.line(runId);
      }
      return;
    }
    if (!screen.json) {
      screen.line(runId);
    }
    const write = screen.json ? () => undefined : (line: string) => screen.note(line);
    signal.addEventListener("abort", () => screen.note(`${runId} goes on: signalbox watch ${runId}`), {
      once: true,
    });
    const hint = setTimeout(() => void tellWhyNotStarted(context, { runId, write }), patienceMs);
    const frame = await tellRun(context, { runId, write, frames: false }).finally(() => clearTimeout(hint));
    writeOutputs(screen, frame?.run);
    return tellEnd(screen, { frame, write });
  },
};

const lasting = new Set<string>([
  "NO_WORKER",
  "NO_CREDIT",
  "NO_WORKER_FITS",
  "NO_CAPACITY",
  "LIMIT_FULL",
] satisfies ExplainCause[]);

/**
 * Says why the only task of a run has not started, if that is for a reason that lasts: no worker, or a busy
 * one.
 */
async function tellWhyNotStarted(
  { calls, signal }: CommandContext,
  { runId, write }: { readonly runId: string; readonly write: (line: string) => void },
): Promise<void> {
  try {
    const request = { namespace: calls.namespace, runId, name: "main" };
    const { cause, message } = toExplanation(await calls.raw.runs.explainAction(request, { signal }));
    if (lasting.has(cause)) {
      write(message);
    }
  } catch {
    // A plan has no such action, and a server that is away is told of by the watch.
  }
}

/** What a run's only task put out; with `--json` the whole run. */
function writeOutputs(screen: Screen, run: RunMessage | undefined): void {
  if (run === undefined) {
    return;
  }
  if (screen.json) {
    screen.line(messageJson.run(run));
    return;
  }
  for (const [name, value] of Object.entries(run.outputs)) {
    screen.line(`${name}: ${printValue(fromValue(value))}`);
  }
}

function readRun(given: CommandArguments): NewRun {
  const op = given.argumentIfGiven(0);
  const planFile = given.text("plan");
  const common = withoutUndefined({
    runId: given.text("id"),
    labels: given.pairs("label"),
    priority: given.integer("priority", { min: 0, max: 1_000 }) ?? 0,
    timeoutMs: given.durationMs("timeout"),
    delivery: readDelivery(given),
  });
  if ((op === undefined) === (planFile === undefined)) {
    throw new UsageError("run needs an op or --plan FILE.json, one of them");
  }
  if (op !== undefined) {
    return { ...common, ...readTask(given, op) };
  }
  const ofOp = Object.keys(opOptions).find((name) => given.text(name) ?? given.texts(name)[0]);
  if (ofOp !== undefined) {
    throw new UsageError(`--${ofOp} is for an op; the actions of a plan have their own in its file`);
  }
  return { ...common, plan: readPlanFile(planFile ?? "") };
}

function readDelivery(given: CommandArguments): NewDelivery | undefined {
  const topic = given.text("topic");
  const attributes = given.pairs("attribute");
  if (topic === undefined && Object.keys(attributes).length > 0) {
    throw new UsageError("--attribute is for a run with a --topic");
  }
  return topic === undefined ? undefined : { topic, attributes };
}

function readTask(given: CommandArguments, op: string): NewTask {
  const maxAttempts = given.integer("attempts", { min: 1, max: 100 });
  return withoutUndefined({
    op,
    opVersion: given.integer("op-version", { min: 1, max: 2 ** 31 - 1 }),
    input: readInput(given),
    retry: maxAttempts === undefined ? undefined : { maxAttempts },
    resources: readResources(given),
    placement: readPlacement(given),
    image: given.text("image"),
    handler: given.text("handler"),
  });
}

/** What the op asks of its worker; undefined leaves it to the op. */
function readResources(given: CommandArguments): NewResources | undefined {
  const resources = withoutUndefined({
    cpu: given.decimal("cpu", { min: 0, max: 100_000 }),
    ramMb: given.integer("ram-mb", { min: 0, max: 1_000_000_000 }),
    vramMb: given.integer("vram-mb", { min: 0, max: 1_000_000_000 }),
    deviceCount: given.integer("devices", { min: 0, max: 64 }),
    deviceIndex: given.integer("device", { min: 0, max: 1_000_000 }),
  });
  return Object.keys(resources).length === 0 ? undefined : resources;
}

/** Where the op may go; undefined leaves it to the op. */
function readPlacement(given: CommandArguments): NewPlacement | undefined {
  const workerLabels = given.pairs("worker-label");
  const tolerations = given.texts("tolerate").map((text) => {
    const at = text.indexOf("=");
    return at < 0 ? { key: text } : { key: text.slice(0, at), value: text.slice(at + 1) };
  });
  const isSaid = Object.keys(workerLabels).length + tolerations.length > 0;
  return isSaid ? { workerLabels, tolerations } : undefined;
}

/** A value that is none, such as a default value of another type, stands in what was typed or in the file. */
function toNewRunOrUsageError(run: NewRun, namespace: string) {
  try {
    return toNewRun(run, namespace);
  } catch (error) {
    throw error instanceof TypeError || error instanceof RangeError ? new UsageError(error.message) : error;
  }
}
