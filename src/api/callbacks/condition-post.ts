import { createHash } from "node:crypto";
import { toJson } from "@bufbuild/protobuf";
import { ConditionSchema } from "../../../gen/signalbox/v1/condition_pb.ts";
import { type Action, hasEnded } from "../../core/action.ts";
import type { WebhookPost } from "../../core/conditions/outbox.ts";
import { standingOf, termsOf } from "../../core/conditions/standing.ts";
import { namespaceOf, runIdOf } from "../../core/name.ts";
import { plainJson } from "../../core/ops/spec-type.ts";
import type { Json } from "../../core/value.ts";
import type { ConditionRow } from "../../store/store.ts";
import { signatureHeaders } from "../delivery/webhook-content.ts";
import { toCondition } from "../mapping/conditions/to-condition.ts";
import type { AnswerLinks } from "./answer-links.ts";
import { callbackBodyBytesMax } from "./callback-limits.ts";
import { fillPayload, PayloadTooLarge } from "./payload.ts";
import { headerFault } from "./webhook-faults.ts";

/** What goes over the wire. */
export interface PostContent {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** The type of the CloudEvent that a post is. */
const types = {
  condition_paused: "signalbox.condition.paused",
  condition_escalated: "signalbox.condition.escalated",
  condition_ended: "signalbox.condition.ended",
} as const;

/** Why nobody is to get a post any more; undefined if it is to be posted. */
export function causeAgainst(post: WebhookPost, action: Action | undefined): string | undefined {
  if (action === undefined || termsOf(action).webhook === undefined) return "CONDITION_NOT_FOUND";
  if (standingOf(action).instance !== post.instance) return "INSTANCE_CHANGED";
  const isAboutEnd = post.about === "condition_ended";
  return hasEnded(action) && !isAboutEnd ? "CONDITION_ENDED" : undefined;
}

/** The id of a post, the same for each try of it. */
export function postIdOf({ key }: Pick<WebhookPost, "key">): string {
  return createHash("sha256").update(key).digest("hex").slice(0, 32);
}

/**
 * What is posted about a condition, with the condition as it stands: a CloudEvent whose attributes are
 * headers and whose data is the body, signed if there is a secret. The same post has the same link each time.
 * Throws PayloadTooLarge.
 */
export function contentOf(
  post: WebhookPost,
  row: ConditionRow,
  { links, nowMs }: { readonly links: AnswerLinks; readonly nowMs: number },
): PostContent {
  const { action } = row;
  const { webhook } = termsOf(action);
  if (webhook === undefined) throw new Error("the condition has no webhook");
  const id = postIdOf(post);
  const body = bodyOf(post, row, { payload: webhook.payload, uri: uriOf(post, action, links) });
  const run = `/signalbox/${namespaceOf(post.run)}/runs/${runIdOf(post.run)}`;
  const stated = Object.entries(webhook.headers).filter(([name]) => headerFault(name) === undefined);
  const signed = signatureHeaders(webhook.secret, id, nowMs, body);
  // Without a secret there is nothing that a signature could show.
  if (webhook.secret === "") delete signed["webhook-signature"];
  return {
    url: webhook.url,
    headers: {
      "content-type": "application/json",
      "user-agent": "signalbox",
      ...Object.fromEntries(stated.map(([name, value]) => [name.toLowerCase(), value])),
      "ce-specversion": "1.0",
      "ce-id": id,
      "ce-source": run,
      "ce-type": types[post.about],
      "ce-subject": action.name,
      "ce-time": new Date(post.createTimeMs).toISOString(),
      ...signed,
    },
    body,
  };
}

function bodyOf(
  { about }: WebhookPost,
  row: ConditionRow,
  { payload, uri }: { readonly payload: Json | undefined; readonly uri: string },
): string {
  const { action } = row;
  const answer = action.outputs?.["value"];
  if (payload !== undefined) {
    return fillPayload(payload, {
      callback_uri: uri,
      prompt: action.spec.kind === "condition" ? action.spec.prompt : "",
      run_id: runIdOf(action.run),
      name: action.name,
      namespace: namespaceOf(action.run),
      event: about.slice("condition_".length),
      outcome: action.outcome ?? "",
      answer: answer === undefined ? "" : printPlain(plainJson(answer)),
    });
  }
  const message = toCondition(action, row);
  const condition = message === undefined ? null : toJson(ConditionSchema, message);
  const text = JSON.stringify({ condition, ...(uri === "" ? {} : { callback_uri: uri }) });
  if (Buffer.byteLength(text) > callbackBodyBytesMax) throw new PayloadTooLarge();
  return text;
}

/** A text as it is, anything else as JSON. */
function printPlain(json: Json): string {
  return typeof json === "string" ? json : JSON.stringify(json);
}

/** The link of a post: in the name of whose turn it is by then; "" where there is nothing to answer. */
function uriOf(post: WebhookPost, action: Action, links: AnswerLinks): string {
  if (post.about === "condition_ended") return "";
  const { webhook, escalations, assignee } = termsOf(action);
  const lifetimeMs = webhook?.linkLifetimeMs;
  const steps = escalations.slice(0, post.step);
  return links.mint({
    run: post.run,
    action: post.action,
    instance: post.instance,
    subject: steps.findLast((step) => step.assignee !== "")?.assignee ?? assignee,
    expireMs: lifetimeMs === undefined ? undefined : post.createTimeMs + lifetimeMs,
    nonce: post.key,
  });
}
