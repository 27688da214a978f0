import type { Attach, AttachRequest } from "../../../gen/signalbox/v1/worker_service_pb.ts";
import { toConnectError } from "../status.ts";

/** Takes the first frame of a worker stream, which says who attaches. Throws ATTACH_EXPECTED or STOPPING. */
export async function takeAttach(
  frames: AsyncIterator<AttachRequest>,
  { timeoutMs, stopping }: { readonly timeoutMs: number; readonly stopping: AbortSignal },
): Promise<Attach> {
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
    const { frame } = taken.value;
    if (frame.case !== "attach") throw expected(frame.case ?? "an unknown frame");
    return frame.value;
  } finally {
    clearTimeout(timer);
    stopping.removeEventListener("abort", stop);
  }
}

/** The refusal of anything else where only one attach may be. */
export function expected(found: string) {
  return toConnectError({ reason: "ATTACH_EXPECTED", found });
}
