import { createClient } from "@connectrpc/connect";
import { createGrpcTransport } from "@connectrpc/connect-node";
import {
  type AttachRequest,
  type AttachResponse,
  WorkerService,
} from "../../../gen/signalbox/v1/worker_service_pb.ts";
import { keepSessions } from "../../client/wire/session-manager.ts";
import { pingIntervalMs } from "../worker-limits.ts";
import type { SessionIdentity } from "./thread-messages.ts";

/**
 * Opens one Attach stream. Frames are pulled from `requests` one at a time, the next when the one before is
 * written, so that what gathers meanwhile goes out together. The stream ends when the server ends it, throws
 * when it breaks, and is cut by `signal`. When `requests` ends, the server sees that nothing more comes.
 */
export type OpenAttachStream = (
  requests: AsyncIterable<AttachRequest>,
  signal: AbortSignal,
) => AsyncIterable<AttachResponse>;

/**
 * Opens streams over gRPC to a server, each on a connection of its own: after a Leave the next stream may
 * reach another server, and a connection that has died unnoticed never holds up the stream after it.
 */
export function openGrpcStreams({ address, token }: SessionIdentity): OpenAttachStream {
  const headers = token === "" ? {} : { authorization: `Bearer ${token}` };
  return async function* attach(requests, signal) {
    const sessionManager = keepSessions(address, { pingIntervalMs });
    try {
      const transport = createGrpcTransport({ baseUrl: address, sessionManager, acceptCompression: [] });
      yield* createClient(WorkerService, transport).attach(requests, { signal, headers });
    } finally {
      sessionManager.abort();
    }
  };
}
