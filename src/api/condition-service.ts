import type { ServiceImpl } from "@connectrpc/connect";
import type { Condition } from "../../gen/signalbox/v1/condition_pb.ts";
import type { ConditionService } from "../../gen/signalbox/v1/condition_service_pb.ts";
import type { Action } from "../core/action.ts";
import { type RunKey, runKey } from "../core/name.ts";
import type { Engine } from "../engine/engine.ts";
import type { ConditionPlace, ConditionRow } from "../store/store.ts";
import { conditionPages, fromConditionFilter } from "./condition-filter.ts";
import { fromNamespace } from "./mapping/from-proto-run.ts";
import { fromValue } from "./mapping/from-proto-value.ts";
import { toCondition } from "./mapping/to-proto-action.ts";
import { isConditionPlace, listPage } from "./pages.ts";
import { findAction, findRun } from "./reads.ts";
import { answered, requestOf, required, translated } from "./requests.ts";
import { toConnectError } from "./status.ts";
import { tokenScope } from "./token.ts";
import { watchConditions } from "./watch-conditions.ts";

/** Conditions across all runs, as their contract says. */
export function conditionService(
  engine: Engine,
  stopping: AbortSignal,
): ServiceImpl<typeof ConditionService> {
  const { store } = engine;
  return {
    async listConditions(request) {
      const filter = fromConditionFilter(request.filter);
      const { items, nextPageToken } = await listPage<ConditionRow, ConditionPlace>({
        ...request,
        scope: tokenScope("conditions", filter, store.feedId),
        ...conditionPages(store, filter),
        isPlace: isConditionPlace,
      });
      return { conditions: items.flatMap(toConditions), nextPageToken };
    },

    async getCondition({ namespace, runId, name }) {
      const action = await findAction(store, keyOf(namespace, runId), name);
      if (action.spec.kind !== "condition") {
        const { kind } = action.spec;
        throw toConnectError({ reason: "ACTION_NOT_CONDITION", runId, action: name, kind });
      }
      return withCondition(await conditionOf(engine, action));
    },

    async signalCondition({ namespace, runId, name, value: stated, requestId, signalledBy }) {
      if (stated === undefined) throw required("value");
      const value = translated((faults) => faults.within("value", () => fromValue(stated, faults)));
      const content = { run: keyOf(namespace, runId), action: name, value, signalledBy };
      const request = requestOf(requestId, content);
      const { answer } = answered(await engine.execute({ kind: "signalCondition", request, ...content }));
      const { action, kept, repeated } = answer;
      const condition = action === undefined ? undefined : await conditionOf(engine, action);
      return { ...withCondition(condition), kept, repeated };
    },

    watchConditions: ({ filter, cursor }, { signal }) =>
      watchConditions(engine, { filter: fromConditionFilter(filter), cursor, signal, stopping }),
  };
}

function keyOf(namespace: string, runId: string): RunKey {
  return runKey(fromNamespace(namespace), runId);
}

function toConditions({ action, runLabels }: ConditionRow): Condition | readonly Condition[] {
  return toCondition(action, runLabels) ?? [];
}

async function conditionOf(engine: Engine, action: Action): Promise<Condition | undefined> {
  const run = await findRun(engine.store, action.run);
  return toCondition(action, run.labels);
}

function withCondition(condition: Condition | undefined): { condition?: Condition } {
  return condition === undefined ? {} : { condition };
}
