import type { SQLInputValue } from "node:sqlite";
import type { RunKey } from "../../../core/name.ts";
import { liveActionsPerRunMax, rowsPerPageScanMax } from "../../../limits.ts";
import { type ConditionPlace, type ConditionQuery, noDeadlineMs } from "../../store.ts";
import type { Nullable } from "../rows/columns.ts";
import type { Statements } from "./statements.ts";

/** What a list looks at of each condition, wanted or not. */
export interface ScannedCondition {
  readonly run: string;
  readonly name: string;
  readonly create_ms: number;
  /** PAUSED or ENDED. */
  readonly condition_state: string;
  readonly assignee: Nullable<string>;
  readonly deadline_ms: Nullable<number>;
  readonly snooze_end_ms: Nullable<number>;
  readonly correlation_key: Nullable<string>;
  /** The op of the task that asks; only if the list asks for one. */
  readonly op_above?: Nullable<string>;
  readonly labels: string;
}

/** Conditions of which all have something in common that an index knows: SQL, and its values. */
type Among = readonly [sql: string, ...values: readonly SQLInputValue[]];

const isOpen = "condition_state = 'PAUSED'";

/**
 * The conditions to look through for a list, in its order, from where its page begins: those that the index
 * knows which leaves the fewest. Not all of them are wanted.
 */
export function scanConditions(statements: Statements, query: ConditionQuery): Iterable<ScannedCondition> {
  const few = fewInOrder(statements, query);
  if (few !== undefined) return few;
  return query.order === "age" ? byAge(statements, query) : byDeadline(statements, query);
}

/**
 * For what no index knows in the order of the list: all that an index knows in another order, sorted here, if
 * there are no more of them than a page may look at anyway, or if they are of one run.
 */
function fewInOrder(statements: Statements, query: ConditionQuery): readonly ScannedCondition[] | undefined {
  const { run, correlationKey, assignee, dueBeforeMs, includeEnded, order, after } = query;
  const read = (where: string, countMax: number, ...values: readonly SQLInputValue[]) =>
    statements.all<ScannedCondition>(`${scanSql(query, where)} LIMIT ?`, ...values, countMax + 1);
  let rows: readonly ScannedCondition[];
  let countMax = rowsPerPageScanMax;
  if (run !== undefined) {
    if (order === "age") return undefined;
    countMax = liveActionsPerRunMax;
    rows = read(`run = ? AND ${isOpen}`, countMax, run);
  } else if (isNamed(correlationKey)) {
    if (order === "age") return undefined;
    rows = read("correlation_key = ? AND condition_state IS NOT NULL", countMax, correlationKey);
  } else if (dueBeforeMs !== undefined && order === "age" && !includeEnded && !isNamed(assignee)) {
    rows = read(`deadline_ms < ? AND deadline_ms IS NOT NULL AND ${isOpen}`, countMax, dueBeforeMs);
  } else return undefined;
  if (rows.length > countMax) return undefined;
  const sorted = rows.toSorted((one, other) => byPlace(placeOf(one, query), placeOf(other, query)));
  return after === undefined ? sorted : sorted.filter((row) => byPlace(placeOf(row, query), after) > 0);
}

function byAge(statements: Statements, query: ConditionQuery): Iterable<ScannedCondition> {
  const { namespace, run, correlationKey, assignee, includeEnded, after } = query;
  const place = [after?.timeMs ?? -1, after?.run ?? "", after?.name ?? ""] as const;
  const read = (among: string, listed: string, ...values: readonly SQLInputValue[]) => {
    const where = `${among} (create_ms, run, name) > (?, ?, ?) AND ${listed}`;
    const sql = `${scanSql(query, where)} ORDER BY create_ms, run, name`;
    return statements.each<ScannedCondition>(sql, ...values, ...place);
  };
  if (run !== undefined) {
    const listed = includeEnded ? "condition_state IS NOT NULL" : isOpen;
    const sql = `${scanSql(query, `run = ? AND (create_ms, name) > (?, ?) AND ${listed}`)}
      ORDER BY create_ms, name`;
    return statements.each<ScannedCondition>(sql, run, place[0], place[2]);
  }
  if (isNamed(correlationKey)) {
    return read("correlation_key = ? AND", "condition_state IS NOT NULL", correlationKey);
  }
  if (isNamed(assignee) && !includeEnded) return read("assignee = ? AND", isOpen, assignee);
  const [among, ...values] = ofNamespace(namespace);
  const open = read(among, isOpen, ...values);
  return includeEnded ? merged(open, read(among, "condition_state = 'ENDED'", ...values)) : open;
}

