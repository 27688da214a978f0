import { toJson } from "@bufbuild/protobuf";
import { ValueSchema } from "@bufbuild/protobuf/wkt";
import type { AttemptReference, AttemptReport } from "../../../gen/signalbox/v1/worker_service_pb.ts";
import { Breach } from "../breach.ts";
import type { Stage } from "../stage.ts";
import { isEnd } from "../wire/said.ts";
import type { ServerStream } from "../wire/server-stream.ts";

/** What the event of a step says. */
export interface Step {
  readonly step: number;
  /** Chosen by chance, once for each time the task is executed. */
  readonly execution: string;
}

/** The step that a report tells of; undefined of a report of another kind. */
export function readStep({ content }: AttemptReport): Step | undefined {
  if (content.case !== "event" || content.value.type !== "conformance.step") return undefined;
  const payload = content.value.payload === undefined ? null : toJson(ValueSchema, content.value.payload);
  const { step, execution } = (payload ?? {}) as Partial<Step>;
  if (typeof step !== "number" || typeof execution !== "string") {
    throw new Breach('an event of conformance/progress was to have a payload {"step": N, "execution": TEXT}');
  }
  return { step, execution };
}

/**
 * Follows a `progress` task to its end, and returns the steps of its events. All must come of one execution,
 * behind the progress and the log line of their step.
 */
export async function observeSteps(
  stage: Stage,
  stream: ServerStream,
  given: { readonly attempt: AttemptReference },
  execution?: string,
): Promise<number[]> {
  const steps: number[] = [];
  const executions = new Set(execution === undefined ? [] : [execution]);
  const said = new Set<string>();
  for (;;) {
    const report = await stage.report(stream, given);
    const { content } = report;
    if (content.case === "progress") said.add(`progress ${content.value.message}`);
    if (content.case === "log") said.add(`log ${content.value.message}`);
    const step = readStep(report);
    if (step !== undefined) {
      steps.push(step.step);
      executions.add(step.execution);
      for (const kind of execution === undefined ? ["progress", "log"] : []) {
        stage.require(
          said.has(`${kind} step ${step.step}`),
          `the ${kind} of step ${step.step} is not before its event`,
        );
      }
    }
    stage.require(executions.size <= 1, "the task was executed more than once");
    if (isEnd(report)) {
      stage.require(content.case === "succeeded", `the task was to succeed, and has ${content.case}`);
      return steps;
    }
  }
}
