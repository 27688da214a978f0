import type { MessageInitShape } from "@bufbuild/protobuf";
import type { ServiceImpl } from "@connectrpc/connect";
import { Filter_Function } from "../../../../gen/flyteidl2/common/list_pb.ts";
import type { TaskMetadataSchema } from "../../../../gen/flyteidl2/task/task_definition_pb.ts";
import type { ListTasksRequest, TaskService } from "../../../../gen/flyteidl2/task/task_service_pb.ts";
import type { Op } from "../../../core/ops/op.ts";
import type { OpPlace } from "../../../store/store.ts";
import { toTimestamp } from "../../mapping/time.ts";
import { makerOfCall } from "../caller-identity.ts";
import { invalid } from "../faults.ts";
import { listLimitDefault, listLimitMax, tokenLengthMax } from "../flyte-limits.ts";
import type { FlyteParts } from "../flyte-parts.ts";
import { toIdentity } from "../mapping/identifiers.ts";
import { toNamespace, toScope } from "../names.ts";
import { deployTask } from "./deploy-task.ts";
import { findDeployed, opLabels, opPrefix, versionOf } from "./deployed.ts";
import { opVersionsPerPage, tasksScannedMax } from "./task-limits.ts";

/** Deployed tasks: each is an op whose name begins with `flyte/`, each version of it one of the op. */
export function taskService(parts: FlyteParts): ServiceImpl<typeof TaskService> {
  return {
    async deployTask(request, context) {
      await deployTask(parts, request, makerOfCall(context));
      return {};
    },

    async getTaskDetails({ taskId }) {
      if (taskId === undefined) throw invalid("task_id must be set");
      const { op, spec } = await findDeployed(parts, taskId);
      return { details: { taskId: idOf(op, taskId.org), metadata: metadataOf(op), spec } };
    },

    async listTasks(request) {
      const { tasks, token } = await listTasks(parts, request);
      const { case: by, value } = request.scopeBy;
      const org = by === "org" ? value : by === "projectId" ? value.organization : "";
      return { tasks: tasks.map((op) => ({ taskId: idOf(op, org), metadata: metadataOf(op) })), token };
    },
  };
}

/** A page of tasks, each in its latest version, by name. */
async function listTasks(
  { engine }: FlyteParts,
  { request, scopeBy, knownFilters }: ListTasksRequest,
): Promise<{ readonly tasks: readonly Op[]; readonly token: string }> {
  const limit = request?.limit || listLimitDefault;
  if (limit > listLimitMax) throw invalid(`limit must be at most ${listLimitMax}`);
  const scope =
    scopeBy.case === "projectId"
      ? { project: scopeBy.value.name, domain: scopeBy.value.domain }
      : { project: "", domain: "" };
  const namespace = toNamespace(scope);
  const tests = (request?.filters ?? []).map(({ function: is, field, values }) => testOf(is, field, values));
  for (const { filterBy } of knownFilters) {
    if (filterBy.case === "deployedBy") {
      tests.push((op) => op.labels[opLabels.deployedBy] === filterBy.value);
    }
  }
  const tasks: Op[] = [];
  let after = readToken(request?.token ?? "");
  for (let scannedCount = 0; tasks.length < limit && scannedCount < tasksScannedMax; ) {
    const query = { namespace, allVersions: false, namePrefix: opPrefix, after, limit: opVersionsPerPage };
    const { items, next } = await engine.store.listOps(query);
    for (const op of items) {
      scannedCount += 1;
      if (tests.every((meets) => meets(op))) tasks.push(op);
      after = { name: op.name, version: op.version };
      if (tasks.length === limit) break;
    }
    if (tasks.length < limit && next === undefined) return { tasks, token: "" };
  }
  return { tasks, token: Buffer.from(JSON.stringify(after)).toString("base64url") };
}

function readToken(token: string): OpPlace | undefined {
  if (token === "") return undefined;
  try {
    if (token.length > tokenLengthMax) throw new Error("the token is too long");
    const { name, version } = JSON.parse(Buffer.from(token, "base64url").toString()) as OpPlace;
    if (typeof name === "string" && Number.isSafeInteger(version)) return { name, version };
  } catch {
    // Told below.
  }
  throw invalid("invalid token");
}

/** Fields of tasks that lists can be filtered by. */
const fields: Readonly<Record<string, (op: Op) => string>> = {
  name: nameOf,
  task_name: nameOf,
  version: versionOf,
  task_version: versionOf,
  short_name: (op) => op.labels[opLabels.shortName] ?? "",
  environment: (op) => op.labels[opLabels.environment] ?? "",
  environment_name: (op) => op.labels[opLabels.environment] ?? "",
  deployed_by: (op) => op.labels[opLabels.deployedBy] ?? "",
};

function testOf(is: Filter_Function, field: string, values: readonly string[]): (op: Op) => boolean {
  const read = fields[field];
  if (read === undefined) {
    throw invalid(`invalid filter field: ${field}; there are ${Object.keys(fields).join(", ")}`);
  }
  const [value = ""] = values;
  switch (is) {
    case Filter_Function.EQUAL:
    case Filter_Function.VALUE_IN:
      return (op) => values.includes(read(op));
    case Filter_Function.NOT_EQUAL:
    case Filter_Function.VALUE_NOT_IN:
      return (op) => !values.includes(read(op));
    case Filter_Function.CONTAINS:
      return (op) => read(op).includes(value);
    case Filter_Function.CONTAINS_CASE_INSENSITIVE:
      return (op) => read(op).toLowerCase().includes(value.toLowerCase());
    default:
      throw invalid(`filter on ${field} must ask whether it is or contains a text`);
  }
}

function nameOf(op: Op): string {
  return op.name.slice(opPrefix.length);
}

function idOf(op: Op, org: string) {
  return { org, ...toScope(op.namespace), name: nameOf(op), version: versionOf(op) };
}

function metadataOf(op: Op): MessageInitShape<typeof TaskMetadataSchema> {
  const deployedBy = toIdentity(op.labels[opLabels.deployedBy] ?? "");
  const deployedAt = toTimestamp(op.updateTimeMs);
  return {
    shortName: op.labels[opLabels.shortName] ?? "",
    environmentName: op.labels[opLabels.environment] ?? "",
    shortDescription: op.description,
    ...(deployedBy === undefined ? {} : { deployedBy }),
    ...(deployedAt === undefined ? {} : { deployedAt }),
  };
}
