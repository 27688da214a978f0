import type { Program } from "./config/executor-config.ts";

/**
 * The variables that a program gets from the worker's own environment without being named: what programs
 * need to run at all and to print in the user's language. Nothing else is handed on, so that what the worker
 * knows (its tokens, its server) is not known to what it runs.
 */
const allowedNames = [
  "PATH",
  "HOME",
  "USER",
  "LOGNAME",
  "LANG",
  "LC_ALL",
  "LC_CTYPE",
  "TZ",
  "TMPDIR",
] as const;

/** The variables that tell a program what it runs for. */
export interface AttemptVariables {
  readonly runId: string;
  readonly action: string;
  readonly attempt: number;
  readonly attemptId: string;
  readonly namespace: string;
  readonly op: string;
  readonly inputsFile: string;
  readonly outputsFile: string;
  readonly deviceIndexes: readonly number[];
}

/**
 * The environment of a process: what is allowed of the worker's, what the config says, what the attempt is.
 */
export function processEnvironment(
  program: Pick<Program, "environment" | "passedNames">,
  own: Readonly<Record<string, string | undefined>>,
  attempt: AttemptVariables,
): Record<string, string> {
  const passed = [...allowedNames, ...program.passedNames].flatMap((name) => {
    const value = own[name];
    return value === undefined ? [] : [[name, value] as const];
  });
  const devices = attempt.deviceIndexes.join(",");
  return {
    ...Object.fromEntries(passed),
    ...(devices !== "" && { CUDA_VISIBLE_DEVICES: devices }),
    ...program.environment,
    ...attemptEnvironment(attempt),
  };
}

/** The variables that tell a program what it runs for, as it sees them. */
export function attemptEnvironment(attempt: AttemptVariables): Record<string, string> {
  return {
    SIGNALBOX_RUN_ID: attempt.runId,
    SIGNALBOX_ACTION: attempt.action,
    SIGNALBOX_ATTEMPT: String(attempt.attempt),
    SIGNALBOX_ATTEMPT_ID: attempt.attemptId,
    SIGNALBOX_NAMESPACE: attempt.namespace,
    SIGNALBOX_OP: attempt.op,
    SIGNALBOX_INPUTS_FILE: attempt.inputsFile,
    SIGNALBOX_OUTPUTS_FILE: attempt.outputsFile,
    SIGNALBOX_DEVICE_INDEXES: attempt.deviceIndexes.join(","),
  };
}
