import { anonymousSubject } from "../../../core/conditions/standing.ts";
import { namespaceOf, type RunKey } from "../../../core/name.ts";
import type { Labels } from "../../../core/run.ts";
import { scanPage } from "../../scan.ts";
import {
  type ConditionPlace,
  type ConditionQuery,
  type ConditionRow,
  noDeadlineMs,
  type Page,
} from "../../store.ts";
import { type ActionRow, actionOfRow, actionRowNames } from "../rows/action-row.ts";
import { type Nullable, parsed } from "../rows/columns.ts";
import { placeOf, type ScannedCondition, scanConditions } from "./condition-scan.ts";
import { isLabelled } from "./run-reader.ts";
import type { Statements } from "./statements.ts";

/** A row with what its run and the task above it say. */
type WholeRow = ActionRow & { readonly created_by: Nullable<string>; readonly op_above: Nullable<string> };

const conditionSql = `SELECT ${actionRowNames},
    (SELECT created_by FROM runs WHERE key = actions.run) AS created_by,
    (SELECT above.op FROM actions AS above
      WHERE above.run = actions.run AND above.name = actions.parent) AS op_above
  FROM actions WHERE run = ? AND name = ?`;

/** Reads pages of conditions, each with what is said of its run. */
export class ConditionReader {
  readonly #statements: Statements;

  constructor(statements: Statements) {
    this.#statements = statements;
  }

  list(query: ConditionQuery): Page<ConditionRow, ConditionPlace> {
    const page = scanPage({
      rows: scanConditions(this.#statements, query),
      limit: query.limit,
      matches: (row) => isWanted(row, query),
      placeOf: (row) => placeOf(row, query),
    });
    return { items: page.items.flatMap((row) => this.#condition(row)), next: page.next };
  }

  #condition({ run, name, labels }: ScannedCondition): ConditionRow[] {
    const row = this.#statements.get<WholeRow>(conditionSql, run, name);
    if (row === undefined) return [];
    const requester = row.created_by ?? anonymousSubject;
    return [
      { action: actionOfRow(row), runLabels: parsed<Labels>(labels), requester, op: row.op_above ?? "" },
    ];
  }
}

function isWanted(row: ScannedCondition, query: ConditionQuery): boolean {
  const { namespace, assignee, dueBeforeMs, op, correlationKey } = query;
  const isOpen = row.condition_state === "PAUSED";
  if (!isOpen && (!query.includeEnded || query.order === "due")) return false;
  if (isOpen && !query.includeSnoozed && row.snooze_end_ms !== null) return false;
  if (namespace !== undefined && namespaceOf(row.run as RunKey) !== namespace) return false;
  if (assignee !== undefined && (row.assignee ?? "") !== assignee) return false;
  if (correlationKey !== undefined && (row.correlation_key ?? "") !== correlationKey) return false;
  if (dueBeforeMs !== undefined && (row.deadline_ms ?? noDeadlineMs) >= dueBeforeMs) return false;
  if (op !== undefined && (op === "" || row.op_above !== op)) return false;
  return isLabelled(row.labels, query.labels);
}
