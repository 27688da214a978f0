import type { EventFilter as FilterMessage } from "../../../gen/signalbox/v1/event_service_pb.ts";
import { eventKindNumbers, nameEventKind } from "../views/event.ts";
import type { EventKind } from "../views/event-details.ts";
import { withoutUndefined } from "../without-undefined.ts";

/** Which events are wanted; what is said must all hold. A namespace of `-` means all. */
export interface EventQuery {
  readonly runId?: string;
  /** Any of these kinds. */
  readonly kinds?: readonly Exclude<EventKind, "UNSPECIFIED">[];
  /** Only events of runs that had all of these labels then. */
  readonly labels?: Readonly<Record<string, string>>;
  /** Only events with a delivery to one of these topics; `*` means any. */
  readonly topics?: readonly string[];
  /** What else must be true of an event, in CEL, as `event.attempt > 1`; docs/feed.md says what it sees. */
  readonly expression?: string;
}

/** The message for a query, without a namespace. */
export function toEventFilter({
  runId = "",
  kinds = [],
  labels = {},
  topics = [],
  expression = "",
}: EventQuery) {
  return {
    runId,
    kinds: kinds.map((kind) => eventKindNumbers[kind]),
    labels: { ...labels },
    topics: [...topics],
    expression,
  };
}

/** A filter as plain values: what it says, and nothing else. */
export function fromEventFilter(
  filter: FilterMessage | undefined,
): EventQuery & { readonly namespace?: string } {
  const { namespace = "", runId = "", kinds = [], labels = {}, topics = [], expression = "" } = filter ?? {};
  const known = kinds.map(nameEventKind).filter((kind) => kind !== "UNSPECIFIED");
  return withoutUndefined({
    namespace: namespace || undefined,
    runId: runId || undefined,
    kinds: known.length === 0 ? undefined : known,
    labels: Object.keys(labels).length === 0 ? undefined : labels,
    topics: topics.length === 0 ? undefined : topics,
    expression: expression || undefined,
  });
}
