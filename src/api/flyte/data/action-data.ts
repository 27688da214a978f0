import { create, fromBinary, type MessageInitShape } from "@bufbuild/protobuf";
import type { GetActionDataResponseSchema } from "../../../../gen/flyteidl2/dataproxy/dataproxy_service_pb.ts";
import {
  type Inputs,
  InputsSchema,
  type Outputs,
  OutputsSchema,
} from "../../../../gen/flyteidl2/task/common_pb.ts";
import { type Action, hasSucceeded } from "../../../core/action.ts";
import { type Blobs, BlobUnreadable } from "../blobs.ts";
import { notFound } from "../faults.ts";
import { toLiteral } from "../mapping/literal.ts";
import { outputsFile } from "../mapping/to-attempts.ts";
import { inputNames, textOf } from "../stated.ts";

/**
 * What went into an action and what came out of it. The answer of a condition is its only output, `o0`. Ends
 * the call with NOT_FOUND if a file is not there, or is none that the server keeps.
 */
export async function actionData(
  blobs: Blobs,
  action: Action,
): Promise<MessageInitShape<typeof GetActionDataResponseSchema>> {
  const inputsUri = inputsUriOf(action);
  if (action.spec.kind === "condition") return { inputs: create(InputsSchema), ...answerOf(action) };
  const outputsUri = hasSucceeded(action) ? outputsFile(action.outputs) : "";
  const inputs = inputsUri === "" ? create(InputsSchema) : await readInputs(blobs, inputsUri);
  if (outputsUri === "") return { inputs, inputsUri };
  return { inputs, outputs: await readOutputs(blobs, outputsUri), inputsUri, outputsUri };
}

/** Where the inputs of an action are; "" for one without. */
export function inputsUriOf({ spec, outputs }: Action): string {
  if (spec.kind === "task") return textOf(spec, inputNames.inputUri);
  const value = outputs?.[inputNames.inputUri];
  return value?.kind === "string" ? value.value : "";
}

function answerOf({ outputs }: Action): { readonly outputs?: Outputs } {
  const answer = outputs?.["value"];
  const value = answer === undefined ? undefined : toLiteral(answer);
  if (value === undefined) return {};
  return { outputs: create(OutputsSchema, { literals: [{ name: "o0", value }] }) };
}

async function readInputs(blobs: Blobs, uri: string): Promise<Inputs> {
  return decode(uri, await readFile(blobs, uri), (bytes) => fromBinary(InputsSchema, bytes));
}

async function readOutputs(blobs: Blobs, uri: string): Promise<Outputs> {
  return decode(uri, await readFile(blobs, uri), (bytes) => fromBinary(OutputsSchema, bytes));
}

async function readFile(blobs: Blobs, uri: string): Promise<Uint8Array> {
  try {
    return await blobs.read(uri);
  } catch (error) {
    if (error instanceof BlobUnreadable) throw notFound(error.message);
    throw error;
  }
}

/** Files are written by tasks: what they write is not always what it should be. */
function decode<T>(uri: string, bytes: Uint8Array, read: (bytes: Uint8Array) => T): T {
  try {
    return read(bytes);
  } catch {
    throw notFound(`the file ${uri} does not hold what it should`);
  }
}
