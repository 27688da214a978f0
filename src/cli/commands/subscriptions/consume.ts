import type { Event } from "../../../client/client.ts";
import { messageJson } from "../../../client/message-json.ts";
import { consume } from "../../../client/parts/consume.ts";
import type { Command } from "../../command.ts";
import { describeEvent } from "../../output/describe-event.ts";
import { printTime } from "../../output/print-time.ts";
import { oneLine } from "../../output/screen.ts";

/** 1,000 events on their way at once: printing is quick, and a server may be far. */
const inFlightMax = 1_000;

/** `subscription consume`: fetches events. */
export const subscriptionConsumeCommand: Command = {
  name: "subscription consume",
  arguments: ["NAME"],
  sentence: "fetches the events of a subscription, prints them, and acknowledges each once it is printed",
  notes: [
    "Several at once share the events. It survives restarts of the server: what it could not acknowledge comes",
    "again, with the same event id.",
  ],
  options: { count: { value: "N", sentence: "stop after so many" } },
  async run({ given, screen, calls, signal }) {
    let left = given.integer("count", { min: 1, max: 1_000_000_000 }) ?? Infinity;
    const acks = new Set<Promise<boolean>>();
    for await (const { event, message, ack } of consume(calls, given.argument(0), {
      signal,
      consumerId: `signalbox ${process.pid}`,
      pipelined: true,
      inFlightMax: Math.min(left, inFlightMax),
    })) {
      screen.line(screen.json ? messageJson.event(message) : describeLine(event));
      await screen.flushed();
      const durable = ack();
      acks.add(durable);
      void durable.then(() => acks.delete(durable));
      left -= 1;
      if (left === 0) {
        await Promise.all(acks);
        return;
      }
    }
    screen.note(`${given.argument(0)} is deleted`);
  },
};

function describeLine(event: Event): string {
  const { word, text } = describeEvent(event);
  const parts = [printTime(event.createTime), event.runId, event.action, word, oneLine(text)];
  return parts.filter((part) => part !== "").join("  ");
}
