import { once } from "node:events";
import { createServer as createHttp1Server, type ServerResponse } from "node:http";
import { createServer as createHttp2Server, type ServerHttp2Session } from "node:http2";
import type { AddressInfo, Server } from "node:net";
import { createConnectRouter } from "@connectrpc/connect";
import { universalRequestFromNodeRequest, universalResponseToNodeResponse } from "@connectrpc/connect-node";
import {
  type AttachRequest,
  type AttachResponse,
  WorkerService,
} from "../../../gen/signalbox/v1/worker_service_pb.ts";
import { Breach } from "../breach.ts";
import { frameBytesMax } from "../conformance-limits.ts";
import type { Transcript } from "../transcript.ts";
import { Front } from "./front.ts";
import { ServerStream, type StreamWatch } from "./server-stream.ts";

type NodeRequest = Parameters<typeof universalRequestFromNodeRequest>[0];
type NodeResponse = Parameters<typeof universalResponseToNodeResponse>[1];

/** What a lying server is started with. */
export interface LyingServerOptions {
  readonly watch: StreamWatch;
  readonly transcript: Transcript;
  /** Told of each stream once its first frame is there. */
  readonly onStream: (stream: ServerStream) => void;
  /** Told when a worker breaks the contract before there is a stream. */
  readonly onBreach: (breach: Breach) => void;
}

/** A WorkerService whose every word a scenario says, behind a network that the scenario disturbs. */
export interface LyingServer {
  /** `http://host:port` of its network, which the worker is told. */
  readonly url: string;
  readonly front: Front;
  /** Sends GOAWAY on every HTTP/2 connection; streams go on. */
  readonly goAway: () => void;
  readonly close: () => Promise<void>;
}

/**
 * Starts the server on a free port of this machine. It speaks gRPC, gRPC-Web and Connect over HTTP/2, and
 * answers HTTP/1.1, which streams in both directions cannot go over, as the real server does.
 */
export async function startLyingServer(options: LyingServerOptions): Promise<LyingServer> {
  let streamCount = 0;
  const router = createConnectRouter({ acceptCompression: [], readMaxBytes: frameBytesMax });
  router.service(WorkerService, {
    attach: (requests, { requestHeader }) => {
      streamCount += 1;
      return serve(requests, requestHeader, streamCount, options);
    },
  });
  const handlerByPath = new Map(router.handlers.map((handler) => [handler.requestPath, handler]));
  const answer = (request: NodeRequest, response: NodeResponse): void => {
    const handler = handlerByPath.get((request.url ?? "").split("?", 1)[0] ?? "");
    if (handler === undefined) {
      (response as ServerResponse).writeHead(404).end();
      return;
    }
    // A connection that breaks under an answer is what many scenarios are about.
    handler(universalRequestFromNodeRequest(request, response, undefined, undefined))
      .then((answered) => universalResponseToNodeResponse(answered, response))
      .catch(() => undefined);
  };
  const sessions = new Set<ServerHttp2Session>();
  const http1 = createHttp1Server((request, response) => answer(request, response));
  const http2 = createHttp2Server((request, response) => answer(request, response as NodeResponse));
  http2.on("session", (session) => {
    sessions.add(session);
    session.on("error", () => undefined);
    session.on("close", () => sessions.delete(session));
  });
  http2.on("sessionError", () => undefined);
  const [http1Port, http2Port] = await Promise.all([listen(http1), listen(http2)]);
  const front = await Front.open({ http1Port, http2Port });
  return {
    url: front.url,
    front,
    goAway: () => {
      options.transcript.note("network", "GOAWAY on every connection");
      for (const session of sessions) session.goaway();
    },
    async close() {
      await front.close();
      for (const session of sessions) session.destroy();
      http1.close();
      http2.close();
      await Promise.all([once(http1, "close"), once(http2, "close")]);
    },
  };
}

async function listen(server: Server): Promise<number> {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return (server.address() as AddressInfo).port;
}

async function* serve(
  requests: AsyncIterable<AttachRequest>,
  header: Headers,
  number: number,
  { watch, transcript, onStream, onBreach }: LyingServerOptions,
): AsyncGenerator<AttachResponse> {
  const frames = requests[Symbol.asyncIterator]();
  // A stream that is cut before its first frame says nothing about the worker.
  const first = await frames.next().catch(() => undefined);
  if (first === undefined || first.done === true) return;
  const { frame } = first.value;
  if (frame.case !== "attach") {
    onBreach(
      new Breach(`stream ${number} begins with ${frame.case ?? "an unknown frame"} and not with Attach`),
    );
    return;
  }
  const authorization = header.get("authorization") ?? "";
  const stream = new ServerStream({ number, attach: frame.value, authorization, watch, transcript });
  watch.received(stream, first.value);
  onStream(stream);
  void readAll(frames, stream);
  yield* stream.responses();
}

async function readAll(frames: AsyncIterator<AttachRequest>, stream: ServerStream): Promise<void> {
  try {
    for (let next = await frames.next(); next.done !== true; next = await frames.next()) {
      stream.received(next.value);
    }
  } catch {
    // A stream that was cut has nothing more to say.
  } finally {
    stream.finish();
  }
}
