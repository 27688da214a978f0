import type { JsValues, TaskContext } from "../worker/worker.ts";
import type { AttemptVariables } from "./attempt-environment.ts";
import { ProgramFailedForGood } from "./attempt-failure.ts";
import { type AttemptFolder, placesIn } from "./attempt-folder.ts";
import { fillArgv, InputMissing } from "./config/argv-template.ts";
import type { Program } from "./config/executor-config.ts";
import { argumentBytesMax } from "./executor-limits.ts";

/** The only action of a run that was created from an op has this name, and its attempts are the run's. */
const mainAction = "main";

/** The id of an attempt: `<run>_att_<n>` for the only task of a run, else with the action's name between. */
export function attemptIdOf({ runId, action, attempt }: TaskContext): string {
  return `${action === mainAction ? runId : `${runId}/${action}`}_att_${attempt}`;
}

/** What a program is told about its attempt, whose folder it sees at `seenAs`. */
export function describeAttempt(context: TaskContext, seenAs: string): AttemptVariables {
  const { runId, action, attempt, namespace, op, deviceIndexes } = context;
  const { inputsFile, outputsFile } = placesIn(seenAs);
  const attemptId = attemptIdOf(context);
  return { runId, action, attempt, attemptId, namespace, op, deviceIndexes, inputsFile, outputsFile };
}

/** The arguments of a program in one attempt. Throws for those that cannot be, for good. */
export function toArgv(
  program: Program,
  {
    described,
    folder,
    inputs,
  }: {
    readonly described: AttemptVariables;
    readonly folder: Pick<AttemptFolder, "path">;
    readonly inputs: JsValues;
  },
): string[] {
  const values = {
    run_id: described.runId,
    action: described.action,
    attempt: String(described.attempt),
    attempt_id: described.attemptId,
    namespace: described.namespace,
    op: described.op,
    inputs_file: described.inputsFile,
    outputs_file: described.outputsFile,
    folder: folder.path,
    device_indexes: described.deviceIndexes.join(","),
  };
  const argv = fill(program, { values, inputs });
  if (argv.some((argument) => argument.includes("\0"))) {
    throw new ProgramFailedForGood("InputInvalid", "an input has a NUL, which no argument can have");
  }
  const longest = Math.max(0, ...argv.map((argument) => Buffer.byteLength(argument)));
  if (longest > argumentBytesMax) {
    const rather = "the program finds it in its inputs file";
    throw new ProgramFailedForGood(
      "InputTooLarge",
      `an argument takes ${longest} bytes, and at most ${argumentBytesMax} may be; ${rather}`,
    );
  }
  return argv;
}

/**
 * The memory that an attempt may have, in MB: what its task asked for, which is reserved for it, and never
 * more than the config allows. Undefined if neither says anything.
 */
export function memoryCapMb({ memoryMb = 0 }: Program, { resources }: TaskContext): number | undefined {
  const caps = [memoryMb, resources.ramMb ?? 0].filter((capMb) => capMb > 0);
  return caps.length === 0 ? undefined : Math.min(...caps);
}

function fill(program: Program, values: Parameters<typeof fillArgv>[1]): string[] {
  try {
    return fillArgv(program.argv, values);
  } catch (error) {
    throw error instanceof InputMissing ? new ProgramFailedForGood("InputMissing", error.message) : error;
  }
}
