import type { Event } from "../../core/event.ts";

/** What may stand in a subject to be filled in. */
const places = /\{(topic|namespace|run_id)\}/g;

/**
 * The subject that an event is published to. What an event does not have is `_`, and so is every character of
 * a run's id that would be one of NATS' own.
 */
export function subjectOf(template: string, { namespace, runId, delivery }: Event): string {
  const topic = delivery?.topic ?? "";
  return template.replace(places, (_, place: string) => {
    if (place === "topic") return topic === "" ? "_" : topic;
    const text = place === "namespace" ? namespace : runId;
    return text === "" ? "_" : text.replaceAll(".", "_");
  });
}

/** What is wrong with a template of a subject; undefined if nothing is. */
export function subjectFault(template: string): string | undefined {
  const filled = template.replace(places, "x");
  if (/[{}]/.test(filled))
    return "may have {topic}, {namespace} and {run_id} to be filled in, and no other braces";
  if (/[\s*>]/.test(filled) || !/^[\x21-\x7e]+$/.test(filled))
    return "must be printable, without spaces, * and >";
  if (filled.split(".").includes("")) return "must be words with single dots between them";
  if (filled.startsWith("$")) return "must not begin with $, which is NATS' own";
  return undefined;
}
