import type { TaskContext } from "../worker/worker.ts";
import { memoryCapMb } from "./attempt.ts";
import { ProgramFailed, ProgramFailedForGood } from "./attempt-failure.ts";
import type { Program } from "./config/executor-config.ts";
import type { AttemptOutput } from "./output/attempt-output.ts";
import type { Exit } from "./process/process-group.ts";

/** How a program ended. */
export interface EndedProgram {
  readonly program: Program;
  readonly context: TaskContext;
  readonly exit: Exit;
  /** The memory that it was killed for, if it was. */
  readonly exceededBytes: number | undefined;
  readonly output: Pick<AttemptOutput, "saidError" | "errorTail" | "lastErrorLines">;
}

/** What programs say when the system gives them no more memory. */
const outOfMemory =
  /out of memory|cannot allocate memory|memory exhausted|memoryerror|bad_alloc|\benomem\b|outofmemory/i;

/** 128 and more: a shell, and a container's init, put the number of a signal behind it. */
const signalCodeMin = 128;

/** Why a program has failed, or undefined if it has not. */
export function failureOf(ended: EndedProgram): Error | undefined {
  const { program, context, exit, exceededBytes, output } = ended;
  const { saidError, errorTail } = output;
  if (exceededBytes !== undefined) {
    const used = `${toMb(exceededBytes)} MB of memory`;
    const message = `its processes held ${used}, and at most ${memoryCapMb(program, context)} MB may be`;
    return new ProgramFailed("MemoryExceeded", message, errorTail);
  }
  if (saidError !== undefined) {
    const { type, message, isForGood } = saidError;
    return isForGood
      ? new ProgramFailedForGood(type, message, errorTail)
      : new ProgramFailed(type, message, errorTail);
  }
  if (exit.signal !== null) {
    return failWith("Signal", `ended by ${exit.signal}`, output);
  }
  if (exit.code === 0) {
    return undefined;
  }
  const code = exit.code ?? -1;
  if (program.kind === "docker") {
    return failWith(...describeDockerCode(code), output);
  }
  const isRefusedMemory = program.addressSpaceMb !== undefined && outOfMemory.test(errorTail);
  return failWith(isRefusedMemory ? "MemoryExceeded" : "ExitCode", `exit code ${code}`, output);
}

/** The docker client has exit codes of its own, besides those of the container. */
function describeDockerCode(code: number): [type: string, message: string] {
  switch (code) {
    case 125:
      return ["EngineFailed", "docker could not run the container"];
    case 126:
    case 127:
      return ["ProgramUnavailable", `the program cannot be started in its container (exit code ${code})`];
    case 137:
      return ["Signal", "ended by SIGKILL, as it is when the container has no more memory (exit code 137)"];
    default:
      return code > signalCodeMin
        ? ["Signal", `ended by signal ${code - signalCodeMin} (exit code ${code})`]
        : ["ExitCode", `exit code ${code}`];
  }
}

function failWith(
  type: string,
  message: string,
  { lastErrorLines, errorTail }: EndedProgram["output"],
): Error {
  return new ProgramFailed(
    type,
    lastErrorLines === "" ? message : `${message}: ${lastErrorLines}`,
    errorTail,
  );
}

function toMb(sizeBytes: number): number {
  return Math.ceil(sizeBytes / (1024 * 1024));
}
