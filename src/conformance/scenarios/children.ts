import { create } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { Action_State, ActionSchema, type NewAction } from "../../../gen/signalbox/v1/action_pb.ts";
import type { AttemptReference } from "../../../gen/signalbox/v1/worker_service_pb.ts";
import { Breach } from "../breach.ts";
import { isSame, type Stage } from "../stage.ts";
import type { ServerStream } from "../wire/server-stream.ts";

/** A child that a task has asked for. */
export interface AskedChild {
  readonly parent: AttemptReference;
  readonly callId: bigint;
  readonly action: NewAction;
}

/** Waits until a task asks for one child. */
export async function addChild(
  stage: Stage,
  stream: ServerStream,
  { attempt: parent }: { readonly attempt: AttemptReference },
): Promise<AskedChild> {
  const { call } = await stream.next("addActions", "its task asked for no child", ({ attempt }) =>
    isSame(attempt, parent),
  );
  const [action] = call.actions;
  if (action === undefined || call.actions.length > 1) {
    throw new Breach(`its task asks for ${call.actions.length} children, and was to ask for one`);
  }
  stage.require(call.callId >= 1n, "the call for a child has no number");
  return { parent, callId: call.callId, action };
}

/** The times that a server tells with a child, in milliseconds since 1970. */
export interface ChildTimes {
  readonly createdMs: number;
  readonly endedMs: number;
}

/**
 * Answers a call: the condition waits, or has ended with yes; or pushes its end, for a call that was
 * answered.
 */
export function answerCondition(
  stream: ServerStream,
  { parent, callId, action: { name } }: AskedChild,
  how: "waiting" | "ended" | "answered as ended",
  { createdMs, endedMs }: ChildTimes = { createdMs: Date.now(), endedMs: Date.now() },
): void {
  const hasEnded = how !== "waiting";
  const action = create(ActionSchema, {
    name: `${parent.action}/${name}`,
    state: hasEnded ? Action_State.SUCCEEDED : Action_State.PAUSED,
    createTime: timestampFromMs(createdMs),
    ...(hasEnded && {
      endTime: timestampFromMs(endedMs),
      outputs: { value: { kind: { case: "boolValue" as const, value: true } } },
    }),
  });
  if (how === "ended") {
    stream.send({ case: "childEnded", value: { attempt: parent, action } });
  } else {
    stream.send({ case: "actionsAdded", value: { callId, attempt: parent, actions: [action] } });
  }
}
