import { toBinary } from "@bufbuild/protobuf";
import type { Backoff } from "../../../../gen/flyteidl2/core/literals_pb.ts";
import type { TaskIdentifier, TaskSpec } from "../../../../gen/flyteidl2/task/task_definition_pb.ts";
import { TaskSpecSchema } from "../../../../gen/flyteidl2/task/task_definition_pb.ts";
import type { Input, RetryPolicy } from "../../../core/action.ts";
import type { NewAction } from "../../../core/stated.ts";
import { fromDuration } from "../../mapping/time.ts";
import type { Blob, Blobs } from "../blobs.ts";
import { invalid } from "../faults.ts";
import { flyteOp, inputNames, labelNames, printTaskFacts, type TaskFacts } from "../stated.ts";
import { attemptsMax, labelValueLengthMax, timeoutMsMax, uriLengthMax } from "./action-limits.ts";

/** A task of Flyte as a caller states it. */
export interface StatedTask {
  /** Under which name it was deployed; undefined for one that was not. */
  readonly id: TaskIdentifier | undefined;
  readonly spec: TaskSpec;
  readonly group: string;
  readonly inputUri: string;
  readonly runOutputBase: string;
  /** The serialised RunSpec of its run, which every task below hands on; undefined for none. */
  readonly runSpec: Input | undefined;
}

/**
 * A task of Flyte as one of ours, under its name among its siblings, once its spec is kept. Ends the call
 * with INVALID_ARGUMENT for what goes over a bound.
 */
export async function newTask(blobs: Blobs, name: string, stated: StatedTask): Promise<NewAction> {
  const { spec, group, inputUri, runOutputBase, runSpec } = stated;
  checkUri("input_uri", inputUri);
  checkUri("run_output_base", runOutputBase);
  checkLabel("group", group);
  const facts = factsOf(stated);
  const timeouts = timeoutsOf(spec);
  const kept = await blobs.put(toBinary(TaskSpecSchema, spec));
  return {
    name,
    spec: {
      kind: "task",
      op: flyteOp,
      opVersion: 0,
      inputs: {
        [inputNames.spec]: toReference(kept),
        [inputNames.inputUri]: text(inputUri),
        [inputNames.runOutputBase]: text(runOutputBase),
        [inputNames.task]: { value: printTaskFacts(facts) },
        ...(group === "" ? {} : { [inputNames.group]: text(group) }),
        ...(runSpec === undefined ? {} : { [inputNames.runSpec]: runSpec }),
      },
      retry: retryOf(spec),
      timeouts,
      cancelGraceMs: undefined,
      resources: undefined,
      placement: undefined,
      image: "",
      handler: "",
    },
    dependencies: [],
    labels: {
      ...(facts.shortName === "" ? {} : { [labelNames.task]: facts.shortName.slice(0, labelValueLengthMax) }),
      ...(group === "" ? {} : { [labelNames.group]: group }),
    },
  };
}

/** A file as an input. */
export function toReference({ uri, sha256, sizeBytes }: Blob): Input {
  return { value: { kind: "reference", uri, sha256, sizeBytes: String(sizeBytes) } };
}

function text(value: string): Input {
  return { value: { kind: "string", value } };
}

/** What is known of a task without its spec. */
export function factsOf({ id, spec }: Pick<StatedTask, "id" | "spec">): TaskFacts {
  const named = id ?? spec.taskTemplate?.id;
  const { org = "", project = "", domain = "", name = "", version = "" } = named ?? {};
  const short = spec.shortName || lastPart(name);
  return {
    org,
    project,
    domain,
    name,
    version,
    shortName: short,
    functionName: lastPart(short),
    taskType: spec.taskTemplate?.type ?? "",
    environment: spec.environment?.name ?? "",
  };
}

function lastPart(name: string): string {
  return name.slice(name.lastIndexOf(".") + 1);
}

function retryOf({ taskTemplate }: TaskSpec): Partial<RetryPolicy> {
  const strategy = taskTemplate?.metadata?.retries;
  const maxAttempts = Math.min((strategy?.retries ?? 0) + 1, attemptsMax);
  return { maxAttempts, ...(strategy?.backoff === undefined ? {} : backoffOf(strategy.backoff)) };
}

function backoffOf({ base, factor, cap }: Backoff): Partial<RetryPolicy> {
  const initialBackoffMs = boundedMs(fromDuration(base));
  const maxBackoffMs = boundedMs(fromDuration(cap));
  return {
    ...(initialBackoffMs === undefined ? {} : { initialBackoffMs }),
    ...(factor !== undefined && factor >= 1 && factor <= 100 ? { multiplier: factor } : {}),
    ...(maxBackoffMs === undefined ? {} : { maxBackoffMs }),
  };
}

function timeoutsOf({ taskTemplate }: TaskSpec) {
  const { timeout, timeouts } = taskTemplate?.metadata ?? {};
  return {
    queueToStartMs: boundedMs(fromDuration(timeouts?.queuedTimeout)),
    startToEndMs: boundedMs(fromDuration(timeout)),
    heartbeatMs: undefined,
  };
}

/** Undefined for what is no length of time; the longest for what is longer. */
function boundedMs(durationMs: number | undefined): number | undefined {
  if (durationMs === undefined || durationMs <= 0) return undefined;
  return Math.min(durationMs, timeoutMsMax);
}

/** Ends the call with INVALID_ARGUMENT for an address that is none. */
export function checkUri(field: string, uri: string): void {
  if (uri.length > uriLengthMax) throw invalid(`${field} must have at most ${uriLengthMax} characters`);
}

/** Ends the call with INVALID_ARGUMENT for a text that no label can have. */
export function checkLabel(field: string, label: string): void {
  if (label.length > labelValueLengthMax) {
    throw invalid(`${field} must have at most ${labelValueLengthMax} characters`);
  }
}
