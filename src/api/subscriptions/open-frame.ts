import type { Open, SubscribeRequest } from "../../../gen/signalbox/v1/subscription_service_pb.ts";
import { toConnectError } from "../status.ts";

/** Takes the first frame of a consumer's stream, which says what it opens. Throws OPEN_EXPECTED or STOPPING. */
export async function takeOpen(
  frames: AsyncIterator<SubscribeRequest>,
  { timeoutMs, stopping }: { readonly timeoutMs: number; readonly stopping: AbortSignal },
): Promise<Open> {
  const reading = frames.next();
  // It may fail after this has given up on it.
  reading.catch(() => {});
  const gaveUp = Promise.withResolvers<never>();
  const stop = () => gaveUp.reject(toConnectError({ reason: "STOPPING" }));
  const timer = setTimeout(() => gaveUp.reject(openExpected(`none in ${timeoutMs} ms`)), timeoutMs);
  stopping.addEventListener("abort", stop);
  if (stopping.aborted) stop();
  try {
    const taken = await Promise.race([reading, gaveUp.promise]);
    if (taken.done === true) throw openExpected("the end of the stream");
    const { frame } = taken.value;
    if (frame.case !== "open") throw openExpected(frame.case ?? "an unknown frame");
    return frame.value;
  } finally {
    clearTimeout(timer);
    stopping.removeEventListener("abort", stop);
  }
}

/** The refusal of anything else where only one open may be. */
export function openExpected(found: string) {
  return toConnectError({ reason: "OPEN_EXPECTED", found });
}
