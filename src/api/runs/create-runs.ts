import {
  type BatchCreateRunsResult,
  type CreateRunRequest,
  CreateRunRequestSchema,
} from "../../../gen/signalbox/v1/run_service_pb.ts";
import type { Answers } from "../../core/answer.ts";
import type { Engine } from "../../engine/engine.ts";
import { forbiddenWebhook, type WebhookTargets } from "../delivery/webhook-targets.ts";
import { violationsOf } from "../interceptors/validate.ts";
import { Faults } from "../mapping/faults.ts";
import { fromNewRun } from "../mapping/from-proto-run.ts";
import { toRun } from "../mapping/to-proto-run.ts";
import type { Refusal } from "../refusals.ts";
import { requestOf, required } from "../requests.ts";
import { refusalOf, toRefusalMessage } from "../status.ts";

/** What it takes to create runs. */
export interface CreatingParts {
  readonly engine: Engine;
  readonly targets: WebhookTargets;
}

type Created =
  | { readonly ok: true; readonly answer: Answers["createRun"] }
  | { readonly ok: false; readonly refusal: Refusal };

/** Creates a run, or says what is wrong with the request: with its shape, or with what it asks for. */
export async function createRun(
  { engine, targets }: CreatingParts,
  { run, requestId }: CreateRunRequest,
  createdBy: string,
): Promise<Created> {
  if (run === undefined) throw required("run");
  const faults = new Faults();
  const stated = faults.within("run", () => fromNewRun(run, faults));
  const { violations } = faults;
  if (violations.length > 0) return { ok: false, refusal: { reason: "INVALID_REQUEST", violations } };
  const forbidden = "plan" in stated.work ? await forbiddenWebhook(targets, stated.work.plan) : undefined;
  if (forbidden !== undefined) return { ok: false, refusal: forbidden };
  const request = requestOf(requestId, stated);
  const newRunId = engine.newRunId();
  return engine.execute({ kind: "createRun", request, newRunId, createdBy, ...stated });
}

/** One of a batch: a refusal, and a failure that its caller may try again after, concern it alone. */
export async function createOneOfMany(
  parts: CreatingParts,
  request: CreateRunRequest,
  createdBy: string,
): Promise<BatchCreateRunsResult> {
  const result = await resultOf(parts, request, createdBy);
  return { $typeName: "signalbox.v1.BatchCreateRunsResult", result };
}

async function resultOf(
  parts: CreatingParts,
  request: CreateRunRequest,
  createdBy: string,
): Promise<BatchCreateRunsResult["result"]> {
  try {
    const violations = violationsOf(CreateRunRequestSchema, request);
    if (violations.length > 0) {
      return { case: "refusal", value: toRefusalMessage({ reason: "INVALID_REQUEST", violations }) };
    }
    const created = await createRun(parts, request, createdBy);
    if (created.ok) return { case: "run", value: toRun(created.answer.run) };
    return { case: "refusal", value: toRefusalMessage(created.refusal) };
  } catch (error) {
    const refusal = refusalOf(error);
    if (refusal === undefined) throw error;
    return { case: "refusal", value: toRefusalMessage(refusal) };
  }
}
