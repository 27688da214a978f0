import { fromBinary } from "@bufbuild/protobuf";
import {
  type TaskIdentifier,
  type TaskSpec,
  TaskSpecSchema,
} from "../../../../gen/flyteidl2/task/task_definition_pb.ts";
import type { Op } from "../../../core/ops/op.ts";
import type { Store } from "../../../store/store.ts";
import { BlobUnreadable } from "../blobs.ts";
import { failedPrecondition, invalid, notFound } from "../faults.ts";
import type { FlyteParts } from "../flyte-parts.ts";
import { toNamespace } from "../names.ts";
import { opVersionsPerPage } from "./task-limits.ts";

/** What the names of ops begin with that stand for deployed tasks. */
export const opPrefix = "flyte/";

/** Labels of such ops. */
export const opLabels = {
  version: "flyte-version",
  /** The digest of the serialised TaskSpec. */
  spec: "flyte-spec",
  shortName: "flyte-task",
  environment: "flyte-environment",
  deployedBy: "flyte-deployed-by",
} as const;

/** A deployed task. */
export interface Deployed {
  readonly op: Op;
  readonly spec: TaskSpec;
}

type Parts = Pick<FlyteParts, "engine" | "blobs">;

/** A version of a deployed task, the latest if it names none. Ends the call with NOT_FOUND without one. */
export async function findDeployed({ engine, blobs }: Parts, id: TaskIdentifier): Promise<Deployed> {
  const op = await findVersion(engine.store, id);
  if (op === undefined) throw notFound(`task ${id.name} ${id.version} not found`);
  try {
    const bytes = await blobs.read(blobs.uriOf(op.labels[opLabels.spec] ?? ""));
    return { op, spec: fromBinary(TaskSpecSchema, bytes) };
  } catch (error) {
    if (error instanceof BlobUnreadable) throw failedPrecondition(`the spec of task ${id.name} is lost`);
    throw error;
  }
}

/** The op that stands for a version of a task, for the latest if it names none; undefined without one. */
export async function findVersion(store: Store, id: TaskIdentifier): Promise<Op | undefined> {
  if (id.name === "") throw invalid("task_id must have a name");
  const namespace = toNamespace(id);
  const name = `${opPrefix}${id.name}`;
  const latest = await store.op(namespace, name, 0);
  if (id.version === "" || latest === undefined || versionOf(latest) === id.version) return latest;
  let after: { readonly name: string; readonly version: number } | undefined = {
    name,
    version: latest.version,
  };
  while (after !== undefined) {
    const query = {
      namespace,
      allVersions: true,
      namePrefix: name,
      after,
      limit: opVersionsPerPage,
    } as const;
    const page = await store.listOps(query);
    const found = page.items.find((op) => op.name === name && versionOf(op) === id.version);
    if (found !== undefined) return found;
    // Behind its versions come ops whose names only begin like its own.
    after = page.next?.name === name ? page.next : undefined;
  }
  return undefined;
}

/** The version of a deployed task, in its author's words. */
export function versionOf(op: Op): string {
  return op.labels[opLabels.version] ?? "";
}
