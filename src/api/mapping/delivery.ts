import type { Delivery as DeliveryMessage } from "../../../gen/signalbox/v1/delivery_pb.ts";
import type { Delivery } from "../../core/run.ts";

/** Where events are to go; undefined for a request that does not say. An empty topic says nowhere. */
export function fromDelivery(message: DeliveryMessage | undefined): Delivery | undefined {
  return message === undefined ? undefined : { topic: message.topic, attributes: message.attributes };
}

/** Where events go beside the feed; not set if nowhere. */
export function toDelivery(delivery: Delivery | undefined): DeliveryMessage | undefined {
  if (delivery === undefined) return undefined;
  return { $typeName: "signalbox.v1.Delivery", topic: delivery.topic, attributes: delivery.attributes };
}
