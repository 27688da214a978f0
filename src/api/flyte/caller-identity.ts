import type { HandlerContext } from "@connectrpc/connect";
import type { EnrichedIdentity } from "../../../gen/flyteidl2/common/identity_pb.ts";
import { type Answerer, anonymousSubject } from "../../core/conditions/standing.ts";
import { callerKey } from "../callers/caller.ts";
import { answererOf } from "../conditions/answerer.ts";

/** What a call comes with that says who makes it. */
type Call = Pick<HandlerContext, "values" | "requestHeader">;

/** 256 characters of a name, as the contract has them. */
const nameLengthMax = 256;
/** 16 KiB of a token that is read for a name. */
const tokenLengthMax = 16 * 1024;

/**
 * Who answers a condition: the caller as the server knows them, and in whose name they say that they do. That
 * is what a request itself says, else what headers say that a load balancer sets; nobody has checked it.
 */
export function answererOfCall(call: Call, stated?: EnrichedIdentity): Answerer {
  return answererOf(call, { signalledBy: nameOf(stated) || nameOfCall(call) });
}

/** Under which name something is recorded that a call brings about: the one the server knows, if it does. */
export function makerOfCall(call: Call): string {
  const { subject } = call.values.get(callerKey);
  return subject === anonymousSubject ? statedNameOf(call.requestHeader) || subject : subject;
}

function nameOfCall(call: Call): string {
  const stated = statedNameOf(call.requestHeader);
  if (stated !== "") return stated;
  const { subject } = call.values.get(callerKey);
  return subject === anonymousSubject ? "" : subject;
}

function nameOf(identity: EnrichedIdentity | undefined): string {
  const { principal } = identity ?? {};
  if (principal?.case === "user") {
    const { id, spec } = principal.value;
    return (spec?.email || id?.subject || spec?.userHandle || "").slice(0, nameLengthMax);
  }
  if (principal?.case !== "application") return "";
  return (principal.value.id?.subject || principal.value.spec?.name || "").slice(0, nameLengthMax);
}

/** The name in the headers of a call; "" for none. */
function statedNameOf(header: Headers): string {
  const [, bearer = ""] = /^bearer +(\S+) *$/i.exec(header.get("authorization") ?? "") ?? [];
  const name =
    nameInToken(header.get("x-amzn-oidc-data") ?? "") ||
    (header.get("x-amzn-oidc-identity") ?? "") ||
    nameInToken(bearer);
  return name.slice(0, nameLengthMax);
}

/** The name in a JSON Web Token, whose signature is not looked at; "" for what is none. */
function nameInToken(token: string): string {
  const [, payload = "", signature] = token.split(".");
  if (signature === undefined || token.length > tokenLengthMax) return "";
  try {
    const claims: unknown = JSON.parse(Buffer.from(payload, "base64url").toString());
    if (typeof claims !== "object" || claims === null) return "";
    const said = new Map<string, unknown>(Object.entries(claims));
    const names = ["email", "preferred_username", "sub"].map((claim) => said.get(claim));
    return names.find((name): name is string => typeof name === "string" && name !== "") ?? "";
  } catch {
    return "";
  }
}
