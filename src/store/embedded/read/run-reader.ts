import type { RunKey } from "../../../core/name.ts";
import type { Labels, Run, RunState } from "../../../core/run.ts";
import { hasLabels, scanPage } from "../../scan.ts";
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
    const { namespace, states, labels, pausedOnly, after, limit } = query;
    const place = [after?.timeMs ?? Number.MAX_SAFE_INTEGER, after?.run ?? ""] as const;
    const sql = scanSql(namespace !== undefined, pausedOnly);
    const rows =
      namespace === undefined
        ? this.#statements.each<ScannedRun>(sql, ...place)
        : this.#statements.each<ScannedRun>(sql, namespace, ...place);
    const page = scanPage({
      rows,
      limit,
      matches: (row) => isWanted(row, states, labels),
      placeOf: (row): RunPlace => ({ timeMs: row.create_ms, run: row.key as RunKey }),
    });
    return {
      items: page.items.map((row) => this.get(row.key)).filter((run) => run !== undefined),
      next: page.next,
    };
  }
}

function scanSql(isOfNamespace: boolean, isPaused: boolean): string {
  return `SELECT key, create_ms, state, labels FROM runs
    WHERE ${isOfNamespace ? "namespace = ? AND" : ""} ${isPaused ? "paused_condition_count > 0 AND" : ""}
      (create_ms, key) < (?, ?)
    ORDER BY create_ms DESC, key DESC`;
}

function isWanted(row: ScannedRun, states: readonly RunState[], labels: Labels): boolean {
  if (states.length > 0 && !states.includes(row.state as RunState)) return false;
  return isLabelled(row.labels, labels);
}

/** True if a run's labels, as JSON, hold all that are wanted; parses only what may. */
export function isLabelled(json: string, wanted: Labels): boolean {
  const entries = Object.entries(wanted);
  const mayHold = entries.every(([name, value]) =>
    json.includes(`${JSON.stringify(name)}:${JSON.stringify(value)}`),
  );
  return mayHold && (entries.length === 0 || hasLabels(parsed<Labels>(json), wanted));
}
