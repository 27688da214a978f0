import { create, toBinary } from "@bufbuild/protobuf";
import type { HandlerContext, ServiceImpl } from "@connectrpc/connect";
import {
  ArtifactType,
  type CreateDownloadLinkRequest,
  type DataProxyService,
  type UploadInputsRequest,
} from "../../../../gen/flyteidl2/dataproxy/dataproxy_service_pb.ts";
import { type Inputs, InputsSchema } from "../../../../gen/flyteidl2/task/common_pb.ts";
import type { TaskSpec } from "../../../../gen/flyteidl2/task/task_definition_pb.ts";
import { fromDuration, toTimestamp } from "../../mapping/time.ts";
import { outputUriOf } from "../actions/action-update.ts";
import { type Blob, type Blobs, BlobUnreadable } from "../blobs.ts";
import { invalid, notFound } from "../faults.ts";
import { findAction } from "../find-action.ts";
import type { FlyteParts } from "../flyte-parts.ts";
import { fromActionId } from "../mapping/identifiers.ts";
import { toNamespace, toRunKey } from "../names.ts";
import { findDeployed } from "../tasks/deployed.ts";
import { actionData } from "./action-data.ts";
import { createUploadLocation } from "./create-upload.ts";
import { linkLifetimeMs, linkLifetimeMsMax } from "./data-limits.ts";
import { tailLogs } from "./tail-logs.ts";

/** What goes into runs and what comes out of them. */
export function dataProxyService(parts: FlyteParts): ServiceImpl<typeof DataProxyService> {
  return {
    createUploadLocation: async (request, context) =>
      createUploadLocation(parts, request, calledUrlOf(context)),

    async uploadInputs(request) {
      checkScope(request);
      const { uri, sha256 } = await putInputs(parts.blobs, request.inputs);
      return { offloadedInputData: { uri, inputsHash: sha256 } };
    },

    createDownloadLink: (request, context) => createDownloadLink(parts, request, calledUrlOf(context)),

    async getActionData({ actionId }) {
      return actionData(parts.blobs, await findAction(parts, fromActionId(actionId)));
    },

    tailLogs: (request, context) => tailLogs(parts, request, context.signal),
  };
}

/** Keeps inputs as the file that a task reads. */
export async function putInputs(blobs: Blobs, inputs: Inputs | undefined): Promise<Blob> {
  return blobs.put(toBinary(InputsSchema, inputs ?? create(InputsSchema)), "inputs.pb");
}

function checkScope({ id }: UploadInputsRequest): void {
  if (id.case === "runId") toRunKey(id.value);
  else if (id.case === "projectId") toNamespace({ project: id.value.name, domain: id.value.domain });
  else throw invalid("run_id or project_id must be set");
}

async function createDownloadLink(
  { transfers, clock, ...parts }: FlyteParts,
  request: CreateDownloadLinkRequest,
  calledUrl: string,
) {
  const uri = await sourceOf({ transfers, clock, ...parts }, request);
  const path = await transfers.pathOf(uri).catch((error: unknown) => {
    if (error instanceof BlobUnreadable) throw notFound(error.message);
    throw error;
  });
  const lifetimeMs = Math.min(fromDuration(request.expiresIn) || linkLifetimeMs, linkLifetimeMsMax);
  const expireMs = clock.nowMs() + lifetimeMs;
  const place = { use: "get", path, expireMs, sizeBytesMax: 0, md5: "" } as const;
  const expiresAt = toTimestamp(expireMs);
  return {
    preSignedUrls: {
      signedUrl: [transfers.mint(place, calledUrl)],
      ...(expiresAt === undefined ? {} : { expiresAt }),
    },
  };
}

/** The address of the file that is asked for. */
async function sourceOf(
  parts: FlyteParts,
  { artifactType, source }: CreateDownloadLinkRequest,
): Promise<string> {
  if (artifactType === ArtifactType.REPORT && source.case === "actionAttemptId") {
    const { actionId, attempt } = source.value;
    const action = await findAction(parts, fromActionId(actionId));
    const ended = await parts.engine.store.listAttempts(action.run, action.name);
    const tried = ended.find(({ number }) => number === attempt) ?? action;
    const uri = outputUriOf(tried).replace(/\/(outputs\.pb)?$/, "");
    if (uri === "") throw notFound("the attempt has no report");
    return `${uri}/report.html`;
  }
  if (artifactType === ArtifactType.CODE_BUNDLE && source.case === "taskId") {
    const uri = bundleOf((await findDeployed(parts, source.value)).spec);
    if (uri === undefined) throw notFound("the task has no code of its own");
    return uri;
  }
  throw invalid("artifact_type must be REPORT of an attempt or CODE_BUNDLE of a task");
}

/** Where the code of a task is, which stands behind one of two words among its arguments. */
function bundleOf({ taskTemplate }: TaskSpec): string | undefined {
  const { metadata, target } = taskTemplate ?? {};
  if (metadata?.codeBundleUri) return metadata.codeBundleUri;
  const args = target?.case === "container" ? [...target.value.command, ...target.value.args] : [];
  const place = args.findIndex((arg) => arg === "--tgz" || arg === "--pkl");
  return place < 0 ? undefined : args[place + 1];
}

/** The address under which the client called: what its requests name as the host, which it can reach. */
function calledUrlOf({ url, requestHeader }: HandlerContext): string {
  const host = requestHeader.get("host");
  const { origin, protocol } = new URL(url);
  return host !== null && URL.canParse(`${protocol}//${host}`) ? `${protocol}//${host}` : origin;
}
