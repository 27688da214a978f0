import type { ConnectRouter } from "@connectrpc/connect";
import { ActionsService } from "../../../gen/flyteidl2/actions/actions_service_pb.ts";
import { AuthMetadataService } from "../../../gen/flyteidl2/auth/auth_service_pb.ts";
import { ClusterService } from "../../../gen/flyteidl2/cluster/service_pb.ts";
import { DataProxyService } from "../../../gen/flyteidl2/dataproxy/dataproxy_service_pb.ts";
import { TaskService } from "../../../gen/flyteidl2/task/task_service_pb.ts";
import { RunService } from "../../../gen/flyteidl2/workflow/run_service_pb.ts";
import { TrackedRunService } from "../../../gen/flyteidl2/workflow/tracked_run_service_pb.ts";
import { register } from "../routes.ts";
import { actionsService } from "./actions/actions-service.ts";
import { authMetadataService, clusterService } from "./data/cluster-service.ts";
import { dataProxyService } from "./data/data-proxy-service.ts";
import type { FlyteParts } from "./flyte-parts.ts";
import { runReads } from "./run-reads.ts";
import { runWrites } from "./runs/run-writes.ts";
import { taskService } from "./tasks/task-service.ts";
import { trackedRunService } from "./tracked/tracked-run-service.ts";

/** The services of Flyte that are served, for health checks and reflection. */
export const flyteServices = [
  RunService,
  TrackedRunService,
  ActionsService,
  DataProxyService,
  ClusterService,
  TaskService,
  AuthMetadataService,
] as const;

/** Registers the services of Flyte over an engine: its clients find a Flyte server under the same address. */
export function flyteRoutes(parts: FlyteParts): (router: ConnectRouter) => void {
  return (router) => {
    const reads = runReads(parts);
    register(router, RunService, { ...reads, ...runWrites(parts) });
    register(router, TrackedRunService, trackedRunService(parts, reads));
    register(router, ActionsService, actionsService(parts));
    register(router, DataProxyService, dataProxyService(parts));
    register(router, ClusterService, clusterService);
    register(router, TaskService, taskService(parts));
    register(router, AuthMetadataService, authMetadataService);
  };
}
