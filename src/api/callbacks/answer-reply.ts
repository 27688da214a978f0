import { Code } from "@connectrpc/connect";
import { standingOf, termsOf } from "../../core/conditions/standing.ts";
import { namespaceOf, runIdOf } from "../../core/name.ts";
import type { Violation } from "../../core/refusal.ts";
import { asJson } from "../../core/value.ts";
import type { HttpRequest, HttpResponse } from "../carrier/port.ts";
import type { Refusal } from "../refusals/row.ts";
import { toRefusalMessage } from "../status.ts";
import type { PostedAnswer, StatedAnswer } from "./answer-body.ts";
import { type Question, questionPage, recordedPage, refusedPage } from "./answer-pages.ts";
import { pagePolicy } from "./html.ts";

/** What a request to a link is answered with, once for programs and once for people. */
export interface Reply {
  readonly status: number;
  readonly json: unknown;
  readonly page: string;
  readonly headers?: Readonly<Record<string, string>>;
}

const statusByReason: Partial<Record<Refusal["reason"], number>> = {
  LINK_INVALID: 403,
  LINK_EXPIRED: 410,
  LINK_USED: 409,
};

const statusByCode = new Map<Code, number>([
  [Code.InvalidArgument, 400],
  [Code.OutOfRange, 400],
  [Code.PermissionDenied, 403],
  [Code.NotFound, 404],
  [Code.FailedPrecondition, 409],
  [Code.AlreadyExists, 409],
  [Code.ResourceExhausted, 429],
  [Code.Unavailable, 503],
]);

const titles: Partial<Record<Refusal["reason"], string>> = {
  LINK_INVALID: "This link is not valid",
  LINK_EXPIRED: "The time of this link is over",
  LINK_USED: "This link is used up",
  STORE_UNAVAILABLE: "Please try again in a moment",
  STOPPING: "Please try again in a moment",
};

/** What is asked. */
export function questionReply(question: Question): Reply {
  const { action, spec } = question;
  const { choices, schema, link } = termsOf(action);
  const { deadlineMs } = standingOf(action);
  const json = {
    ...nameOf(question),
    type: spec.type,
    prompt: spec.prompt,
    description: spec.description,
    link,
    choices: choices.map((choice) => ({ ...choice, value: asJson(choice.value) })),
    ...(schema === undefined ? {} : { schema }),
    ...(deadlineMs === undefined ? {} : { deadlineTime: new Date(deadlineMs).toISOString() }),
  };
  return { status: 200, json, page: questionPage(question) };
}

/** What was recorded, and whether it has decided the condition. */
export function recordedReply(
  question: Question,
  answer: PostedAnswer,
  { isDecided }: { readonly isDecided: boolean },
): Reply {
  const { value, comment } = answer;
  const json = { ...nameOf(question), value: asJson(value), comment, decided: isDecided };
  return { status: 200, json, page: recordedPage(question, answer, isDecided) };
}

/** A refusal that the visitor can do nothing about. */
export function refusedReply(refusal: Refusal): Reply {
  const { code, message, metadata } = toRefusalMessage(refusal);
  const status = statusByReason[refusal.reason] ?? statusByCode.get(code) ?? 500;
  const json = { reason: refusal.reason, message, domain: "signalbox", metadata };
  return { status, json, page: refusedPage(titles[refusal.reason] ?? "The answer was not taken", message) };
}

/** The question again, with what was wrong with the answer: the link is still good. */
export function rejectedReply(question: Question, refusal: Refusal, stated: StatedAnswer | undefined): Reply {
  const { message, metadata } = toRefusalMessage(refusal);
  const violations: readonly Violation[] =
    "violations" in refusal ? refusal.violations : [{ field: "value", description: message }];
  const json = { reason: refusal.reason, message, domain: "signalbox", metadata, violations };
  return { status: 400, json, page: questionPage(question, { violations, stated }) };
}

/** What is wrong with a request that never came as far as the condition. */
export function plainReply(
  status: number,
  reason: string,
  { title, message }: { readonly title: string; readonly message: string },
): Reply {
  const json = { reason, message, domain: "signalbox", metadata: {} };
  return { status, json, page: refusedPage(title, message) };
}

function nameOf({ action }: Question) {
  const { run, name } = action;
  return { namespace: namespaceOf(run), runId: runIdOf(run), name, instance: standingOf(action).instance };
}

/** True if whoever asks shows pages to people: browsers say so, programs seldom do. */
export function wantsPage({ headers }: HttpRequest): boolean {
  return /\btext\/html\b/i.test(headers.accept ?? "");
}

/**
 * Sends a reply. Nothing of it is kept by anybody on the way, and nobody who is linked to from a page learns
 * the page's address, which is a secret.
 */
export function sendReply(request: HttpRequest, response: HttpResponse, reply: Reply): void {
  // What is left of the request is thrown away, so that the connection can go on.
  request.resume();
  if (response.headersSent || response.destroyed) return;
  const isPage = wantsPage(request);
  const bytes = Buffer.from(isPage ? reply.page : `${JSON.stringify(reply.json)}\n`);
  const headers = {
    "content-type": isPage ? "text/html; charset=utf-8" : "application/json",
    "content-length": String(bytes.length),
    "cache-control": "no-store",
    "content-security-policy": pagePolicy,
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "x-robots-tag": "noindex",
    ...reply.headers,
  };
  for (const [name, value] of Object.entries(headers)) response.setHeader(name, value);
  response.statusCode = reply.status;
  if (request.method === "HEAD") response.end();
  else response.end(bytes);
}
