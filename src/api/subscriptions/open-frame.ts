import type { ConnectError } from "@connectrpc/connect";
import type { Open, SubscribeRequest } from "../../../gen/signalbox/v1/subscription_service_pb.ts";
import { toConnectError } from "../status.ts";
import { type FirstFrameOptions, takeFirst } from "../worker/first-frame.ts";

/** Takes the first frame of a consumer's stream: what is opened. Throws OPEN_EXPECTED or STOPPING. */
export async function takeOpen(
  frames: AsyncIterator<SubscribeRequest>,
  options: Omit<FirstFrameOptions, "expected">,
): Promise<Open> {
  const { frame } = await takeFirst(frames, { ...options, expected: openExpected });
  if (frame.case !== "open") throw openExpected(frame.case ?? "an unknown frame");
  return frame.value;
}

/** The refusal of anything else where only one open may be. */
export function openExpected(found: string): ConnectError {
  return toConnectError({ reason: "OPEN_EXPECTED", found });
}
