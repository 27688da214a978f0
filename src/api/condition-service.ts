import type { HandlerContext, ServiceImpl } from "@connectrpc/connect";
import {
  type ConditionService,
  ListConditionsRequest_Order as Order,
  type SignalConditionRequest,
  type SignalConditionResponse,
} from "../../gen/signalbox/v1/condition_service_pb.ts";
import type { Answers } from "../core/answer.ts";
import { type RunKey, runKey } from "../core/name.ts";
import type { Engine } from "../engine/engine.ts";
import type { ConditionPlace, ConditionRow } from "../store/store.ts";
import { callerKey } from "./callers/caller.ts";
import { conditionPages, fromConditionFilter } from "./condition-filter.ts";
import { answererOf } from "./conditions/answerer.ts";
import { findCondition, readCondition, toConditions } from "./conditions/find-condition.ts";
import { inboxMethods } from "./conditions/inbox-methods.ts";
import { type LinkMaker, linkMethods } from "./conditions/link-methods.ts";
import { signalFaults } from "./conditions/signal-faults.ts";
import { fromNamespace } from "./mapping/from-proto-run.ts";
import { fromValue } from "./mapping/from-proto-value.ts";
import { fromDuration } from "./mapping/time.ts";
import { isConditionPlace, listPage } from "./pages.ts";
import { answered, requestOf, required, translated } from "./requests.ts";
import { tokenScope } from "./token.ts";
import { watchConditions } from "./watch-conditions.ts";

/** Conditions across all runs, as their contract says. */
export function conditionService(
  engine: Engine,
  stopping: AbortSignal,
  links: LinkMaker,
): ServiceImpl<typeof ConditionService> {
  const { store } = engine;
  return {
    ...inboxMethods(engine),
    ...linkMethods(engine, links),

    async listConditions(request, { values }) {
      const filter = fromConditionFilter(request.filter, values.get(callerKey));
      const order = request.order === Order.DUE ? "due" : "age";
      const { items, nextPageToken } = await listPage<ConditionRow, ConditionPlace>({
        ...request,
        scope: tokenScope("conditions", { ...filter, order }, store.feedId),
        ...conditionPages(store, filter, order),
        isPlace: isConditionPlace,
      });
      return { conditions: items.flatMap(toConditions), nextPageToken };
    },

    async getCondition({ namespace, runId, name }) {
      const action = await findCondition(store, keyOf(namespace, runId), name);
      const condition = await readCondition(store, action);
      return condition === undefined ? {} : { condition };
    },

    signalCondition: (request, context) => signalCondition(engine, request, context),

    watchConditions: ({ filter, cursor }, { signal, values }) => {
      const wanted = fromConditionFilter(filter, values.get(callerKey));
      return watchConditions(engine, { filter: wanted, cursor, signal, stopping });
    },
  };
}

type Signalled = Omit<SignalConditionResponse, "$typeName" | "condition"> &
  Partial<Pick<SignalConditionResponse, "condition">>;

async function signalCondition(
  engine: Engine,
  message: SignalConditionRequest,
  context: HandlerContext,
): Promise<Signalled> {
  const { namespace, runId, name, value: stated, requestId, instance, correlationKey, keepFor } = message;
  if (stated === undefined) throw required("value");
  const value = translated((faults) => {
    signalFaults(message, faults);
    return faults.within("value", () => fromValue(stated, faults));
  });
  const by = answererOf(context, message);
  // Not where it came from: a repeat may come by another connection.
  const said = { value, subject: by.subject, signalledBy: by.signalledBy, comment: by.comment };
  if (correlationKey === "") {
    const target = { run: keyOf(namespace, runId), action: name, instance };
    const request = requestOf(requestId, { ...target, ...said });
    const command = { kind: "signalCondition", request, value, by, ...target } as const;
    return signalled(engine, answered(await engine.execute(command)).answer);
  }
  const keepForMs = fromDuration(keepFor);
  const target = { namespace: fromNamespace(namespace), correlationKey, keepForMs };
  const request = requestOf(requestId, { ...target, ...said });
  const command = { kind: "signalByKey", request, value, by, ...target } as const;
  return signalled(engine, answered(await engine.execute(command)).answer);
}

async function signalled(
  { store }: Engine,
  { action, kept, repeated }: Answers["signalCondition"],
): Promise<Signalled> {
  const condition = action === undefined ? undefined : await readCondition(store, action);
  return { kept, repeated, ...(condition === undefined ? {} : { condition }) };
}

function keyOf(namespace: string, runId: string): RunKey {
  return runKey(fromNamespace(namespace), runId);
}
