import type { Op as OpMessage } from "../../../gen/signalbox/v1/op_pb.ts";
import { fromInputSpecs, fromOutputSpecs, type NewInputSpec, type NewOutputSpec } from "../spec/op-specs.ts";
import {
  fromDelivery,
  fromPlacement,
  fromResources,
  type NewDelivery,
  type NewPlacement,
  type NewResources,
} from "../spec/placement.ts";
import { fromRetry, fromTimeouts, type NewRetry, type NewTimeouts } from "../spec/retry.ts";
import { toDate } from "./name.ts";

/** A registered, versioned operation. */
export interface Op {
  readonly namespace: string;
  readonly name: string;
  /** Grows by one with each registration that changes the content. */
  readonly version: number;
  /** A semantic version of its owner's, such as `1.2.0`; empty for none. */
  readonly versionName: string;
  readonly description: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly inputs: Readonly<Record<string, NewInputSpec>>;
  /** True if inputs that `inputs` does not name are taken, too. */
  readonly allowExtraInputs: boolean;
  readonly outputs: Readonly<Record<string, NewOutputSpec>>;
  /** What a task of it asks of its worker, unless it says its own. */
  readonly resources: NewResources | undefined;
  /** Which workers a task of it may go to, unless it says its own. */
  readonly placement: NewPlacement | undefined;
  /** Where the events of a run of it go, unless the run says its own. */
  readonly delivery: NewDelivery | undefined;
  /** The container image that executes it. */
  readonly image: string;
  /** What executes it, as its workers understand it. */
  readonly handler: string;
  /** What a task of it does after a failed attempt, unless it says its own. */
  readonly retry: NewRetry | undefined;
  /** How long a task of it may take, unless it says its own. */
  readonly timeouts: NewTimeouts | undefined;
  /** When its first version was registered. */
  readonly createTime: Date | undefined;
  /** When this version was made. */
  readonly updateTime: Date | undefined;
}

/** An op as plain values. */
export function toOp(op: OpMessage): Op {
  return {
    namespace: op.namespace,
    name: op.name,
    version: op.version,
    versionName: op.versionName,
    description: op.description,
    labels: op.labels,
    inputs: fromInputSpecs(op.inputs),
    allowExtraInputs: op.allowExtraInputs,
    outputs: fromOutputSpecs(op.outputs),
    resources: op.resources === undefined ? undefined : fromResources(op.resources),
    placement: op.placement === undefined ? undefined : fromPlacement(op.placement),
    delivery: fromDelivery(op.delivery),
    image: op.image,
    handler: op.handler,
    retry: op.retry === undefined ? undefined : fromRetry(op.retry),
    timeouts: op.timeouts === undefined ? undefined : fromTimeouts(op.timeouts),
    createTime: toDate(op.createTime),
    updateTime: toDate(op.updateTime),
  };
}
