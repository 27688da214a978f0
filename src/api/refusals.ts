import { callRows } from "./refusals/call-rows.ts";
import { conditionRows } from "./refusals/condition-rows.ts";
import { opRows } from "./refusals/op-rows.ts";
import type { Refusal, RowsOf } from "./refusals/row.ts";
import { runRows } from "./refusals/run-rows.ts";

export type { Refusal, RefusalRow } from "./refusals/row.ts";

/** One row for each reason. A reason without a row does not compile. */
export const refusalRows = { ...runRows, ...conditionRows, ...opRows, ...callRows } satisfies RowsOf<
  Refusal["reason"]
>;
