import { Code } from "@connectrpc/connect";
import type { Violation } from "../../core/refusal.ts";
import type { HttpRequest, HttpResponse } from "../carrier/port.ts";
import type { Refusal } from "../refusals/row.ts";
import { toRefusalMessage } from "../status.ts";
import { pagePolicy } from "./html.ts";

/** What a request to a link is answered with, once for programs and once for people. */
export interface Reply {
  readonly status: number;
  readonly json: unknown;
  readonly page: string;
  readonly headers?: Readonly<Record<string, string>>;
}

/** What programs are told of what went wrong. */
export interface ToldRefusal {
  readonly reason: string;
  readonly message: string;
  readonly domain: "signalbox";
  readonly metadata: Readonly<Record<string, string>>;
  readonly violations: readonly Violation[];
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

/** The HTTP status of a refusal, and what is told of it. */
export function tellRefusal(refusal: Refusal): { readonly status: number; readonly told: ToldRefusal } {
  const { code, message, metadata } = toRefusalMessage(refusal);
  const violations = "violations" in refusal ? refusal.violations : [];
  const status = statusByReason[refusal.reason] ?? statusByCode.get(code) ?? 500;
  return { status, told: { reason: refusal.reason, message, domain: "signalbox", metadata, violations } };
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
