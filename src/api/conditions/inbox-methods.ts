import type { HandlerContext, ServiceImpl } from "@connectrpc/connect";
import type { Condition } from "../../../gen/signalbox/v1/condition_pb.ts";
import type { ConditionService } from "../../../gen/signalbox/v1/condition_service_pb.ts";
import type { CommandOf } from "../../core/command.ts";
import { runKey } from "../../core/name.ts";
import type { Engine } from "../../engine/engine.ts";
import { fromNamespace } from "../mapping/from-proto-run.ts";
import { fromTimestamp } from "../mapping/time.ts";
import { answered, requestOf } from "../requests.ts";
import { answererOf } from "./answerer.ts";
import { readCondition } from "./find-condition.ts";

type Methods = Pick<
  ServiceImpl<typeof ConditionService>,
  "claimCondition" | "releaseCondition" | "delegateCondition" | "snoozeCondition" | "extendCondition"
>;
type Change = CommandOf<"changeCondition">["change"];

/** Which condition is changed, by a request that may be sent again. */
interface Target {
  readonly namespace: string;
  readonly runId: string;
  readonly name: string;
  readonly requestId: string;
}

/** What people do with a condition in their inbox, short of answering. */
export function inboxMethods(engine: Engine): Methods {
  const change = async (target: Target, change: Change, context: HandlerContext) => {
    return asResponse(await changeCondition(engine, target, { change, context }));
  };
  return {
    claimCondition: (request, context) => change(request, { kind: "claim", force: request.force }, context),
    releaseCondition: (request, context) =>
      change(request, { kind: "release", force: request.force }, context),
    delegateCondition: (request, context) => change(request, { kind: "delegate", to: request.to }, context),
    snoozeCondition: (request, context) =>
      change(request, { kind: "snooze", endMs: fromTimestamp(request.endTime) }, context),
    extendCondition: (request, context) =>
      change(request, { kind: "extend", deadlineMs: fromTimestamp(request.deadlineTime) }, context),
  };
}

async function changeCondition(
  engine: Engine,
  { namespace, runId, name, requestId }: Target,
  { change, context }: { readonly change: Change; readonly context: HandlerContext },
): Promise<Condition | undefined> {
  const by = answererOf(context);
  const stated = { run: runKey(fromNamespace(namespace), runId), action: name, change };
  // Not where it came from: a repeat may come by another connection.
  const request = requestOf(requestId, { ...stated, subject: by.subject });
  const { answer } = answered(await engine.execute({ kind: "changeCondition", request, by, ...stated }));
  return readCondition(engine.store, answer.action);
}

function asResponse(condition: Condition | undefined): { condition?: Condition } {
  return condition === undefined ? {} : { condition };
}
