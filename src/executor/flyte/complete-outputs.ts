import { fromBinary } from "@bufbuild/protobuf";
import type { TaskTemplate } from "../../../gen/flyteidl2/core/tasks_pb.ts";
import { OutputsSchema } from "../../../gen/flyteidl2/task/common_pb.ts";
import { taskOutputsBytesMax } from "../executor-limits.ts";
import type { EndedProgram } from "../program-failure.ts";
import { readPlainFile } from "./plain-file.ts";

/** What a shell, a container's init or docker says of a program that aborted: 128 and the signal's number. */
const abortCode = 134;

/** True for a program that aborted itself, as an interpreter does that cannot clean up behind its work. */
export function hasAborted({ exit, exceededBytes, output }: EndedProgram): boolean {
  const isAbort = exit.signal === "SIGABRT" || exit.code === abortCode;
  return isAbort && exceededBytes === undefined && output.saidError === undefined;
}

/**
 * True if a file holds the outputs of a task, each that its interface names: what was written halfway lacks
 * some. The file is one that this attempt wrote, for the folder had none when it began. Never throws.
 */
export async function hasAllOutputs(path: string, template: TaskTemplate | undefined): Promise<boolean> {
  try {
    const bytes = await readPlainFile(path, taskOutputsBytesMax);
    if (bytes === undefined) return false;
    const { literals } = fromBinary(OutputsSchema, bytes);
    const names = new Set(literals.filter(({ value }) => value !== undefined).map(({ name }) => name));
    const wanted = template?.interface?.outputs?.variables ?? [];
    return wanted.every(({ key }) => names.has(key));
  } catch {
    return false;
  }
}
