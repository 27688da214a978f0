import { toBinary } from "@bufbuild/protobuf";
import { TaskSpecSchema } from "../../../../gen/flyteidl2/task/task_definition_pb.ts";
import { type DeployTaskRequest } from "../../../../gen/flyteidl2/task/task_service_pb.ts";
import type { OpContent } from "../../../core/ops/op.ts";
import { labelValueLengthMax } from "../actions/action-limits.ts";
import { factsOf } from "../actions/new-task.ts";
import { alreadyExists, invalid } from "../faults.ts";
import type { FlyteParts } from "../flyte-parts.ts";
import { toNamespace } from "../names.ts";
import { refused } from "../refused.ts";
import { findVersion, opLabels, opPrefix } from "./deployed.ts";
import { opNameLengthMax } from "./task-limits.ts";

const namePattern = /^[A-Za-z0-9_][A-Za-z0-9._/-]*$/;
/** 4,096 characters of a description. */
const descriptionLengthMax = 4_096;

/**
 * Deploys a version of a task as an op whose name begins with `flyte/`. The same again changes nothing; the
 * same version with another spec ends the call with ALREADY_EXISTS.
 */
export async function deployTask(parts: FlyteParts, request: DeployTaskRequest, by: string): Promise<void> {
  const { engine, blobs } = parts;
  const { taskId: id, spec } = request;
  if (id === undefined || spec === undefined) throw invalid("task_id and spec must be set");
  const namespace = toNamespace(id);
  const name = `${opPrefix}${id.name}`;
  if (!namePattern.test(id.name) || name.length > opNameLengthMax) {
    throw invalid(`task name ${JSON.stringify(id.name.slice(0, opNameLengthMax))} must be a plain name`);
  }
  if (id.version === "" || id.version.length > labelValueLengthMax) {
    throw invalid(`the version of a task must have 1 to ${labelValueLengthMax} characters`);
  }
  const bytes = toBinary(TaskSpecSchema, spec);
  const { sha256 } = await blobs.put(bytes);
  const before = await findVersion(engine.store, id);
  if (before !== undefined) {
    if (before.labels[opLabels.spec] === sha256) return;
    throw alreadyExists(`task ${id.name} ${id.version} is deployed already, with another spec`);
  }
  const { shortName, environment } = factsOf({ id, spec });
  const outcome = await engine.execute({
    kind: "registerOp",
    request: { requestId: "", digest: "" },
    namespace,
    name,
    content: {
      ...plainContent,
      description: (spec.documentation?.shortDescription ?? "").slice(0, descriptionLengthMax),
      labels: {
        [opLabels.version]: id.version,
        [opLabels.spec]: sha256,
        [opLabels.deployedBy]: by,
        ...(shortName === "" ? {} : { [opLabels.shortName]: shortName.slice(0, labelValueLengthMax) }),
        ...(environment === "" ? {} : { [opLabels.environment]: environment.slice(0, labelValueLengthMax) }),
      },
    },
  });
  if (!outcome.ok) throw refused(outcome.refusal);
}

const plainContent: OpContent = {
  description: "",
  labels: {},
  retry: undefined,
  timeouts: undefined,
  versionName: "",
  inputs: { specs: {}, allowExtra: true },
  outputs: {},
  resources: undefined,
  placement: undefined,
  delivery: undefined,
  image: "",
  handler: "",
};
