import type {
  InputSpec as InputSpecMessage,
  Op as OpMessage,
  OutputSpec as OutputSpecMessage,
  RetryPolicy as RetryPolicyMessage,
  Timeouts as TimeoutsMessage,
} from "../../../gen/signalbox/v1/op_pb.ts";
import type { RetryPolicy, Timeouts } from "../../core/action.ts";
import type { InputSpec, OpContent, OutputSpec, SpecType } from "../../core/ops/op.ts";
import { fromDelivery } from "./delivery.ts";
import { specTypes } from "./enums.ts";
import type { Faults } from "./faults.ts";
import { fromPlacement, fromResources } from "./from-proto-resource.ts";
import { fromValue } from "./from-proto-value.ts";
import { fromDuration } from "./time.ts";

/** What an op says, without its name. */
export function fromOp(message: OpMessage, faults: Faults): OpContent {
  const { description, labels, retry, timeouts, inputs, outputs } = message;
  return {
    description,
    labels,
    retry: retry === undefined ? undefined : fromRetryPolicy(retry),
    timeouts: timeouts === undefined ? undefined : fromTimeouts(timeouts),
    versionName: message.versionName,
    inputs: {
      specs: faults.entries("inputs", inputs, (spec) => fromInputSpec(spec, faults)),
      allowExtra: message.allowExtraInputs,
    },
    outputs: faults.entries("outputs", outputs, (spec) => fromOutputSpec(spec, faults)),
    resources: faults.within("resources", () => fromResources(message.resources, faults)),
    placement: faults.within("placement", () => fromPlacement(message.placement, faults)),
    delivery: fromDelivery(message.delivery),
    image: message.image,
    handler: message.handler,
  };
}

function fromInputSpec(
  { type, required, defaultValue, description, schema }: InputSpecMessage,
  faults: Faults,
) {
  const spec: InputSpec = {
    type: fromSpecType(type, faults),
    required: required ?? true,
    defaultValue:
      defaultValue === undefined
        ? undefined
        : faults.within("default_value", () => fromValue(defaultValue, faults)),
    description,
    schema,
  };
  return spec;
}

function fromOutputSpec({ type, description, schema }: OutputSpecMessage, faults: Faults): OutputSpec {
  return { type: fromSpecType(type, faults), description, schema };
}

function fromSpecType(type: InputSpecMessage["type"], faults: Faults): SpecType {
  const word = specTypes.word(type);
  if (word === undefined) faults.within("type", () => faults.add("must be a type of input or output"));
  return word ?? "any";
}

/** The parts of a policy that are stated; a zero number or an empty list states nothing. */
export function fromRetryPolicy(message: RetryPolicyMessage): Partial<RetryPolicy> {
  const { maxAttempts, initialBackoff, multiplier, maxBackoff, jitter, nonRetryableErrorTypes } = message;
  return {
    ...(maxAttempts === 0 ? {} : { maxAttempts }),
    ...(initialBackoff === undefined ? {} : { initialBackoffMs: fromDuration(initialBackoff) }),
    ...(multiplier === 0 ? {} : { multiplier }),
    ...(maxBackoff === undefined ? {} : { maxBackoffMs: fromDuration(maxBackoff) }),
    ...(jitter === 0 ? {} : { jitter }),
    ...(nonRetryableErrorTypes.length === 0 ? {} : { nonRetryableErrorTypes }),
    ...(message.manual ? { manual: true } : {}),
  };
}

/** How long the parts of a task's life may take. */
export function fromTimeouts(message: TimeoutsMessage): Timeouts {
  return {
    queueToStartMs: fromDuration(message.queueToStart),
    startToEndMs: fromDuration(message.startToEnd),
    heartbeatMs: fromDuration(message.heartbeat),
  };
}
