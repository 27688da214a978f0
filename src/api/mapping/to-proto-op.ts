import type {
  InputSpec as InputSpecMessage,
  Op as OpMessage,
  OutputSpec as OutputSpecMessage,
  RetryPolicy as RetryPolicyMessage,
  Timeouts as TimeoutsMessage,
} from "../../../gen/signalbox/v1/op_pb.ts";
import type { RetryPolicy, Timeouts } from "../../core/action.ts";
import type { InputSpec, Op, OutputSpec } from "../../core/ops/op.ts";
import type { Json } from "../../core/value.ts";
import { toDelivery } from "./delivery.ts";
import { specTypes } from "./enums.ts";
import { message } from "./message.ts";
import { toDuration, toTimestamp } from "./time.ts";
import { toPlacement, toResources } from "./to-proto-resource.ts";
import { toValue } from "./to-proto-value.ts";

/** One version of an op. */
export function toOp(op: Op): OpMessage {
  return message<OpMessage>({
    $typeName: "signalbox.v1.Op",
    namespace: op.namespace,
    name: op.name,
    version: op.version,
    description: op.description,
    labels: op.labels,
    retry: op.retry === undefined ? undefined : toRetryPolicy(op.retry),
    timeouts: op.timeouts === undefined ? undefined : toTimeouts(op.timeouts),
    createTime: toTimestamp(op.createTimeMs),
    updateTime: toTimestamp(op.updateTimeMs),
    versionName: op.versionName,
    inputs: byName(op.inputs.specs, toInputSpec),
    allowExtraInputs: op.inputs.allowExtra,
    outputs: byName(op.outputs, toOutputSpec),
    resources: toResources(op.resources),
    placement: toPlacement(op.placement),
    delivery: toDelivery(op.delivery),
    image: op.image,
    handler: op.handler,
  });
}

function toInputSpec(spec: InputSpec): InputSpecMessage {
  return message<InputSpecMessage>({
    $typeName: "signalbox.v1.InputSpec",
    type: specTypes.of[spec.type],
    required: spec.required,
    defaultValue: spec.defaultValue === undefined ? undefined : toValue(spec.defaultValue),
    description: spec.description,
    schema: toStruct(spec.schema),
  });
}

function toOutputSpec(spec: OutputSpec): OutputSpecMessage {
  return message<OutputSpecMessage>({
    $typeName: "signalbox.v1.OutputSpec",
    type: specTypes.of[spec.type],
    description: spec.description,
    schema: toStruct(spec.schema),
  });
}

/** A field of type `google.protobuf.Struct` holds plain JSON in these messages. */
function toStruct<T>(schema: Json | undefined): T | undefined {
  return schema as T | undefined;
}

function byName<From, To>(
  items: Readonly<Record<string, From>>,
  translate: (item: From) => To,
): Record<string, To> {
  const translated: Record<string, To> = {};
  for (const [name, item] of Object.entries(items)) translated[name] = translate(item);
  return translated;
}

/** What happens after a failed attempt; what is not said is 0 or not set. */
export function toRetryPolicy(policy: Partial<RetryPolicy>): RetryPolicyMessage {
  return message<RetryPolicyMessage>({
    $typeName: "signalbox.v1.RetryPolicy",
    maxAttempts: policy.maxAttempts ?? 0,
    initialBackoff: toDuration(policy.initialBackoffMs),
    multiplier: policy.multiplier ?? 0,
    maxBackoff: toDuration(policy.maxBackoffMs),
    jitter: policy.jitter ?? 0,
    nonRetryableErrorTypes: [...(policy.nonRetryableErrorTypes ?? [])],
    manual: policy.manual ?? false,
  });
}

/** How long the parts of a task's life may take. */
export function toTimeouts(timeouts: Timeouts): TimeoutsMessage {
  return message<TimeoutsMessage>({
    $typeName: "signalbox.v1.Timeouts",
    queueToStart: toDuration(timeouts.queueToStartMs),
    startToEnd: toDuration(timeouts.startToEndMs),
    heartbeat: toDuration(timeouts.heartbeatMs),
  });
}
