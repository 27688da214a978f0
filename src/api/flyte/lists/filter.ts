import { Filter_Function } from "../../../../gen/flyteidl2/common/list_pb.ts";
import type { Labels } from "../../../core/run.ts";
import { invalid } from "../faults.ts";
import { filtersMax, filterValuesMax } from "../flyte-limits.ts";
import type { ViewRow } from "../view/view-row.ts";
import { type FieldKind, fieldNames, fieldOf, type ListedRun, labelPrefix } from "./fields.ts";

/** A filter as a request states it. */
export interface StatedFilter {
  readonly function: Filter_Function;
  readonly field: string;
  readonly values: readonly string[];
}

/** True for an item that meets a filter. */
export type Meets = (run: ListedRun, row: ViewRow) => boolean;

/** What the filters of a request ask, in two parts: the first needs the run alone. */
export interface Filters {
  readonly run: Meets;
  readonly action: Meets;
  /** True if conditions alone can meet them. */
  readonly conditionsOnly: boolean;
  /** What only runs meet that were created between these times, both included; undefined for no bound. */
  readonly createdFromMs: number | undefined;
  readonly createdUntilMs: number | undefined;
  /** What only runs meet that have these labels. */
  readonly labels: Labels;
}

type Test = (value: string | number | undefined) => boolean;

/** All filters as one: items must meet each. Ends the call with INVALID_ARGUMENT for what is no filter. */
export function readFilters(stated: readonly StatedFilter[]): Filters {
  if (stated.length > filtersMax) throw invalid(`filters must be at most ${filtersMax}`);
  const ofRun: Meets[] = [];
  const ofAction: Meets[] = [];
  for (const filter of stated) {
    const field = fieldOf(filter.field);
    if (field === undefined) {
      throw invalid(`invalid filter field: ${filter.field}; there are ${fieldNames.join(", ")}`);
    }
    const test = testOf(filter, field.kind);
    (field.isOfRun ? ofRun : ofAction).push((run, row) => test(field.read(run, row)));
  }
  const conditionsOnly = stated.some(
    ({ function: is, field, values }) =>
      field === "action_type" && is === Filter_Function.EQUAL && values.join("") === "3",
  );
  return { run: allOf(ofRun), action: allOf(ofAction), conditionsOnly, ...boundsOf(stated) };
}

/** What the store can look for by itself, so that not all runs are read. */
function boundsOf(stated: readonly StatedFilter[]) {
  let createdFromMs: number | undefined;
  let createdUntilMs: number | undefined;
  const labels: Record<string, string> = {};
  const from = (ms: number) => (createdFromMs = Math.max(ms, createdFromMs ?? ms));
  const until = (ms: number) => (createdUntilMs = Math.min(ms, createdUntilMs ?? ms));
  for (const { function: is, field, values } of stated) {
    const [value] = values;
    if (value === undefined) continue;
    // Labels of ours stand on actions.
    const isLabel = field.startsWith(labelPrefix) && !field.startsWith(`${labelPrefix}flyte-`);
    if (isLabel && is === Filter_Function.EQUAL) labels[field.slice(labelPrefix.length)] = value;
    const timeMs = field === "created_at" ? parseTime(value) : undefined;
    if (timeMs === undefined) continue;
    // Runs are created at whole milliseconds.
    if (is === Filter_Function.GREATER_THAN_OR_EQUAL) from(Math.ceil(timeMs));
    else if (is === Filter_Function.GREATER_THAN) from(Math.floor(timeMs) + 1);
    else if (is === Filter_Function.LESS_THAN_OR_EQUAL) until(Math.floor(timeMs));
    else if (is === Filter_Function.LESS_THAN) until(Math.ceil(timeMs) - 1);
  }
  return { createdFromMs, createdUntilMs, labels };
}

function allOf(tests: readonly Meets[]): Meets {
  return (run, row) => tests.every((meets) => meets(run, row));
}

