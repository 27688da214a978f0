import { createContextKey } from "@connectrpc/connect";

/** Who makes a call. Rules about who may do what are asked of this, and of nothing else about the call. */
export interface Caller {
  /** A name for people and for the record, such as `ana@example.com`. */
  readonly subject: string;
  readonly groups: readonly string[];
}

/** Who calls a server that asks for no tokens. */
export const anonymous: Caller = { subject: "anonymous", groups: [] };

/** Says who stands behind a token, or undefined if nobody does. */
export type Identify = (token: string) => Caller | undefined;

/** Where a method finds who calls it. */
export const callerKey = createContextKey<Caller>(anonymous, { description: "who makes the call" });

/**
 * The token that came with a call: `authorization: Bearer <token>`, or `x-api-key: <token>` as clients of
 * other systems send it.
 */
export function tokenOf(header: Headers): string | undefined {
  const [, bearer] = /^bearer +(\S+) *$/i.exec(header.get("authorization") ?? "") ?? [];
  return bearer ?? header.get("x-api-key") ?? undefined;
}
