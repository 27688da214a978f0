import { createContextKey } from "@connectrpc/connect";
import type { HttpRequest, HttpResponse } from "./port.ts";

/**
 * Where a method may write messages that it has encoded itself, each in an envelope, behind those that it has
 * yielded. Connect encodes a message anew for each stream and leads it through six generators; a feed with
 * many subscribers sends the same bytes to all of them.
 *
 * The method must have yielded a message before, and been asked for the next one: then everything before it
 * is written, and nothing else is until it yields, returns or throws again.
 */
export interface FrameSink {
  /**
   * Writes whole envelopes. Undefined if there is room for more; else what is fulfilled when there is, or
   * when the stream is over, which the call's signal says.
   */
  write(envelopes: Uint8Array): Promise<void> | undefined;
}

/** The place of the {@link FrameSink} among a call's context values; undefined for protocols without one. */
export const frameSinkKey = createContextKey<FrameSink | undefined>(undefined, {
  description: "takes messages that are encoded already",
});

/** How many bytes stand before each message of a stream: flags, and the length of the message. */
export const envelopeBytes = 5;

/** The content types whose streams are envelopes around binary messages, both ways. */
const envelopedTypes: ReadonlySet<string> = new Set([
  "application/grpc",
  "application/grpc+proto",
  "application/grpc-web",
  "application/grpc-web+proto",
  "application/connect+proto",
]);

/** The sink of a response, if its protocol has one. */
export function frameSinkOf(request: HttpRequest, response: HttpResponse): FrameSink | undefined {
  const contentType = request.headers["content-type"]?.split(";", 1)[0]?.trim().toLowerCase() ?? "";
  return envelopedTypes.has(contentType) ? { write: (envelopes) => write(response, envelopes) } : undefined;
}

function write(response: HttpResponse, envelopes: Uint8Array): Promise<void> | undefined {
  if (response.destroyed || response.writableEnded) return undefined;
  // Both versions of HTTP declare it, with other types for what is left out here.
  const hasRoom = (response as { write(chunk: Uint8Array): boolean }).write(envelopes);
  if (hasRoom) return undefined;
  return new Promise((resolve) => {
    const go = () => {
      response.off("drain", go);
      response.off("close", go);
      response.off("error", go);
      resolve();
    };
    response.on("drain", go);
    response.on("close", go);
    response.on("error", go);
  });
}
