import { create, toBinary } from "@bufbuild/protobuf";
import { ConnectError, type HandlerContext, type ServiceImpl } from "@connectrpc/connect";
import { RunSpecSchema } from "../../../../gen/flyteidl2/task/run_pb.ts";
import type { Run as RunMessage } from "../../../../gen/flyteidl2/workflow/run_definition_pb.ts";
import type {
  CreateTrackedRunRequest,
  TrackedRunService,
} from "../../../../gen/flyteidl2/workflow/tracked_run_service_pb.ts";
import { type RunKey, runKey } from "../../../core/name.ts";
import { abortRun } from "../actions/abort.ts";
import { newTask, toReference } from "../actions/new-task.ts";
import { invalid } from "../faults.ts";
import type { FlyteParts } from "../flyte-parts.ts";
import { fromRunId } from "../mapping/identifiers.ts";
import { rootRowOf, toRun } from "../mapping/to-action.ts";
import { rootAction, toNamespace, toRunKey } from "../names.ts";
import type { RunReads } from "../run-reads.ts";
import { checkedLabels, checkRunName, newName } from "../runs/create-run.ts";
import { startRun } from "../runs/start-run.ts";
import { findDeployed } from "../tasks/deployed.ts";
import { reportAction, tracked } from "./report-actions.ts";
import { takeUp, trackedOp } from "./tracked-worker.ts";

/** Runs that happen elsewhere and are only reported; they are read as all others are. */
export function trackedRunService(parts: FlyteParts, reads: RunReads): ServiceImpl<typeof TrackedRunService> {
  const { getRunDetails, watchRunDetails, getActionDetails, watchActionDetails } = reads;
  const { listRuns, watchRuns, listActions, watchActions } = reads;
  return {
    ...{ getRunDetails, watchRunDetails, getActionDetails, watchActionDetails },
    ...{ listRuns, watchRuns, listActions, watchActions },

    async createRun(request, context) {
      return { run: await createTrackedRun(parts, request, context) };
    },

    async reportActions({ runId, updates }) {
      const run = fromRunId(runId);
      const statuses: { code: number; message: string }[] = [];
      // Each may belong to what the one before it adds.
      for (const update of updates) {
        statuses.push(
          await reportAction(parts, run, update).then(() => ({ code: 0, message: "" }), toStatus),
        );
      }
      return { statuses };
    },

    async abortRun({ runId, reason = "" }) {
      await abortRun(parts, fromRunId(runId), reason);
      return {};
    },
  };
}

/** What cannot be taken is told in its place; a failure of the server ends the call. */
function toStatus(error: unknown): { code: number; message: string } {
  if (!(error instanceof ConnectError)) throw error;
  return { code: error.code, message: error.rawMessage };
}

async function createTrackedRun(
  parts: FlyteParts,
  request: CreateTrackedRunRequest,
  context: HandlerContext,
): Promise<RunMessage> {
  const { engine, blobs } = parts;
  const { key, org } = nameOf(request);
  const { runSpec = create(RunSpecSchema), labels, offloadedInputData } = request;
  const task = await newTask(blobs, rootAction, {
    ...(await taskOf(parts, request)),
    group: "",
    inputUri: offloadedInputData?.uri ?? "",
    runOutputBase: "",
    runSpec: toReference(await blobs.put(toBinary(RunSpecSchema, runSpec))),
  });
  const started = await startRun(
    parts,
    {
      key,
      request: { requestId: "", digest: "" },
      labels: checkedLabels({ ...runSpec.labels?.values, ...labels }),
      root: tracked(trackedOp(key), task),
    },
    context,
  );
  await takeUp(engine, key);
  const run = (await engine.store.run(key)) ?? started;
  return toRun({ org, key }, rootRowOf(run, await engine.store.action(key, rootAction)), run);
}

/** Names that the server makes up for runs of its own begin with `r`: those of reported ones must not. */
function nameOf({ id }: CreateTrackedRunRequest): { readonly key: RunKey; readonly org: string } {
  if (id.case === "runId") {
    checkRunName(id.value.name);
    if (/^[ru]/.test(id.value.name)) throw invalid("the name of a tracked run must not begin with r or u");
    return { key: toRunKey(id.value), org: id.value.org };
  }
  if (id.case !== "projectId") throw invalid("run_id or project_id must be set");
  const { name: project, domain, organization: org } = id.value;
  return { key: runKey(toNamespace({ project, domain }), newName("t")), org };
}

async function taskOf(parts: FlyteParts, { task }: CreateTrackedRunRequest) {
  if (task.case === "taskSpec") return { id: undefined, spec: task.value };
  if (task.case !== "taskId") throw invalid("task_spec or task_id must be set");
  return { id: task.value, spec: (await findDeployed(parts, task.value)).spec };
}
