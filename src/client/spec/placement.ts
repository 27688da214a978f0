import type { MessageInitShape } from "@bufbuild/protobuf";
import type { Delivery, DeliverySchema } from "../../../gen/signalbox/v1/delivery_pb.ts";
import type {
  Placement,
  PlacementSchema,
  Resources,
  ResourcesSchema,
} from "../../../gen/signalbox/v1/resource_pb.ts";
import { withoutUndefined } from "../without-undefined.ts";

/** What a task asks of the worker that executes it. What is not said is not asked for. */
export interface NewResources {
  /** Processor cores; a thousandth is the smallest step. */
  readonly cpu?: number;
  readonly ramMb?: number;
  /** Memory whole on each one device that it is given. */
  readonly vramMb?: number;
  /** 1 unless said, if `vramMb` or `deviceIndex` is; without `vramMb` each is taken whole. */
  readonly deviceCount?: number;
  /** The one device that it must have, by its index on the worker. */
  readonly deviceIndex?: number;
}

/** Which workers a task may go to. */
export interface NewPlacement {
  /** Only workers with all of these labels. */
  readonly workerLabels?: Readonly<Record<string, string>>;
  /** The taints it bears; without a value every one of the key. */
  readonly tolerations?: readonly { readonly key: string; readonly value?: string }[];
}

/** Where events go beside the feed. */
export interface NewDelivery {
  readonly topic: string;
  /** Attached to each event. */
  readonly attributes?: Readonly<Record<string, string>>;
}

/** The message for resources. Throws a RangeError for what must be a whole number and is not. */
export function toResources(resources: NewResources): MessageInitShape<typeof ResourcesSchema> {
  const { cpu, ramMb, vramMb, deviceCount, deviceIndex } = resources;
  for (const [name, count] of Object.entries({ ramMb, vramMb, deviceCount, deviceIndex })) {
    if (count !== undefined && !Number.isSafeInteger(count)) {
      throw new RangeError(`${name} is ${count} and must be a whole number`);
    }
  }
  return withoutUndefined({
    cpu,
    ramMb: ramMb === undefined ? undefined : BigInt(ramMb),
    vramMb: vramMb === undefined ? undefined : BigInt(vramMb),
    deviceCount,
    deviceIndex,
  });
}

/** Resources as plain values. */
export function fromResources(resources: Resources): NewResources {
  const { cpu, ramMb, vramMb, deviceCount, deviceIndex } = resources;
  return withoutUndefined({
    cpu,
    ramMb: ramMb === undefined ? undefined : Number(ramMb),
    vramMb: vramMb === undefined ? undefined : Number(vramMb),
    deviceCount,
    deviceIndex,
  });
}

/** The message for a placement. */
export function toPlacement(placement: NewPlacement): MessageInitShape<typeof PlacementSchema> {
  const { workerLabels = {}, tolerations = [] } = placement;
  return {
    workerLabels: { ...workerLabels },
    tolerations: tolerations.map(({ key, value = "" }) => ({ key, value })),
  };
}

/** A placement as plain values. */
export function fromPlacement({ workerLabels, tolerations }: Placement): NewPlacement {
  return { workerLabels, tolerations: tolerations.map(({ key, value }) => ({ key, value })) };
}

/** The message for a delivery. */
export function toDelivery({ topic, attributes = {} }: NewDelivery): MessageInitShape<typeof DeliverySchema> {
  return { topic, attributes: { ...attributes } };
}

/** A delivery as plain values; undefined stays what it is. */
export function fromDelivery(delivery: Delivery | undefined): Required<NewDelivery> | undefined {
  return delivery === undefined ? undefined : { topic: delivery.topic, attributes: delivery.attributes };
}