function testOf(filter: StatedFilter, kind: FieldKind): Test {
  const { function: is, field, values } = filter;
  if (values.length > filterValuesMax) throw invalid(`filter on ${field} has too many values`);
  const value = () => parse(single(filter, kind), kind, field);
  const parsed = () => new Set(values.map((one) => parse(one, kind, field)));
  switch (is) {
    case Filter_Function.EQUAL:
      return equalTo(value());
    case Filter_Function.NOT_EQUAL:
      return not(equalTo(value()));
    case Filter_Function.GREATER_THAN:
      return compared(value(), (order) => order > 0);
    case Filter_Function.GREATER_THAN_OR_EQUAL:
      return compared(value(), (order) => order >= 0);
    case Filter_Function.LESS_THAN:
      return compared(value(), (order) => order < 0);
    case Filter_Function.LESS_THAN_OR_EQUAL:
      return compared(value(), (order) => order <= 0);
    case Filter_Function.VALUE_IN:
      return among(parsed());
    case Filter_Function.VALUE_NOT_IN:
      return not(among(parsed()));
    case Filter_Function.EXISTS:
      return (said) => said !== undefined;
    case Filter_Function.NOT_EXISTS:
      return (said) => said === undefined;
    case Filter_Function.CONTAINS:
    case Filter_Function.CONTAINS_CASE_INSENSITIVE:
    case Filter_Function.ENDS_WITH:
    case Filter_Function.NOT_ENDS_WITH:
      return inText(filter, kind);
    default:
      throw invalid(`filter on ${field} has a function that is not known: ${String(is)}`);
  }
}

function inText(filter: StatedFilter, kind: FieldKind): Test {
  const { function: is, field } = filter;
  if (kind !== "text") throw invalid(`filter on ${field} must compare: it is no text`);
  const part = single(filter, kind);
  switch (is) {
    case Filter_Function.CONTAINS:
      return (said) => typeof said === "string" && said.includes(part);
    case Filter_Function.CONTAINS_CASE_INSENSITIVE: {
      const lower = part.toLowerCase();
      return (said) => typeof said === "string" && said.toLowerCase().includes(lower);
    }
    case Filter_Function.ENDS_WITH:
      return (said) => typeof said === "string" && said.endsWith(part);
    default:
      return (said) => typeof said !== "string" || !said.endsWith(part);
  }
}

/**
 * The only value of a filter. Clients send a single phase digit by digit (`10` as `1`, `0`): what is given in
 * parts for a number is put together.
 */
function single({ field, values }: StatedFilter, kind: FieldKind): string {
  if (kind === "number" && values.length > 1) return values.join("");
  const [value, ...more] = values;
  if (value !== undefined && more.length === 0) return value;
  throw invalid(`filter on ${field} must have one value`);
}

function equalTo(value: string | number): Test {
  return (said) => said === value;
}

function among(values: ReadonlySet<string | number>): Test {
  return (said) => said !== undefined && values.has(said);
}

function not(test: Test): Test {
  return (said) => !test(said);
}

function compared(value: string | number, holds: (order: number) => boolean): Test {
  return (said) => {
    if (said === undefined) return false;
    return holds(said === value ? 0 : said > value ? 1 : -1);
  };
}

const numberPattern = /^[+-]?\d{1,18}(?:\.\d{1,9})?$/;
const timePattern = /^(\d{4}-\d\d-\d\d)(?:[T ](\d\d:\d\d(?::\d\d)?)(\.\d{1,9})?(Z|[+-]\d\d:?\d\d)?)?$/i;

function parse(value: string, kind: FieldKind, field: string): string | number {
  if (kind === "text") return value;
  const parsed = kind === "number" ? parseNumber(value) : parseTime(value);
  if (parsed !== undefined) return parsed;
  const wanted = kind === "number" ? "a number" : "a time such as 2026-08-01T12:00:00+00:00";
  throw invalid(`filter on ${field} must have ${wanted}, not ${JSON.stringify(value.slice(0, 100))}`);
}

function parseNumber(value: string): number | undefined {
  return numberPattern.test(value.trim()) ? Number(value) : undefined;
}

/** A time of ISO 8601 in milliseconds since 1970, with their fraction; without a zone it is UTC. */
function parseTime(value: string): number | undefined {
  const match = timePattern.exec(value.trim());
  if (match === null) return undefined;
  const [, date = "", time = "00:00", fraction = "", zone = "Z"] = match;
  const seconds = time.length === 5 ? `${time}:00` : time;
  const colon = zone.length === 5 ? `${zone.slice(0, 3)}:${zone.slice(3)}` : zone.toUpperCase();
  const wholeMs = Date.parse(`${date}T${seconds}${colon}`);
  return Number.isNaN(wholeMs) ? undefined : wholeMs + Number(`0${fraction}`) * 1000;
}
