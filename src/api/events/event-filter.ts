import type { EventKind as EventKindMessage } from "../../../gen/signalbox/v1/event_pb.ts";
import type { EventFilter as EventFilterMessage } from "../../../gen/signalbox/v1/event_service_pb.ts";
import type { EventKind } from "../../core/event.ts";
import type { EventMatcher, Expressions } from "../../engine/subscriptions/expressions.ts";
import { type Compiled, compileExpression } from "../expressions/expression.ts";
import { type EventFilter, matcherOf } from "../feed.ts";
import { eventKinds } from "../mapping/enums.ts";
import { toPlacedEvent } from "../mapping/to-proto-event.ts";
import { fromNamespaces } from "../requests.ts";
import { toConnectError } from "../status.ts";

/** The filter of a request. What is not said is left out, so that it makes no other filter. */
export function fromEventFilter(filter: EventFilterMessage | undefined): EventFilter {
  const runId = filter?.runId ?? "";
  const expression = filter?.expression ?? "";
  return {
    namespace: fromNamespaces(filter?.namespace ?? ""),
    runId: runId === "" ? undefined : runId,
    kinds: fromKinds(filter?.kinds ?? []),
    labels: filter?.labels ?? {},
    topics: [...(filter?.topics ?? [])].sort(),
    ...(expression === "" ? {} : { expression }),
  };
}

/** Sorted, so that the order in which kinds are named makes no other filter. */
function fromKinds(kinds: readonly EventKindMessage[]): readonly EventKind[] {
  return kinds.flatMap((kind) => eventKinds.word(kind) ?? []).sort();
}

/** What a filter wants, its expression included. Ends the call with FILTER_INVALID if that cannot be used. */
export function eventMatcher(filter: EventFilter): EventMatcher {
  const matches = matcherOf(filter);
  if (filter.expression === undefined) return matches;
  const compiled = checkExpression(filter.expression);
  // The expression comes last: it costs the most.
  return (event, placed) => matches(event) && compiled.matches(toPlacedEvent(placed));
}

/** An expression that can be used. Ends the call with FILTER_INVALID if it cannot. */
export function checkExpression(expression: string): Extract<Compiled, { readonly ok: true }> {
  const compiled = compileExpression(expression);
  if (compiled.ok) return compiled;
  throw toConnectError({ reason: "FILTER_INVALID", expression, fault: compiled.fault });
}

/** What the engine asks about the expressions of subscriptions. */
export const expressions: Expressions = {
  compile(expression) {
    const compiled = compileExpression(expression);
    return compiled.ok ? (placed) => compiled.matches(toPlacedEvent(placed)) : undefined;
  },
};
