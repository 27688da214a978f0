import type {
  ExplainActionResponse_Cause as Cause,
  ExplainActionResponse,
} from "../../../gen/signalbox/v1/explanation_pb.ts";
import { message } from "../mapping/message.ts";

/** The facts that come with an explanation, as far as there are any. */
export type Explanation = Partial<
  Omit<ExplainActionResponse, "$typeName" | "$unknown" | "message" | "cause">
>;

/** Why an action does not run, with a sentence that says what to do. */
export function explained(
  cause: Cause,
  sentence: string,
  explanation: Explanation = {},
): ExplainActionResponse {
  return message<ExplainActionResponse>({
    $typeName: "signalbox.v1.ExplainActionResponse",
    cause,
    message: sentence,
    waitsFor: explanation.waitsFor ?? [],
    retryTime: explanation.retryTime,
    workerCount: explanation.workerCount ?? 0,
    queuePosition: explanation.queuePosition ?? 0,
    unmet: explanation.unmet ?? [],
    limit: explanation.limit ?? "",
    holders: explanation.holders ?? [],
    nextStartTime: explanation.nextStartTime,
    reserved: explanation.reserved ?? false,
  });
}
