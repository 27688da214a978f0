import type { ServiceImpl } from "@connectrpc/connect";
import type { ActionsService } from "../../../../gen/flyteidl2/actions/actions_service_pb.ts";
import { answererOfCall } from "../caller-identity.ts";
import { failedPrecondition } from "../faults.ts";
import { findAction } from "../find-action.ts";
import type { FlyteParts } from "../flyte-parts.ts";
import { fromActionId } from "../mapping/identifiers.ts";
import { fromLiteral } from "../mapping/literal.ts";
import { phaseOf } from "../phase.ts";
import { abortAction } from "./abort.ts";
import { enqueue } from "./enqueue.ts";
import { signal } from "./signal.ts";
import { watchUpdates } from "./watch-updates.ts";

/** What a running task asks for: children, and what becomes of them. */
export function actionsService(parts: FlyteParts): ServiceImpl<typeof ActionsService> {
  return {
    async enqueue(request) {
      await enqueue(parts, request);
      return {};
    },

    watchForUpdates: (request, context) => watchUpdates(parts, request, context.signal),

    /** Attempts are reported by the worker that holds them: here nothing can be changed, only repeated. */
    async update({ actionId, status }) {
      const named = fromActionId(actionId);
      const action = await findAction(parts, named);
      if (status === undefined || (status.phase as number) === phaseOf(action)) return {};
      throw failedPrecondition(`the worker that holds action ${named.name} says where it is, nobody else`);
    },

    async abort({ actionId, reason = "" }) {
      await abortAction(parts, fromActionId(actionId), reason);
      return {};
    },

    async signal({ actionId, parentActionName, value, signalledBy }, context) {
      await signal(parts, {
        named: fromActionId(actionId),
        parent: parentActionName,
        value: fromLiteral(value),
        by: answererOfCall(context, signalledBy),
      });
      return {};
    },
  };
}
