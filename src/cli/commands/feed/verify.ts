import { type Verdict, verifyFeed } from "../../../verify/verify-feed.ts";
import type { Command } from "../../command.ts";
import { exitCodes } from "../../exit-codes.ts";
import type { Screen } from "../../output/screen.ts";
import { beginTable, writeFacts } from "../../output/table.ts";

/** 1,000,000,000 events: no bound that anybody meets. */
const eventsMax = 1_000_000_000;
/** Progress is told each so many events. */
const progressEvents = 100_000;

/** `feed verify`: holds the feed against its promises. */
export const feedVerifyCommand: Command = {
  name: "feed verify",
  arguments: [],
  sentence: "holds the feed of a running server against its promises; 0 if it keeps all of them, else 1",
  notes: [
    "It only reads: the whole feed to its head as it is now, several times over, so expect some load.",
    "It resumes at places that the seed chooses: say the same --seed to have the same places again.",
  ],
  options: {
    from: {
      value: "WHERE",
      sentence: "beginning or a cursor of all namespaces without a filter (beginning)",
    },
    events: { value: "N", sentence: "look at so many events at most" },
    seed: { value: "N", sentence: "chooses the places to resume from (a new one each time)" },
  },
  examples: ["signalbox feed verify", "signalbox feed verify --events 100000 --seed 7 --json"],
  async run({ given, screen, calls, signal }) {
    const from = given.text("from") ?? "beginning";
    const seedMax = 2 ** 32 - 1;
    const seed = given.integer("seed", { min: 0, max: seedMax }) ?? Math.floor(Math.random() * seedMax);
    if (!screen.json) screen.note(`seed ${seed}`);
    let told = 0;
    const verdict = await verifyFeed({
      calls,
      start: from === "beginning" ? from : { cursor: from },
      eventsMax: given.integer("events", { min: 1, max: eventsMax }) ?? eventsMax,
      seed,
      signal,
      onProgress(count) {
        if (screen.json || count - told < progressEvents) return;
        told = count;
        screen.note(`${count} events`);
      },
    });
    if (screen.json) screen.line(JSON.stringify(verdict));
    else tellVerdict(screen, verdict);
    return verdict.isKept ? exitCodes.ok : exitCodes.runNotSucceeded;
  },
};

function tellVerdict(screen: Screen, verdict: Verdict): void {
  const { epoch, eventCount, transactionCount, resumptionCount, snapshotRunCount, findings } = verdict;
  writeFacts(screen, [
    ["epoch", epoch],
    ["events", `${eventCount} in ${transactionCount} transactions`],
    ["resumed", `${resumptionCount} times`],
    ["snapshot", `${snapshotRunCount} runs`],
  ]);
  screen.line("");
  beginTable(screen, ["PROMISE", "VERDICT", "CHECKED>", "BROKEN>"]).add(
    findings.map(({ promise, checked, violationCount }) => [
      promise,
      { text: violationCount === 0 ? "kept" : "broken", emphasis: violationCount === 0 ? "good" : "bad" },
      String(checked),
      String(violationCount),
    ]),
  );
  for (const { promise, violations } of findings) {
    for (const violation of violations) screen.line(`${promise}: ${violation}`);
  }
}
