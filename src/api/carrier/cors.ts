import { cors } from "@connectrpc/connect";
import type { HttpRequest, HttpResponse } from "./port.ts";

/** One day: a browser asks again after it, or earlier by its own limit. */
const preflightMaxAgeSeconds = 86_400;

/**
 * Lets pages of the allowed origins call the server from a browser. Returns true when the request was a
 * browser's question beforehand (a preflight) and is answered. Without allowed origins it does nothing, so a
 * browser refuses.
 */
export function allowOrigin(
  request: HttpRequest,
  response: HttpResponse,
  origins: readonly string[],
): boolean {
  const origin = request.headers.origin;
  if (origins.length === 0 || origin === undefined) {
    return false;
  }
  const allowed = origins.includes("*") || origins.includes(origin);
  response.setHeader("vary", "Origin");
  if (allowed) {
    response.setHeader("access-control-allow-origin", origin);
    response.setHeader("access-control-expose-headers", cors.exposedHeaders.join(", "));
  }
  const isPreflight = request.method === "OPTIONS" && "access-control-request-method" in request.headers;
  if (isPreflight) {
    if (allowed) {
      response.setHeader("access-control-allow-methods", cors.allowedMethods.join(", "));
      response.setHeader("access-control-allow-headers", cors.allowedHeaders.join(", "));
      response.setHeader("access-control-max-age", String(preflightMaxAgeSeconds));
    }
    response.statusCode = 204;
    response.end();
  }
  return isPreflight;
}
