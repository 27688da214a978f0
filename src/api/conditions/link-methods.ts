import type { ServiceImpl } from "@connectrpc/connect";
import type { ConditionService } from "../../../gen/signalbox/v1/condition_service_pb.ts";
import { hasEnded } from "../../core/action.ts";
import { standingOf } from "../../core/conditions/standing.ts";
import { runIdOf, runKey } from "../../core/name.ts";
import type { Engine } from "../../engine/engine.ts";
import type { AnswerLinks } from "../callbacks/answer-links.ts";
import { fromNamespace } from "../mapping/from-proto-run.ts";
import { fromDuration, toTimestamp } from "../mapping/time.ts";
import { toConnectError } from "../status.ts";
import { answerRefusal, impersonation } from "./answer-rights.ts";
import { answererOf } from "./answerer.ts";
import { findCondition, withSurroundings } from "./find-condition.ts";

/** Makes addresses that answer a condition. */
export type LinkMaker = Pick<AnswerLinks, "mint">;

/** For services that lead nowhere, as in tests of other things. */
export const noLinks: LinkMaker = {
  mint() {
    throw new Error("nothing is served that a link could lead to");
  },
};

/** Links that answer a condition, made for those who may answer it themselves. */
export function linkMethods(
  engine: Engine,
  links: LinkMaker,
): Pick<ServiceImpl<typeof ConditionService>, "createAnswerLink"> {
  const { store } = engine;
  return {
    async createAnswerLink({ namespace, runId, name, subject, lifetime }, context) {
      const run = runKey(fromNamespace(namespace), runId);
      const condition = await findCondition(store, run, name);
      const { state } = condition;
      const facts = { runId: runIdOf(run), action: name };
      if (hasEnded(condition)) throw toConnectError({ reason: "ACTION_ENDED", ...facts, state });
      if (state !== "PAUSED") throw toConnectError({ reason: "CONDITION_NOT_OPEN", ...facts, state });
      const by = answererOf(context);
      const row = await withSurroundings(store, condition);
      const refusal = answerRefusal(row, by) ?? impersonation(row, by, subject);
      if (refusal !== undefined) throw toConnectError(refusal);
      const { instance } = standingOf(condition);
      const lifetimeMs = fromDuration(lifetime);
      // Not the deadline, which may be moved: a link of a condition that asks no more is refused anyway.
      const expireMs = lifetimeMs === undefined ? undefined : engine.nowMs() + lifetimeMs;
      const content = { run, action: name, instance, subject: subject || by.subject, expireMs };
      const expireTime = toTimestamp(expireMs);
      return { uri: links.mint(content), ...(expireTime === undefined ? {} : { expireTime }) };
    },
  };
}
