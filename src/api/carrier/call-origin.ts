import { createContextKey } from "@connectrpc/connect";

/** What the carrier knows of a call and its handler cannot see. */
export interface CallOrigin {
  /** The client's address and port. */
  readonly peer: string;
  /** The version of HTTP, such as "1.1" or "2.0". */
  readonly httpVersion: string;
  /** Set by the interceptor that logs the call; the carrier logs the calls that never came that far. */
  observed: boolean;
}

/** The place of the {@link CallOrigin} among a call's context values. */
export const callOriginKey = createContextKey<CallOrigin>(
  { peer: "unknown", httpVersion: "unknown", observed: false },
  { description: "where the call comes from" },
);
