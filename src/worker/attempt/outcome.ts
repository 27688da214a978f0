import { create, toBinary } from "@bufbuild/protobuf";
import { type ActionError, ActionErrorSchema } from "../../../gen/signalbox/v1/action_pb.ts";
import type { Value } from "../../../gen/signalbox/v1/value_pb.ts";
import { type Succeeded, SucceededSchema } from "../../../gen/signalbox/v1/worker_service_pb.ts";
import { isPlainObject, toValue, toValues } from "../../client/js-value.ts";
import { NonRetryableError, OutputInvalid, OutputTooLarge } from "../worker-errors.ts";
import {
  causesMax,
  messageLengthMax,
  nameLengthMax,
  outputSizeBytesMax,
  outputsMax,
  stackLengthMax,
} from "../worker-limits.ts";

/** Outputs as they go out, with their size on the wire. */
export interface Outcome {
  readonly succeeded: Succeeded;
  readonly sizeBytes: number;
}

/**
 * Turns what a task returns into outputs: the fields of a plain object by their names, nothing for undefined,
 * and anything else as the output `value`. Throws OutputInvalid or OutputTooLarge.
 */
export function toOutcome(returned: unknown): Outcome {
  if (returned === undefined) {
    return measure({});
  }
  return measure(
    convert(() => (isPlainObject(returned) ? toValues(returned, "the output") : toOutput(returned))),
  );
}

/** Turns what a step returns into the output `value`, or nothing for undefined. Throws like `toOutcome`. */
export function toStepOutcome(returned: unknown): Outcome {
  return measure(returned === undefined ? {} : convert(() => toOutput(returned)));
}

/** Turns what a task or a step threw into the error that is recorded, within the contract's bounds. */
export function toActionError(thrown: unknown): ActionError {
  const error = thrown instanceof Error ? thrown : new Error(String(thrown));
  const stated = "type" in error && typeof error.type === "string" ? error.type : error.name;
  const type = clip(stated, nameLengthMax) || "Error";
  return create(ActionErrorSchema, {
    type,
    // A failure always says something.
    message: clip(String(error.message), messageLengthMax) || type,
    stack: clip(readStack(error), stackLengthMax),
    nonRetryable: error instanceof NonRetryableError,
  });
}

/** The beginning of a text that is too long, never with half a character at its end. */
export function clip(text: string, lengthMax: number): string {
  return text.length <= lengthMax ? text : text.slice(0, lengthMax).toWellFormed();
}

function toOutput(returned: unknown): Record<string, Value> {
  return { value: toValue(returned, "the output") };
}

function convert(outputs: () => Record<string, Value>): Record<string, Value> {
  try {
    return outputs();
  } catch (error) {
    throw new OutputInvalid(error instanceof Error ? error.message : String(error), { cause: error });
  }
}

function measure(outputs: Record<string, Value>): Outcome {
  const names = Object.keys(outputs);
  if (names.length > outputsMax) {
    throw new OutputInvalid(`there are ${names.length} outputs, and at most ${outputsMax} may be`);
  }
  const misnamed = names.find((name) => name.length === 0 || name.length > nameLengthMax);
  if (misnamed !== undefined) {
    throw new OutputInvalid(
      `the name of an output has 1 to ${nameLengthMax} characters: "${clip(misnamed, 200)}"`,
    );
  }
  const succeeded = create(SucceededSchema, { outputs });
  const sizeBytes = names.length === 0 ? 0 : toBinary(SucceededSchema, succeeded).byteLength;
  if (sizeBytes > outputSizeBytesMax) {
    const kept = "keep it elsewhere and return a Reference to it";
    throw new OutputTooLarge(
      `the outputs take ${sizeBytes} bytes, and at most ${outputSizeBytesMax} may be; ${kept}`,
    );
  }
  return { succeeded, sizeBytes };
}

function readStack(error: Error, causes = causesMax): string {
  const stack = String(error.stack ?? "");
  return error.cause instanceof Error && causes > 0
    ? `${stack}\nCaused by: ${readStack(error.cause, causes - 1)}`
    : stack;
}
