import type { Action } from "../../core/action.ts";
import { standingOf, termsOf } from "../../core/conditions/standing.ts";
import { namespaceOf } from "../../core/name.ts";
import type { Op } from "../../core/ops/op.ts";
import type { Run } from "../../core/run.ts";
import type { Session } from "../../core/session.ts";
import { hasLabels, placeParts, runBounds, scanPage } from "../scan.ts";
import type * as seam from "../store.ts";
import { noDeadlineMs } from "../store.ts";
import { byPlace } from "./memory-ops.ts";
import type { MemoryState } from "./memory-state.ts";
import { compareTexts } from "./sorted-set.ts";

/** A page of runs. */
export function listRuns(state: MemoryState, query: seam.RunQuery): seam.Page<Run, seam.RunPlace> {
  const { namespace, states, labels, pausedOnly, op, image, limit } = query;
  const { older, newer } = runBounds(query);
  const isBackward = query.before !== undefined;
  const runs = [...state.runs.values()]
    .filter((run) => namespace === undefined || namespaceOf(run.key) === namespace)
    .filter((run) => !pausedOnly || run.pausedConditionCount > 0)
    .filter((run) => byAge(placeOfRun(run), older) < 0 && byAge(placeOfRun(run), newer) > 0)
    .sort((one, other) => byAge(placeOfRun(one), placeOfRun(other)));
  const page = scanPage({
    rows: isBackward ? runs : runs.reverse(),
    limit,
    matches: (run) =>
      (states.length === 0 || states.includes(run.state)) &&
      (op === undefined || run.op === op) &&
      (image === undefined || run.image === image) &&
      hasLabels(run.labels, labels),
    placeOf: placeOfRun,
  });
  return isBackward ? { items: page.items.toReversed(), next: page.next } : page;
}

/** A page of conditions. */
export function listConditions(
  state: MemoryState,
  query: seam.ConditionQuery,
): seam.Page<seam.ConditionRow, seam.ConditionPlace> {
  const { run: wanted, namespace, includeEnded, order, after } = query;
  const isOpenOnly = order === "due" || !includeEnded;
  const placeOf = ({ action }: seam.ConditionRow): seam.ConditionPlace => placeOfCondition(action, order);
  const rows: seam.ConditionRow[] = [];
  for (const run of state.runs.values()) {
    if (namespace !== undefined && namespaceOf(run.key) !== namespace) continue;
    if (wanted !== undefined && run.key !== wanted) continue;
    for (const action of state.actions(run.key)) {
      const isListed = isOpenOnly ? action.state === "PAUSED" : action.state !== "PENDING";
      if (action.spec.kind !== "condition" || !isListed) continue;
      const row = { action, runLabels: run.labels, requester: run.createdBy, op: opAbove(state, action) };
      if (after === undefined || byAge(placeOf(row), after) > 0) rows.push(row);
    }
  }
  return scanPage({
    rows: rows.sort((one, other) => byAge(placeOf(one), placeOf(other))),
    limit: query.limit,
    matches: (row) => isWanted(row, query),
    placeOf,
  });
}

function isWanted({ action, runLabels, op }: seam.ConditionRow, query: seam.ConditionQuery): boolean {
  const { snoozeEndMs, assignee, deadlineMs = noDeadlineMs } = standingOf(action);
  if (!query.includeSnoozed && action.state === "PAUSED" && snoozeEndMs !== undefined) return false;
  const { correlationKey } = termsOf(action);
  return (
    hasLabels(runLabels, query.labels) &&
    (query.assignee === undefined || assignee === query.assignee) &&
    (query.dueBeforeMs === undefined || deadlineMs < query.dueBeforeMs) &&
    (query.op === undefined || (op !== "" && op === query.op)) &&
    (query.correlationKey === undefined || correlationKey === query.correlationKey)
  );
}

/** The op of the task that an action is a child of; "" for none. */
function opAbove(state: MemoryState, { run, parent }: Action): string {
  const above = state.action(run, parent);
  return above?.spec.kind === "task" ? above.spec.op : "";
}

/** A page of ops. */
export function listOps(state: MemoryState, query: seam.OpQuery): seam.Page<Op, seam.OpPlace> {
  const { namespace, allVersions, namePrefix, after, limit } = query;
  const ops = state.ops
    .all()
    .filter((op) => op.namespace === namespace && op.name.startsWith(namePrefix))
    .filter((op) => allVersions || state.op(namespace, op.name, 0) === op)
    .filter((op) => after === undefined || byPlace(op, after) > 0);
  const placeOf = ({ name, version }: Op): seam.OpPlace => ({ name, version });
  return scanPage({ rows: ops, limit, matches: () => true, placeOf });
}

/** A page of what has a name in a namespace. */
export function listByName<T extends { readonly namespace: string; readonly name: string }>(
  all: readonly T[],
  { namespace, after, limit }: seam.NameQuery,
): seam.Page<T, string> {
  const last = namespace === undefined ? placeParts(after) : { namespace, name: after ?? "" };
  const rows = all
    .filter((one) => namespace === undefined || one.namespace === namespace)
    .filter((one) => byName(one, last) > 0)
    .sort(byName);
  const placeOf = (one: T): string => (namespace === undefined ? `${one.namespace}/${one.name}` : one.name);
  return scanPage({ rows, limit, matches: () => true, placeOf });
}

/** A page of sessions. */
export function listSessions(
  state: MemoryState,
  { namespace, labels, after, limit }: Parameters<seam.Store["listSessions"]>[0],
): seam.Page<Session, string> {
  const last = placeParts(after);
  const sessions = state
    .sessions()
    .map((session) => ({ session, namespace: session.namespace, name: session.workerId }))
    .filter((row) => namespace === undefined || row.namespace === namespace)
    .filter((row) => after === undefined || byName(row, last) > 0)
    .sort(byName);
  const page = scanPage({
    rows: sessions,
    limit,
    matches: ({ session }) => hasLabels(session.labels, labels),
    placeOf: (row) => `${row.namespace}/${row.name}`,
  });
  return { items: page.items.map(({ session }) => session), next: page.next };
}

function placeOfRun(run: Run): seam.RunPlace {
  return { timeMs: run.createTimeMs, run: run.key };
}

function placeOfCondition(action: Action, order: seam.ConditionQuery["order"]): seam.ConditionPlace {
  const { createTimeMs, run, name } = action;
  const timeMs = order === "due" ? (standingOf(action).deadlineMs ?? noDeadlineMs) : createTimeMs;
  return { timeMs, run, name };
}

/** Orders places by time, then run, then name if they have one; negative if the first is older. */
function byAge(one: seam.RunPlace & { name?: string }, other: seam.RunPlace & { name?: string }): number {
  return (
    one.timeMs - other.timeMs ||
    compareTexts(one.run, other.run) ||
    compareTexts(one.name ?? "", other.name ?? "")
  );
}

/** Orders by namespace, then by name. */
function byName(
  one: { readonly namespace: string; readonly name: string },
  other: { readonly namespace: string; readonly name: string },
): number {
  return compareTexts(one.namespace, other.namespace) || compareTexts(one.name, other.name);
}
