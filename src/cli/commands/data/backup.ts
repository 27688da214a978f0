import type { Command } from "../../command.ts";
import type { CommandArguments } from "../../input/command-arguments.ts";
import { UsageError } from "../../input/usage-error.ts";
import { writeFacts } from "../../output/table.ts";

/** `backup`: copies the data of a server, while it runs. */
export const backupCommand: Command = {
  name: "backup",
  arguments: [],
  sentence: "copies all that a server has in its data folder into one file, while it runs",
  notes: [
    "It works on the folder itself, on the server's machine. The file holds the secrets of webhooks.",
    "Keep the tokens file of the server yourself: it is no part of the data.",
  ],
  options: {
    data: { value: "FOLDER", sentence: "the data folder of the server (./data)" },
    to: {
      value: "FILE",
      sentence: "the file to write, which must not be there, or a folder to write one in",
    },
  },
  examples: ["signalbox backup --data ./data --to /var/backups/signalbox"],
  async run({ given, screen }) {
    const to = needed(
      given,
      "to",
      "backup needs --to: the file, or the folder, that the backup is written to",
    );
    const { backUp, isBackupFault } = await import("../../../backup.ts");
    const taken = await told(isBackupFault, () => backUp(given.text("data") ?? defaultData, to, Date.now()));
    if (screen.json) {
      screen.line(JSON.stringify(taken));
      return;
    }
    writeFacts(screen, [
      ["backup", taken.file],
      ["size", `${taken.sizeBytes} bytes`],
      ["feed", taken.feedId],
      ["events", String(taken.head)],
      ["last event", timeOf(taken.lastEventTimeMs)],
      ["runs", `${taken.runCount}, of which ${taken.liveRunCount} have not ended`],
    ]);
  },
};

/** `restore`: makes a data folder from a backup. */
export const restoreCommand: Command = {
  name: "restore",
  arguments: [],
  sentence: "makes a data folder from a backup, as a new epoch of the feed",
  notes: ["Stop the server whose data it takes the place of: two with the same runs would do them twice."],
  options: {
    from: { value: "FILE", sentence: "a backup, or the data folder of another server" },
    data: { value: "FOLDER", sentence: "the data folder to make, which must be empty (./data)" },
  },
  examples: ["signalbox restore --from /var/backups/signalbox/signalbox-20250131T120000Z.db --data ./data"],
  async run({ given, screen }) {
    const from = needed(given, "from", "restore needs --from: the backup");
    const data = given.text("data") ?? defaultData;
    const { isBackupFault, restore } = await import("../../../backup.ts");
    const restored = await told(isBackupFault, () => restore(from, data, Date.now()));
    if (screen.json) {
      screen.line(JSON.stringify(restored));
      return;
    }
    const { feedId, newFeedId, head, lastEventTimeMs, runCount, liveRunCount, subscriptionCount } = restored;
    writeFacts(screen, [
      ["restored", data],
      ["feed", `${newFeedId}, which goes on from ${feedId} behind event ${head}`],
      ["last event", timeOf(lastEventTimeMs)],
      ["runs", `${runCount}, of which ${liveRunCount} have not ended`],
      ["subscriptions", String(subscriptionCount)],
    ]);
    screen.note("Who follows the feed with a cursor from before is told CURSOR_EXPIRED, with the cursor to");
    screen.note("go on from. Subscriptions go on where they stood in the backup, and may deliver again.");
  },
};

/** Where a server keeps its data that is not told. */
const defaultData = "./data";

function needed(given: CommandArguments, name: string, sentence: string): string {
  const value = given.text(name) ?? "";
  if (value === "") throw new UsageError(sentence);
  return value;
}

function timeOf(timeMs: number | undefined): string {
  return timeMs === undefined ? "" : new Date(timeMs).toISOString();
}

/** What is wrong with a folder or a file is for who named it to mend. */
async function told<T>(isFault: (error: unknown) => error is Error, order: () => Promise<T>): Promise<T> {
  try {
    return await order();
  } catch (error) {
    throw isFault(error) ? new UsageError(error.message, { cause: error }) : error;
  }
}
