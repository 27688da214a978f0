import { type DescMessage, type MessageShape, toJsonString } from "@bufbuild/protobuf";
import { ActionSchema, AttemptSchema, TimelineEntrySchema } from "../../gen/signalbox/v1/action_pb.ts";
import { ConditionSchema } from "../../gen/signalbox/v1/condition_pb.ts";
import { SignalConditionResponseSchema } from "../../gen/signalbox/v1/condition_service_pb.ts";
import { EventSchema } from "../../gen/signalbox/v1/event_pb.ts";
import {
  DescribeFeedResponseSchema,
  ListEventsResponseSchema,
  WatchEventsResponseSchema,
} from "../../gen/signalbox/v1/event_service_pb.ts";
import { ExplainActionResponseSchema } from "../../gen/signalbox/v1/explanation_pb.ts";
import { LimitSchema } from "../../gen/signalbox/v1/limit_pb.ts";
import { GetLimitResponseSchema } from "../../gen/signalbox/v1/limit_service_pb.ts";
import { OpSchema } from "../../gen/signalbox/v1/op_pb.ts";
import { PrepareInputsResponseSchema } from "../../gen/signalbox/v1/op_service_pb.ts";
import { RunSchema } from "../../gen/signalbox/v1/run_pb.ts";
import { WatchRunResponseSchema } from "../../gen/signalbox/v1/run_service_pb.ts";
import { DeadLetterSchema, SubscriptionSchema } from "../../gen/signalbox/v1/subscription_pb.ts";
import { WorkerSchema } from "../../gen/signalbox/v1/worker_service_pb.ts";

export type { Condition as ConditionMessage } from "../../gen/signalbox/v1/condition_pb.ts";
export type { SignalConditionResponse as SignalMessage } from "../../gen/signalbox/v1/condition_service_pb.ts";
export type { Event as EventMessage } from "../../gen/signalbox/v1/event_pb.ts";
export type { Run as RunMessage } from "../../gen/signalbox/v1/run_pb.ts";
export type { WatchRunResponse as RunFrameMessage } from "../../gen/signalbox/v1/run_service_pb.ts";
export type { Value as ValueMessage } from "../../gen/signalbox/v1/value_pb.ts";

/** Print messages as one line of JSON each, as protobuf maps them: the same as the server's own JSON. */
export const messageJson = {
  run: printing(RunSchema),
  action: printing(ActionSchema),
  attempt: printing(AttemptSchema),
  explanation: printing(ExplainActionResponseSchema),
  runFrame: printing(WatchRunResponseSchema),
  condition: printing(ConditionSchema),
  signalResult: printing(SignalConditionResponseSchema),
  event: printing(EventSchema),
  eventPage: printing(ListEventsResponseSchema),
  eventFrame: printing(WatchEventsResponseSchema),
  feed: printing(DescribeFeedResponseSchema),
  op: printing(OpSchema),
  worker: printing(WorkerSchema),
  limit: printing(LimitSchema),
  limitAnswer: printing(GetLimitResponseSchema),
  subscription: printing(SubscriptionSchema),
  deadLetter: printing(DeadLetterSchema),
  timelineEntry: printing(TimelineEntrySchema),
  preparedInputs: printing(PrepareInputsResponseSchema),
} as const;

function printing<D extends DescMessage>(schema: D): (message: MessageShape<D>) => string {
  return (message) => toJsonString(schema, message);
}