/** Open ones: those with a deadline, then the others. */
function* byDeadline(statements: Statements, query: ConditionQuery): Iterable<ScannedCondition> {
  const { namespace, assignee, dueBeforeMs, after } = query;
  const [among, ...values]: Among = isNamed(assignee)
    ? ["assignee = ? AND", assignee]
    : ofNamespace(namespace);
  const due = `${among} (deadline_ms, run, name) > (?, ?, ?) AND deadline_ms < ?
    AND deadline_ms IS NOT NULL AND ${isOpen}`;
  const place = [after?.timeMs ?? -1, after?.run ?? "", after?.name ?? ""] as const;
  yield* statements.each<ScannedCondition>(
    `${scanSql(query, due)} ORDER BY deadline_ms, run, name`,
    ...[...values, ...place, dueBeforeMs ?? noDeadlineMs],
  );
  if (dueBeforeMs !== undefined) return;
  const never = `(run, name) > (?, ?) AND deadline_ms IS NULL AND ${isOpen}`;
  const first = after?.timeMs === noDeadlineMs ? ([after.run, after.name] as const) : undefined;
  const read = (where: string, ...bound: readonly SQLInputValue[]) =>
    statements.each<ScannedCondition>(`${scanSql(query, where)} ORDER BY run, name`, ...bound);
  if (isNamed(assignee)) yield* read(`assignee = ? AND ${never}`, assignee, ...(first ?? ["", ""]));
  else if (namespace === undefined) yield* read(never, ...(first ?? ["", ""]));
  // The key of a run begins with its namespace and a slash, behind which comes 0.
  else yield* read(`${never} AND run < ?`, ...(first ?? [`${namespace}/`, ""]), `${namespace}0`);
}

/** Two lists by age as one. */
function* merged(
  one: Iterable<ScannedCondition>,
  other: Iterable<ScannedCondition>,
): Iterable<ScannedCondition> {
  const age = { order: "age" } as const;
  const others = other[Symbol.iterator]();
  try {
    let next = others.next();
    for (const row of one) {
      for (
        ;
        next.done !== true && byPlace(placeOf(next.value, age), placeOf(row, age)) < 0;
        next = others.next()
      )
        yield next.value;
      yield row;
    }
    for (; next.done !== true; next = others.next()) yield next.value;
  } finally {
    others.return?.();
  }
}

/** Where a condition stands in the order of a list. */
export function placeOf(row: ScannedCondition, { order }: Pick<ConditionQuery, "order">): ConditionPlace {
  const timeMs = order === "due" ? (row.deadline_ms ?? noDeadlineMs) : row.create_ms;
  return { timeMs, run: row.run as RunKey, name: row.name };
}

function byPlace(one: ConditionPlace, other: ConditionPlace): number {
  if (one.timeMs !== other.timeMs) return one.timeMs - other.timeMs;
  if (one.run !== other.run) return one.run < other.run ? -1 : 1;
  return one.name === other.name ? 0 : one.name < other.name ? -1 : 1;
}

/** An index knows what has a name, not what has none. */
function isNamed(name: string | undefined): name is string {
  return name !== undefined && name !== "";
}

function ofNamespace(namespace: string | undefined): Among {
  return namespace === undefined ? [""] : ["namespace = ? AND", namespace];
}

function scanSql({ op }: ConditionQuery, where: string): string {
  const opAbove = `, (SELECT above.op FROM actions AS above
    WHERE above.run = actions.run AND above.name = actions.parent) AS op_above`;
  return `SELECT run, name, create_ms, condition_state, assignee, deadline_ms, snooze_end_ms, correlation_key,
      (SELECT labels FROM runs WHERE key = actions.run) AS labels${op === undefined ? "" : opAbove}
    FROM actions WHERE ${where}`;
}
