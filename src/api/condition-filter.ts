import type { ConditionFilter as ConditionFilterMessage } from "../../gen/signalbox/v1/condition_service_pb.ts";
import type { Action } from "../core/action.ts";
import { namespaceOf, runIdOf } from "../core/name.ts";
import type { Labels } from "../core/run.ts";
import type { ConditionPlace, ConditionRow, Page, Store } from "../store/store.ts";
import { runOf } from "./feed.ts";
import type { CollectOptions } from "./pages.ts";
import { actionSizeBytes } from "./pages.ts";
import { fromNamespaces } from "./requests.ts";

/** Which conditions are wanted, as the rules name things. Undefined, or no label, does not restrict. */
export interface ConditionFilter {
  readonly namespace: string | undefined;
  readonly runId: string | undefined;
  readonly labels: Labels;
  readonly includeEnded: boolean;
}

/** The filter of a request. */
export function fromConditionFilter(filter: ConditionFilterMessage | undefined): ConditionFilter {
  const runId = filter?.runId ?? "";
  return {
    namespace: fromNamespaces(filter?.namespace ?? ""),
    runId: runId === "" ? undefined : runId,
    labels: filter?.labels ?? {},
    includeEnded: filter?.includeEnded ?? false,
  };
}

/** True if the filter wants a condition of a run with these labels, whether it has ended or not. */
export function wantsCondition(filter: ConditionFilter, action: Action, runLabels: Labels): boolean {
  return (
    action.spec.kind === "condition" &&
    (filter.namespace === undefined || namespaceOf(action.run) === filter.namespace) &&
    (filter.runId === undefined || runIdOf(action.run) === filter.runId) &&
    Object.entries(filter.labels).every(([name, value]) => runLabels[name] === value)
  );
}

/** How to collect a page of the conditions that a filter wants. */
export function conditionPages(
  store: Store,
  filter: ConditionFilter,
): Pick<CollectOptions<ConditionRow, ConditionPlace>, "read" | "placeOf" | "sizeOf"> {
  const { namespace, runId, labels, includeEnded } = filter;
  const run = runOf(filter);
  return {
    async read(after, limit) {
      const page: Page<ConditionRow, ConditionPlace> = await store.listConditions({
        namespace,
        run,
        labels,
        includeEnded,
        after,
        limit,
      });
      // One id in all namespaces names no run that the store could look up.
      if (runId === undefined || run !== undefined) return page;
      return { ...page, items: page.items.filter(({ action }) => runIdOf(action.run) === runId) };
    },
    placeOf: ({ action }) => ({ timeMs: action.createTimeMs, run: action.run, name: action.name }),
    sizeOf: ({ action }) => actionSizeBytes(action),
  };
}
