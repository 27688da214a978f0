import { Code } from "@connectrpc/connect";
import { Reason } from "../../../gen/signalbox/v1/reason_pb.ts";
import type { RowsOf } from "./row.ts";

type Reasons =
  | "REQUEST_ID_REUSED"
  | "LIMIT_REACHED"
  | "TOKEN_INVALID"
  | "FILTER_CHANGED"
  | "FILTER_INVALID"
  | "CURSOR_EXPIRED"
  | "ATTACH_EXPECTED"
  | "OPEN_EXPECTED"
  | "UNAUTHENTICATED"
  | "STOPPING"
  | "STORE_UNAVAILABLE"
  | "TOO_SLOW";

/** Refusals about the call itself: its id, tokens, frames, and the server. */
export const callRows = {
  REQUEST_ID_REUSED: {
    number: Reason.REQUEST_ID_REUSED,
    code: Code.AlreadyExists,
    message: ({ requestId }) => `request_id ${requestId} was used with other content; choose another one`,
    metadata: ({ requestId }) => ({ request_id: requestId }),
    happened: "The same `request_id` was sent to this method before, in this namespace, with other content.",
    remedy: "Choose a new id for a new request, and keep an id only for repeats of the very same one.",
  },
  LIMIT_REACHED: {
    number: Reason.LIMIT_REACHED,
    code: Code.ResourceExhausted,
    message: ({ limit, maximum }) => `the limit ${limit} of ${maximum} is reached`,
    metadata: ({ limit, maximum }) => ({ limit, maximum }),
    happened: "What was asked would go over a bound of the server. `limit` names it as in `src/limits.ts`.",
    remedy: "Ask for less, or split it: another run, a smaller output, a reference for a large value.",
  },
  TOKEN_INVALID: {
    number: Reason.TOKEN_INVALID,
    code: Code.InvalidArgument,
    message: () => "the page token or cursor is not one that this method gave; begin without one",
    metadata: () => ({}),
    happened: "The page token or cursor was changed, or comes from another method or another server.",
    remedy: "Begin without one, and hand tokens back exactly as they came.",
  },
  FILTER_CHANGED: {
    number: Reason.FILTER_CHANGED,
    code: Code.InvalidArgument,
    message: () =>
      "the page token or cursor was given under another filter; use that filter, or begin without one",
    metadata: () => ({}),
    happened: "A page token or cursor means a place under one filter, and the request has another one.",
    remedy: "Use the same filter for all pages of a list and for resuming; begin anew to change it.",
  },
  FILTER_INVALID: {
    number: Reason.FILTER_INVALID,
    code: Code.InvalidArgument,
    message: ({ expression, fault }) => `the expression ${expression} cannot be used: ${fault}`,
    metadata: ({ expression, fault }) => ({ expression, fault }),
    happened:
      "The expression of a filter does not parse, names what an event does not have, or could cost too much.",
    remedy: "Correct what `fault` names, which says where it stands; docs/feed.md says what there is.",
  },
  CURSOR_EXPIRED: {
    number: Reason.CURSOR_EXPIRED,
    code: Code.OutOfRange,
    message: ({ oldestCursor, feedEpoch, resumeCursor }) =>
      resumeCursor === undefined
        ? `what follows the cursor is not kept, or not in feed ${feedEpoch}; go on from ${oldestCursor}`
        : `the cursor is from before a restore, the feed is ${feedEpoch} now; go on from ${resumeCursor} ` +
          `(everything is kept behind ${oldestCursor})`,
    metadata: ({ oldestCursor, feedEpoch, resumeCursor }) => ({
      oldest_cursor: oldestCursor,
      feed_epoch: feedEpoch,
      ...(resumeCursor === undefined ? {} : { resume_cursor: resumeCursor }),
    }),
    happened:
      "Events behind the cursor were removed; or the server's data was put back to an earlier state, or made " +
      "anew, and `feed_epoch` is another than it was.",
    remedy:
      "With a `resume_cursor`, which a restored feed gives, follow from there: nothing before it has " +
      "changed, and what was seen behind it may not have happened. Else read the state anew (`ListRuns`, " +
      "`ListConditions`) and follow from `oldest_cursor`. See docs/feed.md.",
  },
  ATTACH_EXPECTED: {
    number: Reason.ATTACH_EXPECTED,
    code: Code.InvalidArgument,
    message: ({ found }) =>
      `the first frame of a worker stream is attach, and only the first; found ${found}`,
    metadata: ({ found }) => ({ found }),
    happened: "A worker stream did not begin with `Attach`, sent nothing in time, or sent `Attach` twice.",
    remedy: "Send `Attach` as soon as the stream is open, and open a new stream to attach again.",
  },
  OPEN_EXPECTED: {
    number: Reason.OPEN_EXPECTED,
    code: Code.InvalidArgument,
    message: ({ found }) =>
      `the first frame of a subscriber's stream is open, and only the first; found ${found}`,
    metadata: ({ found }) => ({ found }),
    happened:
      "A subscriber's stream did not begin with its open frame, sent nothing in time, or sent it twice.",
    remedy:
      "Send the open frame as soon as the stream is open, and a new stream to open another subscription.",
  },
  UNAUTHENTICATED: {
    number: Reason.UNAUTHENTICATED,
    code: Code.Unauthenticated,
    message: () => "no valid key or token came with the call; send one in its headers",
    metadata: () => ({}),
    happened: "The server asks for a key or token, and none came with the call, or not a valid one.",
    remedy: "Send `authorization: Bearer <key>`; ask whoever runs the server for a key.",
  },
  STOPPING: {
    number: Reason.STOPPING,
    code: Code.Unavailable,
    message: () => "the server is stopping; try another one, or this one a little later",
    metadata: () => ({}),
    waitingHelps: true,
    happened: "The server is shutting down and takes nothing new. What was acknowledged is kept.",
    remedy: "Try again after the delay in `RetryInfo`, with the same `request_id`; resume streams by cursor.",
  },
  STORE_UNAVAILABLE: {
    number: Reason.STORE_UNAVAILABLE,
    code: Code.Unavailable,
    message: () => "the store cannot be read or written at the moment; try again a little later",
    metadata: () => ({}),
    waitingHelps: true,
    happened: "The store failed or has too much waiting. Whether the request took effect is not known.",
    remedy: "Try again after the delay in `RetryInfo`, with the same `request_id`, which makes it safe.",
  },
  TOO_SLOW: {
    number: Reason.TOO_SLOW,
    code: Code.ResourceExhausted,
    message: ({ limit, maximum }) =>
      `frames were not taken in time, ${limit} of ${maximum} is reached; read faster`,
    metadata: ({ limit, maximum }) => ({ limit, maximum }),
    happened: "A worker did not read its frames, and the bound on what waits for it was reached.",
    remedy: "Attach again and keep reading while tasks run; leases run on, so that nothing is lost by it.",
  },
} as const satisfies RowsOf<Reasons>;
