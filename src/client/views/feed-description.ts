import { timestampDate } from "@bufbuild/protobuf/wkt";
import type { DescribeFeedResponse } from "../../../gen/signalbox/v1/event_service_pb.ts";

/** What the feed is, as it stands. */
export interface FeedDescription {
  /** Names this feed. Another name means other events: the store was made anew or put back. */
  readonly epoch: string;
  /** When this epoch began; undefined if that is not known. */
  readonly epochTime: Date | undefined;
  /** The position of the last event, 0 for none. */
  readonly headPosition: bigint;
  /** Everything behind this position is kept. */
  readonly oldestPosition: bigint;
  /** How long events are kept, in milliseconds; 0 means for ever. */
  readonly retentionMs: number;
}

/** What the server says of its feed. */
export function toFeedDescription(answer: DescribeFeedResponse): FeedDescription {
  const { feedEpoch, epochTime, headPosition, oldestPosition, retentionSeconds } = answer;
  return {
    epoch: feedEpoch,
    epochTime: epochTime === undefined ? undefined : timestampDate(epochTime),
    headPosition,
    oldestPosition,
    retentionMs: Number(retentionSeconds) * 1_000,
  };
}
