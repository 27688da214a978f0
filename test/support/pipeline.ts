import type { MessageInitShape } from "@bufbuild/protobuf";
import type { Event } from "../../gen/signalbox/v1/event_pb.ts";
import type { NewRunSchema } from "../../gen/signalbox/v1/run_pb.ts";
import { ValueType } from "../../gen/signalbox/v1/value_pb.ts";

/**
 * A run with a person in its middle: `count` puts out `lines`, the condition `approve` waits for it, and
 * `publish` takes both answers as inputs; it is skipped unless the answer is true.
 */
export function pipeline(runId: string): MessageInitShape<typeof NewRunSchema> {
  const path = {
    source: { case: "value", value: { kind: { case: "stringValue", value: "a.txt" } } },
  } as const;
  const outputOf = (from: string, output: string) =>
    ({ source: { case: "reference", value: { from, output } } }) as const;
  const yes = { kind: { case: "boolValue", value: true } } as const;
  return {
    runId,
    labels: { suite: "interop" },
    work: {
      case: "plan",
      value: {
        actions: [
          { name: "count", kind: { case: "task", value: { op: `count-${runId}`, inputs: { path } } } },
          {
            name: "approve",
            kind: { case: "condition", value: { type: ValueType.BOOL, prompt: "Publish?" } },
            dependencies: [{ action: "count" }],
          },
          {
            name: "publish",
            kind: {
              case: "task",
              value: {
                op: `publish-${runId}`,
                inputs: { lines: outputOf("count", "lines"), approved: outputOf("approve", "value") },
              },
            },
            dependencies: [{ action: "approve", equals: yes }],
          },
        ],
      },
    },
  };
}

/** Every event of a pipeline that is approved and reports progress once while it counts, in feed order. */
export const pipelineFeed: readonly string[] = [
  "runCreated",
  "actionCreated count",
  "actionCreated approve",
  "actionCreated publish",
  "actionAssigned count",
  "runStarted",
  "actionStarted count",
  "actionProgressed count",
  "actionEnded count",
  "conditionPaused approve",
  "conditionAnswered approve",
  "actionEnded approve",
  "actionQueued publish",
  "actionAssigned publish",
  "actionStarted publish",
  "actionEnded publish",
  "runEnded",
];

/** An event in words: its kind, and the action it belongs to. */
export function describeEvent({ detail, action }: Event): string {
  return `${detail.case} ${action}`.trimEnd();
}
