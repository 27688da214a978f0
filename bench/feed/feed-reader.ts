import http2 from "node:http2";
import { create, toBinary } from "@bufbuild/protobuf";
import { WatchEventsRequestSchema } from "../../gen/signalbox/v1/event_service_pb.ts";
import { type FromReader, nowMs, type ToReader } from "../messages.ts";
import { Counting } from "./counting.ts";

/**
 * The process that follows the feed: `node bench/feed/feed-reader.ts ADDRESS`. It speaks gRPC itself and
 * decodes no event, so that it costs the machine as little as a reader can: it counts.
 */
const [address = ""] = process.argv.slice(2);

/** 10 streams share a connection, as those of ten programs would not: the server has fewer sockets. */
const streamsPerConnection = 10;

function say(message: FromReader): void {
  process.send?.(message);
}

function requestBytes(expression: string): Buffer {
  const start = { case: "beginning", value: {} } as const;
  const filter = { namespace: "-", expression };
  const message = toBinary(WatchEventsRequestSchema, create(WatchEventsRequestSchema, { filter, start }));
  const envelope = Buffer.alloc(5 + message.length);
  envelope.writeUInt32BE(message.length, 1);
  envelope.set(message, 5);
  return envelope;
}

/** Follows the feed from its beginning until its head. */
function follow(session: http2.ClientHttp2Session, request: Buffer): Promise<Counting> {
  const counting = new Counting();
  const stream = session.request({
    ":method": "POST",
    ":path": "/signalbox.v1.EventService/WatchEvents",
    "content-type": "application/grpc+proto",
    te: "trailers",
  });
  const { promise, resolve, reject } = Promise.withResolvers<Counting>();
  stream.on("data", (chunk: Buffer) => {
    counting.take(chunk);
    if (!counting.isAtHead) return;
    stream.close(http2.constants.NGHTTP2_CANCEL);
    resolve(counting);
  });
  stream.on("error", reject);
  stream.on("end", () => reject(new Error("a stream ended before it came to the head")));
  stream.end(request);
  return promise;
}

async function read({ streams, expression }: Extract<ToReader, { kind: "read" }>): Promise<void> {
  const count = Math.ceil(streams / streamsPerConnection);
  const sessions = Array.from({ length: count }, () =>
    http2.connect(address, { settings: { initialWindowSize: 1024 * 1024 } }),
  );
  await Promise.all(sessions.map((session) => new Promise((done) => session.once("connect", done))));
  for (const session of sessions) session.setLocalWindowSize(16 * 1024 * 1024);
  const request = requestBytes(expression);
  const firstMs = nowMs();
  const counts = await Promise.all(
    Array.from({ length: streams }, (_, index) => {
      return follow(sessions[index % count] as http2.ClientHttp2Session, request);
    }),
  );
  const lastMs = nowMs();
  for (const session of sessions) session.destroy();
  const sum = (part: (one: Counting) => number) => counts.reduce((total, one) => total + part(one), 0);
  const bytes = sum((one) => one.byteCount);
  say({
    kind: "read",
    events: sum((one) => one.eventCount),
    frames: sum((one) => one.frameCount),
    bytes,
    firstMs,
    lastMs,
  });
}

process.on("message", (message: ToReader) => {
  if (message.kind === "stop") process.exit(0);
  void read(message);
});
say({ kind: "ready" });
