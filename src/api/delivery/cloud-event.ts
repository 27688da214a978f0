import { toJson } from "@bufbuild/protobuf";
import { EventSchema } from "../../../gen/signalbox/v1/event_pb.ts";
import type { Event } from "../../core/event.ts";
import type { PlacedEvent } from "../../engine/feed-pages.ts";
import { toPlacedEvent } from "../mapping/to-proto-event.ts";

/** The content type of a CloudEvent that is JSON as a whole. */
export const cloudEventType = "application/cloudevents+json; charset=utf-8";

/** Names that mean something already: an attribute of a delivery gets another one. */
const takenNames: readonly string[] = [
  "specversion",
  "id",
  "source",
  "type",
  "subject",
  "time",
  "datacontenttype",
  "dataschema",
  "data",
  "topic",
];

const texts = new WeakMap<PlacedEvent, string>();

/**
 * An event as a CloudEvent 1.0, JSON as a whole. It is the same text for everybody who sends it, and each
 * time it is sent.
 */
export function cloudEventOf(placed: PlacedEvent): string {
  const known = texts.get(placed);
  if (known !== undefined) return known;
  const { event } = placed;
  const data = toPlacedEvent(placed);
  const text = JSON.stringify({
    specversion: "1.0",
    id: data.eventId,
    source: sourceOf(event),
    type: `signalbox.v1.${event.detail.kind}`,
    ...(event.action === "" ? {} : { subject: event.action }),
    time: new Date(event.timeMs).toISOString(),
    datacontenttype: "application/json",
    ...extensionsOf(event),
    data: toJson(EventSchema, data),
  });
  texts.set(placed, text);
  return text;
}

/** Where an event is from: its run, or its namespace if it has none. */
function sourceOf({ namespace, runId }: Event): string {
  return runId === "" ? `/signalbox/${namespace}` : `/signalbox/${namespace}/runs/${runId}`;
}

/**
 * The topic and the attributes of a delivery as extensions of a CloudEvent, whose names have only lower-case
 * letters and digits: other characters are left out. Where that leaves a name that is taken, it has `attr` in
 * front, and a number behind it if that is taken too. `data.delivery` has them as they were said.
 */
function extensionsOf({ delivery }: Event): Readonly<Record<string, string>> {
  if (delivery === undefined || delivery.topic === "") return {};
  const extensions: Record<string, string> = { topic: delivery.topic };
  const taken = new Set(takenNames);
  for (const name of Object.keys(delivery.attributes).sort()) {
    const plain = name.toLowerCase().replace(/[^a-z0-9]/g, "");
    let legal = taken.has(plain) ? `attr${plain}` : plain;
    for (let number = 2; taken.has(legal); number += 1) legal = `attr${plain}${number}`;
    taken.add(legal);
    extensions[legal] = delivery.attributes[name] ?? "";
  }
  return extensions;
}
