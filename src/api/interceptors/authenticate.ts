import type { Interceptor } from "@connectrpc/connect";
import { callerKey, type Identify, tokenOf } from "../callers/caller.ts";
import { toConnectError } from "../status.ts";

/** The health check, which load balancers call without a token, and how Flyte's clients learn to sign in. */
const open: ReadonlySet<string> = new Set(["grpc.health.v1.Health", "flyteidl2.auth.AuthMetadataService"]);

/** Lets a call pass that comes with a token of somebody's, and tells its method who that is. */
export function authenticate(identify: Identify): Interceptor {
  return (next) => (request) => {
    if (open.has(request.service.typeName)) return next(request);
    const token = tokenOf(request.header);
    const caller = token === undefined ? undefined : identify(token);
    if (caller === undefined) throw toConnectError({ reason: "UNAUTHENTICATED" });
    request.contextValues.set(callerKey, caller);
    return next(request);
  };
}
