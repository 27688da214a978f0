import { fromBinary } from "@bufbuild/protobuf";
import {
  ContainerError_Kind as ContainerErrorKinds,
  ErrorDocumentSchema,
} from "../../../gen/flyteidl2/core/execution_pb.ts";
import { ProgramFailed, ProgramFailedForGood } from "../attempt-failure.ts";
import { errorFileBytesMax } from "../executor-limits.ts";
import { readPlainFile } from "./plain-file.ts";

/**
 * The failure that a task has left in its error file, or undefined if there is none: its code is the type,
 * and one that is not recoverable is for good. `details` stand where a stack does. Never throws: a file that
 * makes no sense is a failure too.
 */
export async function readErrorDocument(path: string, details: string): Promise<Error | undefined> {
  try {
    const bytes = await readPlainFile(path, errorFileBytesMax);
    if (bytes === undefined) return undefined;
    const { error } = fromBinary(ErrorDocumentSchema, bytes);
    const { code = "", message = "", kind } = error ?? {};
    return kind === ContainerErrorKinds.RECOVERABLE
      ? new ProgramFailed(code, message, details)
      : new ProgramFailedForGood(code, message, details);
  } catch (error) {
    return new ProgramFailed(
      "ErrorInvalid",
      `the task has failed, and not said how: ${String(error)}`,
      details,
    );
  }
}
