import { publishedBytesMax } from "../../limits.ts";
import type { Action } from "../action.ts";
import type { Decision } from "../change.ts";
import type { CommandOf } from "../command.ts";
import type { Draft } from "../draft.ts";
import type { Published } from "../event.ts";
import { runKey } from "../name.ts";
import { type Refusal, refuse } from "../refusal.ts";
import type { Run } from "../run.ts";
import { textSizeBytes } from "../value.ts";
import { answer, repeated } from "./requests.ts";

/** Puts events of a service's own into the feed: all of them, or none if one names what does not exist. */
export function publishEvents(draft: Draft, command: CommandOf<"publishEvents">): Decision<"publishEvents"> {
  const scope = { namespace: command.namespace, kind: command.kind, request: command.request };
  const before = repeated(draft, scope);
  if (before !== undefined) return before;
  const places: { run: Run | undefined; action: Action | undefined }[] = [];
  const violations = command.events.flatMap(({ runId, action }, index) => {
    if (runId !== "" || action === "") return [];
    const description = "an action can only be named together with its run";
    return [{ field: `events[${index}].action`, description }];
  });
  const size = command.events.reduce((total, { published }) => total + publishedSizeBytes(published), 0);
  if (size > publishedBytesMax) {
    const description = `the events take ${size} bytes, more than ${publishedBytesMax}; publish them in parts`;
    violations.push({ field: "events", description });
  }
  if (violations.length > 0) return refuse({ reason: "INVALID_REQUEST", violations });
  for (const event of command.events) {
    const place = placeOf(draft, command.namespace, event);
    if ("reason" in place) return refuse(place);
    places.push(place);
  }
  command.events.forEach(({ published }, index) => {
    const { run, action } = places[index] ?? {};
    const detail = { kind: "published" as const, ...published };
    if (run === undefined) draft.emitFor(command.namespace, detail);
    else draft.emit(run, action, detail);
  });
  return answer(draft, scope, { count: command.events.length });
}

function publishedSizeBytes({ source, type, attributes, payload }: Published): number {
  return (
    textSizeBytes(source) + textSizeBytes(type) + textSizeBytes(JSON.stringify([attributes, payload ?? null]))
  );
}

function placeOf(
  draft: Draft,
  namespace: string,
  event: { readonly runId: string; readonly action: string },
): { run: Run | undefined; action: Action | undefined } | Refusal {
  if (event.runId === "") return { run: undefined, action: undefined };
  const run = draft.run(runKey(namespace, event.runId));
  if (run === undefined) return { reason: "RUN_NOT_FOUND", namespace, runId: event.runId };
  if (event.action === "") return { run, action: undefined };
  const action = draft.action(run.key, event.action);
  if (action === undefined) return { reason: "ACTION_NOT_FOUND", runId: event.runId, action: event.action };
  return { run, action };
}
