import type { RunKey } from "../../../core/name.ts";
import type { Labels, Run, RunState } from "../../../core/run.ts";
import { hasLabels, runBounds, scanPage } from "../../scan.ts";
import type { Page, RunPlace, RunQuery } from "../../store.ts";
import { parsed } from "../rows/columns.ts";
import { type RunRow, runOfRow, runRowNames } from "../rows/run-row.ts";
import type { Statements } from "./statements.ts";

/** What a list looks at of each run, wanted or not. */
interface ScannedRun {
  readonly key: string;
  readonly create_ms: number;
  readonly state: string;
  readonly labels: string;
  /** Only if the list asks for an op or an image: they stand behind what may be large. */
  readonly op?: string | null;
  readonly image?: string | null;
}

/** Reads runs: one, or a page of a list. */
export class RunReader {
  readonly #statements: Statements;

  constructor(statements: Statements) {
    this.#statements = statements;
  }

  get(key: string): Run | undefined {
    const row = this.#statements.get<RunRow>(`SELECT ${runRowNames} FROM runs WHERE key = ?`, key);
    return row === undefined ? undefined : runOfRow(row);
  }

  list(query: RunQuery): Page<Run, RunPlace> {
    const { namespace, limit } = query;
    const { older, newer } = runBounds(query);
    const place = [older.timeMs, older.run, newer.timeMs, newer.run] as const;
    const sql = scanSql(query);
    const rows =
      namespace === undefined
        ? this.#statements.each<ScannedRun>(sql, ...place)
        : this.#statements.each<ScannedRun>(sql, ...place, namespace);
    const page = scanPage({
      rows,
      limit,
      matches: (row) => isWanted(row, query),
      placeOf: (row): RunPlace => ({ timeMs: row.create_ms, run: row.key as RunKey }),
    });
    const items = page.items.map((row) => this.get(row.key)).filter((run) => run !== undefined);
    return { items: query.before === undefined ? items : items.reverse(), next: page.next };
  }
}

function scanSql({ namespace, pausedOnly, op, image, before }: RunQuery): string {
  const isOfTask = op !== undefined || image !== undefined;
  const order = before === undefined ? "DESC" : "ASC";
  return `SELECT key, create_ms, state, labels${isOfTask ? ", op, image" : ""} FROM runs
    WHERE ${pausedOnly ? "paused_condition_count > 0 AND" : ""}
      (create_ms, key) < (?, ?) AND (create_ms, key) > (?, ?)
      ${namespace === undefined ? "" : "AND namespace = ?"}
    ORDER BY create_ms ${order}, key ${order}`;
}

function isWanted(row: ScannedRun, { states, labels, op, image }: RunQuery): boolean {
  if (states.length > 0 && !states.includes(row.state as RunState)) return false;
  if (op !== undefined && (row.op ?? "") !== op) return false;
  if (image !== undefined && (row.image ?? "") !== image) return false;
  return isLabelled(row.labels, labels);
}

/** True if labels, as JSON, hold all that are wanted; parses only what may. */
export function isLabelled(json: string, wanted: Labels): boolean {
  const entries = Object.entries(wanted);
  const mayHold = entries.every(([name, value]) =>
    json.includes(`${JSON.stringify(name)}:${JSON.stringify(value)}`),
  );
  return mayHold && (entries.length === 0 || hasLabels(parsed<Labels>(json), wanted));
}
