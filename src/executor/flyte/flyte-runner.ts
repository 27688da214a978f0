import { stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import { type TaskSpec, TaskSpecSchema } from "../../../gen/flyteidl2/task/task_definition_pb.ts";
import type { JsValues, TaskContext } from "../../worker/worker.ts";
import type { AttemptFolder } from "../attempt-folder.ts";
import { toJsonObjectText } from "../json-values.ts";
import { launchContainer, launchProcess } from "../process/launches.ts";
import { type EndedProgram, failureOf } from "../program-failure.ts";
import type { ProgramRunner } from "../program-runner.ts";
import { type CommandValues, fillWord } from "./command-template.ts";
import { hasAborted, hasAllOutputs } from "./complete-outputs.ts";
import { readErrorDocument } from "./error-document.ts";
import { toFlyteProgram } from "./flyte-program.ts";
import type { FlyteSettings } from "./flyte-settings.ts";
import { outputUriName, readFlyteTask, toFlyteName } from "./flyte-task.ts";
import { type OutputPlaces, openOutputPlaces } from "./output-places.ts";
import { readReferred, toPlainPath } from "./plain-file.ts";
import type { RunFactsByRun } from "./run-facts.ts";
import { containerOf, type TaskContainer } from "./task-container.ts";
import { type FlyteEndpoint, taskEnvironment } from "./task-environment.ts";

/** What a runner of Flyte's tasks is made of. */
export interface FlyteRunnerOptions {
  readonly settings: FlyteSettings;
  /** Runs what it is told, each attempt in a process group of its own. */
  readonly runner: ProgramRunner;
  readonly runs: RunFactsByRun;
  readonly endpoint: FlyteEndpoint;
  /** The environment of the worker. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly workerId: string;
}

/** Runs tasks of Flyte: the command of a task's container, under Flyte's contract for executors. */
export class FlyteRunner {
  readonly #options: FlyteRunnerOptions;

  constructor(options: FlyteRunnerOptions) {
    this.#options = options;
  }

  /** Runs one attempt, and resolves to where its outputs are. */
  async run(context: TaskContext, inputs: JsValues): Promise<Record<string, unknown>> {
    const { settings, runner, runs, endpoint, environment, workerId } = this.#options;
    const task = readFlyteTask(inputs);
    const spec = await readReferred(TaskSpecSchema, task.spec);
    const container = containerOf(spec);
    const facts = await runs.factsOf(context, task.runSpec);
    const action = toFlyteName(context.action);
    const { runId, attempt } = context;
    const { runOutputBase, org } = task;
    const { rawDataPrefix } = facts;
    const places = await openOutputPlaces({ runOutputBase, action, attempt, runId, rawDataPrefix });
    const values: CommandValues = {
      input: await toInputFile(task.inputUri),
      outputPrefix: places.prefix,
      rawOutputDataPrefix: places.rawData,
      checkpointOutputPrefix: places.checkpoint,
      prevCheckpointPrefix: places.prevCheckpoint,
      runName: runId,
      actionName: action,
      runStartTime: facts.startTime,
    };
    const variables = taskEnvironment({
      settings,
      ofContainer: container.environment,
      ofRun: facts.environment,
      endpoint,
      context,
      org,
      runBase: places.runBase,
      action,
    });
    const program = toFlyteProgram(fillContainer(container, values), {
      settings,
      variables,
      sharedFolders: [places.runBase, toSharedFolder(task.spec.uri)],
    });
    const inputsText = toJsonObjectText(inputs);
    const launch = (folder: AttemptFolder) => {
      const options = { context, inputs, inputsText, folder, environment, workerId, image: container.image };
      return program.kind === "docker" ? launchContainer(program, options) : launchProcess(program, options);
    };
    const conclude = (ended: EndedProgram) => concludeTask(ended, places, spec);
    return await runner.undertake({ program, inputsText, launch, conclude }, context);
  }
}

/**
 * What the end of a task means: it may end with 0 and still have failed, and abort once all its work is done
 * and its outputs are written.
 */
async function concludeTask(
  ended: EndedProgram,
  { prefix, errorFile, outputsFile }: OutputPlaces,
  { taskTemplate }: TaskSpec,
): Promise<Record<string, unknown>> {
  const said = await readErrorDocument(errorFile, ended.output.errorTail);
  // A task that was killed for its memory may have left an earlier error.
  const failure = ended.exceededBytes === undefined ? (said ?? failureOf(ended)) : failureOf(ended);
  const isDone = said === undefined && hasAborted(ended) && (await hasAllOutputs(outputsFile, taskTemplate));
  if (failure !== undefined && !isDone) {
    throw failure;
  }
  if (isDone)
    ended.context.log.warn("the program aborted after its work; its outputs are complete, and count");
  return { [outputUriName]: prefix };
}

function fillContainer(container: TaskContainer, values: CommandValues): TaskContainer {
  const fill = (word: string) => fillWord(word, values);
  return { ...container, command: container.command.map(fill), args: container.args.map(fill) };
}

/** Older clients name the folder that the file of inputs is in. */
async function toInputFile(uri: string): Promise<string> {
  const path = toPlainPath(uri);
  if (path === undefined) return uri;
  const found = await stat(path).catch(() => undefined);
  return found?.isDirectory() === true ? join(path, "inputs.pb") : path;
}

/** The folder of the server's Flyte services, in which specs have one of their own. */
function toSharedFolder(specUri: string): string {
  return dirname(dirname(toPlainPath(specUri) ?? specUri));
}
