import { messageJson } from "../../../client/message-json.ts";
import { toFeedDescription } from "../../../client/parts/events.ts";
import type { Command } from "../../command.ts";
import { printDuration } from "../../output/print-duration.ts";
import { printTime } from "../../output/print-time.ts";
import { writeFacts } from "../../output/table.ts";

/** `feed describe`: tells what the feed is. */
export const feedDescribeCommand: Command = {
  name: "feed describe",
  arguments: [],
  sentence: "tells what the feed is, and how much of it is kept",
  notes: ["Another epoch means another feed: the store was made anew, or put back to an earlier state."],
  options: {},
  async run({ screen, calls, signal }) {
    const answer = await calls.raw.events.describeFeed({}, { signal });
    if (screen.json) {
      screen.line(messageJson.feed(answer));
      return;
    }
    const { epoch, epochTime, headPosition, oldestPosition, retentionMs } = toFeedDescription(answer);
    writeFacts(screen, [
      ["epoch", epoch],
      ["since", printTime(epochTime)],
      ["head", String(headPosition)],
      ["kept", String(headPosition - oldestPosition)],
      ["for", retentionMs === 0 ? "ever" : printDuration(retentionMs)],
    ]);
  },
};
