import type { ConditionFilter as ConditionFilterMessage } from "../../gen/signalbox/v1/condition_service_pb.ts";
import { hasEnded } from "../core/action.ts";
import { standingOf, termsOf } from "../core/conditions/standing.ts";
import { namespaceOf, runIdOf } from "../core/name.ts";
import type { Labels } from "../core/run.ts";
import type { ConditionPlace, ConditionQuery, ConditionRow, Store } from "../store/store.ts";
import { noDeadlineMs } from "../store/store.ts";
import type { Caller } from "./callers/caller.ts";
import { isAnswerableBy } from "./conditions/answer-rights.ts";
import { runOf } from "./feed.ts";
import { fromTimestamp } from "./mapping/time.ts";
import type { CollectOptions } from "./pages.ts";
import { actionSizeBytes } from "./pages.ts";
import { fromNamespaces } from "./requests.ts";

/** Which conditions are wanted, as the rules name things. Undefined, or no label, does not restrict. */
export interface ConditionFilter {
  readonly namespace: string | undefined;
  readonly runId: string | undefined;
  readonly labels: Labels;
  readonly includeEnded: boolean;
  readonly includeSnoozed: boolean;
  readonly assignee: string | undefined;
  readonly dueBeforeMs: number | undefined;
  readonly op: string | undefined;
  readonly correlationKey: string | undefined;
  /** Only what this caller may answer and has not. */
  readonly answerableBy: Caller | undefined;
}

/** The filter of a request that somebody makes. */
export function fromConditionFilter(
  filter: ConditionFilterMessage | undefined,
  caller: Caller,
): ConditionFilter {
  return {
    namespace: fromNamespaces(filter?.namespace ?? ""),
    runId: stated(filter?.runId),
    labels: filter?.labels ?? {},
    includeEnded: filter?.includeEnded ?? false,
    includeSnoozed: filter?.includeSnoozed ?? false,
    assignee: stated(filter?.assignee),
    dueBeforeMs: fromTimestamp(filter?.dueBefore),
    op: stated(filter?.op),
    correlationKey: stated(filter?.correlationKey),
    answerableBy: filter?.answerable === true ? caller : undefined,
  };
}

function stated(text: string | undefined): string | undefined {
  return text === "" ? undefined : text;
}

/** How a condition stands to a filter: `gone` if it may have been wanted before something was done to it. */
export type FilterStanding = "wanted" | "gone" | "other";

/**
 * How a condition stands to a filter, whether it has ended or is snoozed, or not: who follows it is told of
 * that too. Whose turn it is, when its time runs out and who may answer change while it is open.
 */
export function standingIn(filter: ConditionFilter, row: ConditionRow): FilterStanding {
  const { action, runLabels, op } = row;
  const isMeant =
    action.spec.kind === "condition" &&
    (filter.namespace === undefined || namespaceOf(action.run) === filter.namespace) &&
    (filter.runId === undefined || runIdOf(action.run) === filter.runId) &&
    (filter.op === undefined || op === filter.op) &&
    (filter.correlationKey === undefined || termsOf(action).correlationKey === filter.correlationKey) &&
    Object.entries(filter.labels).every(([name, value]) => runLabels[name] === value);
  if (!isMeant) return "other";
  const { assignee, deadlineMs } = standingOf(action);
  const isWanted =
    (filter.assignee === undefined || assignee === filter.assignee) &&
    (filter.dueBeforeMs === undefined || (deadlineMs !== undefined && deadlineMs < filter.dueBeforeMs)) &&
    (filter.answerableBy === undefined || hasEnded(action) || isAnswerableBy(row, filter.answerableBy));
  return isWanted ? "wanted" : "gone";
}

/** How to collect a page of the conditions that a filter wants. */
export function conditionPages(
  store: Store,
  filter: ConditionFilter,
  order: ConditionQuery["order"],
): Pick<CollectOptions<ConditionRow, ConditionPlace>, "read" | "placeOf" | "sizeOf"> {
  const { runId, answerableBy, ...wanted } = filter;
  const run = runOf(filter);
  return {
    async read(after, limit) {
      const page = await store.listConditions({ ...wanted, run, order, after, limit });
      // One id in all namespaces names no run that the store could look up.
      const isOfRun = (row: ConditionRow) =>
        runId === undefined || run !== undefined || runIdOf(row.action.run) === runId;
      const isTheirs = (row: ConditionRow) => answerableBy === undefined || isAnswerableBy(row, answerableBy);
      return { ...page, items: page.items.filter((row) => isOfRun(row) && isTheirs(row)) };
    },
    placeOf: ({ action }) => ({
      timeMs: order === "age" ? action.createTimeMs : (standingOf(action).deadlineMs ?? noDeadlineMs),
      run: action.run,
      name: action.name,
    }),
    sizeOf: ({ action }) => actionSizeBytes(action),
  };
}
