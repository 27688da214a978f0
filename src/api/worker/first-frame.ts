import type { ConnectError } from "@connectrpc/connect";
import type { Attach, AttachRequest } from "../../../gen/signalbox/v1/worker_service_pb.ts";
import { toConnectError } from "../status.ts";

/** What is waited for, and for how long. */
export interface FirstFrameOptions {
  readonly timeoutMs: number;
  /** The server's: it is stopping. */
  readonly stopping: AbortSignal;
  /** The refusal of anything else. */
  readonly expected: (found: string) => ConnectError;
}

/** Takes the first message of a stream. Throws what `expected` says if there is none in time, or STOPPING. */
export async function takeFirst<Message>(
  frames: AsyncIterator<Message>,
  { timeoutMs, stopping, expected }: FirstFrameOptions,
): Promise<Message> {
  const reading = frames.next();
  // It may fail after this has given up on it.
  reading.catch(() => {});
  const gaveUp = Promise.withResolvers<never>();
  const stop = () => gaveUp.reject(toConnectError({ reason: "STOPPING" }));
  const timer = setTimeout(() => gaveUp.reject(expected(`none in ${timeoutMs} ms`)), timeoutMs);
  stopping.addEventListener("abort", stop);
  if (stopping.aborted) stop();
  try {
    const taken = await Promise.race([reading, gaveUp.promise]);
    if (taken.done === true) throw expected("the end of the stream");
    return taken.value;
  } finally {
    clearTimeout(timer);
    stopping.removeEventListener("abort", stop);
  }
}

/** Takes the first frame of a worker stream, which says who attaches. Throws ATTACH_EXPECTED or STOPPING. */
export async function takeAttach(
  frames: AsyncIterator<AttachRequest>,
  options: Omit<FirstFrameOptions, "expected">,
): Promise<Attach> {
  const { frame } = await takeFirst(frames, { ...options, expected });
  if (frame.case !== "attach") throw expected(frame.case ?? "an unknown frame");
  return frame.value;
}

/** The refusal of anything else where only one attach may be. */
export function expected(found: string): ConnectError {
  return toConnectError({ reason: "ATTACH_EXPECTED", found });
}
