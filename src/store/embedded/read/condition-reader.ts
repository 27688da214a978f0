import type { SQLInputValue } from "node:sqlite";
import type { RunKey } from "../../../core/name.ts";
import type { Labels } from "../../../core/run.ts";
import { scanPage } from "../../scan.ts";
import type { ConditionPlace, ConditionQuery, ConditionRow, Page } from "../../store.ts";
import { type ActionRow, actionOfRow, actionRowNames } from "../rows/action-row.ts";
import { parsed } from "../rows/columns.ts";
import { isLabelled } from "./run-reader.ts";
import type { Statements } from "./statements.ts";

/** What a list looks at of each condition, wanted or not. */
interface ScannedCondition {
  readonly run: string;
  readonly name: string;
  readonly create_ms: number;
  readonly namespace: string;
  readonly labels: string;
}

/** Reads pages of conditions, each with the labels of its run. */
export class ConditionReader {
  readonly #statements: Statements;

  constructor(statements: Statements) {
    this.#statements = statements;
  }

  list(query: ConditionQuery): Page<ConditionRow, ConditionPlace> {
    const page = scanPage({
      rows: this.#rows(query),
      limit: query.limit,
      matches: (row) =>
        (query.namespace === undefined || row.namespace === query.namespace) &&
        isLabelled(row.labels, query.labels),
      placeOf: (row): ConditionPlace => ({ timeMs: row.create_ms, run: row.run as RunKey, name: row.name }),
    });
    return { items: page.items.flatMap((row) => this.#condition(row)), next: page.next };
  }

  #rows({ namespace, run, includeEnded, after }: ConditionQuery): Iterable<ScannedCondition> {
    const place = [after?.timeMs ?? -1, after?.run ?? "", after?.name ?? ""] as const;
    const isListed = includeEnded ? "condition_state IS NOT NULL" : "condition_state = 'PAUSED'";
    const read = (where: string, ...values: readonly SQLInputValue[]): Iterable<ScannedCondition> =>
      this.#statements.each(scanSql(`${where} ${isListed}`), ...values);
    if (run !== undefined) {
      const ofRun = "run = ? AND (actions.create_ms, name) > (?, ?) AND";
      return read(ofRun, run, place[0], place[2]);
    }
    const behind = "(actions.create_ms, run, name) > (?, ?, ?) AND";
    if (namespace === undefined) return read(behind, ...place);
    return read(`actions.namespace = ? AND ${behind}`, namespace, ...place);
  }

  #condition({ run, name, labels }: ScannedCondition): ConditionRow[] {
    const sql = `SELECT ${actionRowNames} FROM actions WHERE run = ? AND name = ?`;
    const row = this.#statements.get<ActionRow>(sql, run, name);
    return row === undefined ? [] : [{ action: actionOfRow(row), runLabels: parsed<Labels>(labels) }];
  }
}

function scanSql(where: string): string {
  return `SELECT run, name, actions.create_ms, actions.namespace, runs.labels
    FROM actions CROSS JOIN runs ON runs.key = actions.run
    WHERE ${where}
    ORDER BY actions.create_ms, run, name`;
}
