import type { ServiceImpl } from "@connectrpc/connect";
import type { RunService } from "../../../../gen/flyteidl2/workflow/run_service_pb.ts";
import { abortAction, abortRun } from "../actions/abort.ts";
import { signal } from "../actions/signal.ts";
import { answererOfCall } from "../caller-identity.ts";
import type { FlyteParts } from "../flyte-parts.ts";
import { fromActionId, fromRunId } from "../mapping/identifiers.ts";
import { fromPayload } from "../mapping/literal.ts";
import { createRun } from "./create-run.ts";

/** The methods of RunService that change something. */
export type RunWrites = Pick<
  ServiceImpl<typeof RunService>,
  "createRun" | "abortRun" | "abortAction" | "signalEvent"
>;

/** What RunService does. What it answered is seen by every read that is asked for afterwards. */
export function runWrites(parts: FlyteParts): RunWrites {
  return {
    async createRun(request, context) {
      return { run: await createRun(parts, request, context) };
    },

    async abortRun({ runId, reason = "" }) {
      await abortRun(parts, fromRunId(runId), reason);
      return {};
    },

    async abortAction({ actionId, reason }) {
      await abortAction(parts, fromActionId(actionId), reason);
      return {};
    },

    async signalEvent({ actionId, parentActionName, payload }, context) {
      await signal(parts, {
        named: fromActionId(actionId),
        parent: parentActionName,
        value: fromPayload(payload),
        by: answererOfCall(context),
      });
      return {};
    },
  };
}
