import type { JsonObject, JsonValue } from "@bufbuild/protobuf";
import {
  type Container,
  type K8sPod,
  Resources_ResourceName as ResourceNames,
} from "../../../gen/flyteidl2/core/tasks_pb.ts";
import type { TaskSpec } from "../../../gen/flyteidl2/task/task_definition_pb.ts";
import { ProgramFailedForGood } from "../attempt-failure.ts";
import { isObject } from "../config/config-check.ts";
import { toMegabytes } from "./memory-quantity.ts";

/** What a task of Flyte runs. */
export interface TaskContainer {
  readonly image: string;
  /** What takes the place of the image's entry point; may be empty. */
  readonly command: readonly string[];
  /** What stands behind it. There is at least one word in both together. */
  readonly args: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
  /** The most memory that it may have, in MB, if it says so. */
  readonly memoryMb: number | undefined;
}

/** The container of a task. Throws SpecUnsupported, for good, for a task that is none. */
export function containerOf(spec: TaskSpec): TaskContainer {
  const { target, type = "" } = spec.taskTemplate ?? { target: { case: undefined } };
  const container =
    target.case === "container"
      ? fromContainer(target.value)
      : target.case === "k8sPod"
        ? fromPod(target.value)
        : undefined;
  if (container === undefined || container.command.length + container.args.length === 0) {
    throw new ProgramFailedForGood("SpecUnsupported", `a task of type "${type}" has no command to run`);
  }
  const misnamed = Object.entries(container.environment).find(
    ([name, value]) => name === "" || /[=\0]/.test(name) || value.includes("\0"),
  );
  if (misnamed !== undefined) {
    throw new ProgramFailedForGood("SpecInvalid", `${JSON.stringify(misnamed[0])} is no variable`);
  }
  return container;
}

function fromContainer({ image, command, args, env, resources }: Container): TaskContainer {
  const limit = resources?.limits.find(({ name }) => name === ResourceNames.MEMORY);
  return {
    image,
    command,
    args,
    environment: Object.fromEntries(env.map(({ key, value }) => [key, value])),
    memoryMb: limit && toMegabytes(limit.value),
  };
}

/** The container of a pod that runs the task; what stands beside it is left out. */
function fromPod({ podSpec, primaryContainerName }: K8sPod): TaskContainer | undefined {
  const containers = listOf(podSpec?.["containers"]).filter(isJsonObject);
  const found = containers.find((one) => one["name"] === primaryContainerName) ?? containers[0];
  if (found === undefined) {
    return undefined;
  }
  const env = listOf(found["env"]).filter(isJsonObject);
  const { resources } = found;
  const limits = isJsonObject(resources) ? resources["limits"] : undefined;
  const memory = isJsonObject(limits) ? limits["memory"] : undefined;
  return {
    image: textOf(found["image"]),
    command: listOf(found["command"]).map(textOf),
    args: listOf(found["args"]).map(textOf),
    environment: Object.fromEntries(env.map(({ name, value }) => [textOf(name), textOf(value)])),
    memoryMb: toMegabytes(typeof memory === "number" ? String(memory) : textOf(memory)),
  };
}

function listOf(value: JsonValue | undefined): readonly JsonValue[] {
  return Array.isArray(value) ? value : [];
}

function textOf(value: JsonValue | undefined): string {
  return typeof value === "string" ? value : "";
}

function isJsonObject(value: JsonValue | undefined): value is JsonObject {
  return isObject(value);
}
