import { create, type DescMessage, type MessageInitShape, type MessageShape } from "@bufbuild/protobuf";
import { type Duration, durationFromMs } from "@bufbuild/protobuf/wkt";
import { createValidator, type Validator } from "@bufbuild/protovalidate";
import { type InputSchema, type NewAction, NewActionSchema } from "../../../gen/signalbox/v1/action_pb.ts";
import { type Published, PublishedSchema } from "../../../gen/signalbox/v1/event_pb.ts";
import { type ConditionType, toValue, toValueOfType } from "../../client/js-value.ts";
import { toConditionSpec } from "../../client/spec/condition.ts";
import { toPlacement, toResources } from "../../client/spec/placement.ts";
import { isOutput } from "../../client/spec/plan.ts";
import type {
  ChildTaskOptions,
  ConditionOptions,
  RetryOptions,
  TaskEvent,
  TimeoutOptions,
} from "../task-context.ts";

/**
 * Turns what a task asks for into messages within the contract's bounds. What breaks one is a TypeError for
 * the task that asked: on the wire it would end the stream of the whole worker.
 */

/** A child task. */
export function newTask(name: string, options: ChildTaskOptions): NewAction {
  const { op, opVersion = 0, input = {}, retry, timeouts, cancelGraceMs, labels } = options;
  const { resources, placement, image = "", handler = "" } = options;
  const given = Object.entries(input).filter(([, value]) => value !== undefined);
  const task = {
    op,
    opVersion,
    inputs: Object.fromEntries(given.map(([key, value]) => [key, toInput(value, `the input ${key}`)])),
    image,
    handler,
    ...(resources && { resources: toResources(resources) }),
    ...(placement && { placement: toPlacement(placement) }),
    ...(retry && { retry: toRetry(retry) }),
    ...(timeouts && { timeouts: toTimeouts(timeouts) }),
    ...(cancelGraceMs !== undefined && { cancelGrace: toDuration(cancelGraceMs) }),
  };
  return checked(NewActionSchema, { name, kind: { case: "task", value: task }, labels: { ...labels } });
}

/** A condition. */
export function newCondition<T extends ConditionType>(name: string, options: ConditionOptions<T>): NewAction {
  const { labels, ...condition } = options;
  return checked(NewActionSchema, {
    name,
    kind: { case: "condition", value: toConditionSpec(condition) },
    labels: { ...labels },
  });
}

/** A step that the attempt executes itself. */
export function newTrace(name: string): NewAction {
  return checked(NewActionSchema, { name, kind: { case: "trace", value: {} } });
}

/** An event of a task's own; `op` is who publishes if the task does not say. */
export function newPublished({ type, source, attributes, payload }: TaskEvent, op: string): Published {
  const value = payload === undefined ? undefined : toValueOfType(payload, "json", "the payload").kind.value;
  return checked(PublishedSchema, {
    source: source ?? op,
    type,
    attributes: { ...attributes },
    ...(value !== undefined && { payload: value as NonNullable<Published["payload"]> }),
  });
}

function toInput(value: unknown, place: string): MessageInitShape<typeof InputSchema> {
  return isOutput(value)
    ? { source: { case: "reference", value: { from: value.from, output: value.output } } }
    : { source: { case: "value", value: toValue(value, place) } };
}

function toRetry(retry: RetryOptions) {
  const {
    maxAttempts = 0,
    initialBackoffMs,
    multiplier = 0,
    maxBackoffMs,
    jitter = 0,
    nonRetryableErrorTypes,
  } = retry;
  return {
    maxAttempts,
    multiplier,
    jitter,
    nonRetryableErrorTypes: [...(nonRetryableErrorTypes ?? [])],
    ...(initialBackoffMs !== undefined && { initialBackoff: toDuration(initialBackoffMs) }),
    ...(maxBackoffMs !== undefined && { maxBackoff: toDuration(maxBackoffMs) }),
  };
}

function toTimeouts({ queueToStartMs, startToEndMs, heartbeatMs }: TimeoutOptions) {
  return {
    ...(queueToStartMs !== undefined && { queueToStart: toDuration(queueToStartMs) }),
    ...(startToEndMs !== undefined && { startToEnd: toDuration(startToEndMs) }),
    ...(heartbeatMs !== undefined && { heartbeat: toDuration(heartbeatMs) }),
  };
}

function toDuration(durationMs: number): Duration {
  if (!Number.isFinite(durationMs)) {
    throw new TypeError(`a duration is a number of milliseconds and not ${durationMs}`);
  }
  return durationFromMs(Math.round(durationMs));
}

let validator: Validator | undefined;

function checked<Desc extends DescMessage>(schema: Desc, init: MessageInitShape<Desc>): MessageShape<Desc> {
  const message = create(schema, init);
  validator ??= createValidator();
  const result = validator.validate(schema, message);
  if (result.kind === "valid") {
    return message;
  }
  const { violations = [] } = result;
  const told = violations.map((violation) => violation.toString()).join("; ");
  throw new TypeError(told || result.error.message);
}
