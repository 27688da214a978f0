import { randomInt } from "node:crypto";
import { create, toBinary } from "@bufbuild/protobuf";
import type { HandlerContext } from "@connectrpc/connect";
import { type RunSpec, RunSpecSchema } from "../../../../gen/flyteidl2/task/run_pb.ts";
import type { Run as RunMessage } from "../../../../gen/flyteidl2/workflow/run_definition_pb.ts";
import {
  type CreateRunRequest,
  CreateRunRequestSchema,
} from "../../../../gen/flyteidl2/workflow/run_service_pb.ts";
import { defaultNamespace, type RunKey, runKey } from "../../../core/name.ts";
import type { Labels } from "../../../core/run.ts";
import { requestOf } from "../../requests.ts";
import { labelsMax, labelValueLengthMax, nameLengthMax } from "../actions/action-limits.ts";
import { newTask, toReference } from "../actions/new-task.ts";
import { putInputs } from "../data/data-proxy-service.ts";
import { invalid } from "../faults.ts";
import type { FlyteParts } from "../flyte-parts.ts";
import { rootRowOf, toRun } from "../mapping/to-action.ts";
import { rootAction, toNamespace, toRunKey } from "../names.ts";
import { findDeployed, versionOf } from "../tasks/deployed.ts";
import { startRun } from "./start-run.ts";

/**
 * Starts a run: one action `a0`, which does the task. Without a name it gets one that begins with `r`. The
 * same request again, by its id in the headers, is answered again; another one for a run of the same name
 * ends the call with ALREADY_EXISTS.
 */
export async function createRun(
  parts: FlyteParts,
  message: CreateRunRequest,
  context: HandlerContext,
): Promise<RunMessage> {
  const { engine, blobs } = parts;
  const { key, org } = nameOf(message);
  const runSpec = specOf(message);
  const labels = checkedLabels(runSpec.labels?.values ?? {});
  const task = await taskOf(parts, message);
  const root = await newTask(blobs, rootAction, {
    ...task,
    group: "",
    inputUri: await inputUriOf(parts, message),
    runOutputBase: runSpec.runBaseDir || blobs.runFolder(key),
    runSpec: toReference(await blobs.put(toBinary(RunSpecSchema, runSpec))),
  });
  const request = repeatOf(context.requestHeader, message);
  const run = await startRun(parts, { key, request, labels, root }, context);
  return toRun({ org, key: run.key }, rootRowOf(run, await engine.store.action(run.key, rootAction)), run);
}

/** The request id of a call: one that is sent twice has the same id and the same content. */
function repeatOf(header: Headers, request: CreateRunRequest) {
  const id = header.get("x-request-id") ?? "";
  if (id === "" || id.length > nameLengthMax) return requestOf("", undefined);
  const content = Buffer.from(toBinary(CreateRunRequestSchema, request)).toString("base64");
  // Callers may give one id to several requests: to them it is only for finding a call in logs.
  const { digest } = requestOf(id, content);
  return { requestId: `flyte:${id}:${digest}`, digest };
}

function nameOf({ id }: CreateRunRequest): { readonly key: RunKey; readonly org: string } {
  switch (id.case) {
    case "runId":
      checkRunName(id.value.name);
      return { key: toRunKey(id.value), org: id.value.org };
    case "projectId": {
      const { name: project, domain, organization: org } = id.value;
      return { key: runKey(toNamespace({ project, domain }), newName()), org };
    }
    default:
      return { key: runKey(defaultNamespace, newName()), org: "" };
  }
}

const digits = "0123456789abcdefghijklmnopqrstuvwxyz";

/** A letter and 19 letters and digits by chance: `r`, as Flyte names runs. */
export function newName(first = "r"): string {
  return `${first}${Array.from({ length: 19 }, () => digits[randomInt(digits.length)]).join("")}`;
}

const namePattern = /^[A-Za-z0-9][A-Za-z0-9._-]*$/;

/** Ends the call with INVALID_ARGUMENT for a name that no run can have. */
export function checkRunName(name: string): void {
  if (name.length <= nameLengthMax && namePattern.test(name)) return;
  throw invalid(`run name ${JSON.stringify(name.slice(0, nameLengthMax))} must be a plain name`);
}

function specOf({ runSpec, runStartTime }: CreateRunRequest): RunSpec {
  const stated = runSpec ?? create(RunSpecSchema);
  return runStartTime === undefined ? stated : { ...stated, runStartTime };
}

const labelPattern = /^[A-Za-z0-9][A-Za-z0-9._/-]*$/;

/** Labels as a run of ours can have them; ends the call with INVALID_ARGUMENT for others. */
export function checkedLabels(labels: Labels): Labels {
  const stated = Object.entries(labels);
  if (stated.length > labelsMax) throw invalid(`labels must be at most ${labelsMax}`);
  for (const [name, value] of stated) {
    if (name.length > nameLengthMax || !labelPattern.test(name)) {
      throw invalid(`label ${JSON.stringify(name.slice(0, nameLengthMax))} must have a plain name`);
    }
    if (value.length > labelValueLengthMax) {
      throw invalid(`label ${name} must have at most ${labelValueLengthMax} characters`);
    }
  }
  return Object.fromEntries(stated);
}

async function taskOf(parts: FlyteParts, { task }: CreateRunRequest) {
  switch (task.case) {
    case "taskSpec":
      return { id: undefined, spec: task.value };
    case "taskId": {
      const { op, spec } = await findDeployed(parts, task.value);
      const version = task.value.version || versionOf(op);
      return { id: { ...task.value, version }, spec };
    }
    default:
      throw invalid("task_spec or task_id must be set");
  }
}

async function inputUriOf({ blobs }: FlyteParts, { inputWrapper }: CreateRunRequest): Promise<string> {
  if (inputWrapper.case === "offloadedInputData") return inputWrapper.value.uri;
  return (await putInputs(blobs, inputWrapper.value)).uri;
}
