import { messageJson } from "../../../client/message-json.ts";
import { toDeadLetter, toSubscription } from "../../../client/views/subscription.ts";
import { required } from "../../../client/wire/calls.ts";
import { listPages } from "../../../client/wire/pages.ts";
import type { Command, CommandContext } from "../../command.ts";
import { UsageError } from "../../input/usage-error.ts";
import { limitOption, writeList } from "../../output/list-output.ts";
import { printAge } from "../../output/print-duration.ts";

/** `dead-letters`: lists or releases what a subscription set aside. */
export const deadLettersCommand: Command = {
  name: "dead-letters",
  arguments: ["SUBSCRIPTION"],
  sentence: "lists the events that could not be delivered; with --release delivers them again",
  options: {
    release: { sentence: "deliver all of them again" },
    forget: { sentence: "forget all of them" },
    limit: limitOption,
  },
  async run({ given, screen, calls, signal }) {
    const named = { namespace: calls.namespace, name: given.argument(0) };
    if (given.flag("release") || given.flag("forget")) {
      await release({ given, calls, screen, signal });
      return;
    }
    const list = listPages(async ({ size, token }) => {
      const request = { ...named, pageSize: size, pageToken: token };
      const answer = await calls.raw.subscriptions.listDeadLetters(request, { signal });
      const { deadLetters, nextPageToken } = answer;
      return { items: deadLetters, nextPageToken, last: nextPageToken === "" };
    });
    await writeList({
      screen,
      given,
      list,
      toJson: messageJson.deadLetter,
      headings: ["EVENT", "TRIED>", "AGE>", "CAUSE"],
      toRow: (message) => {
        const { eventId, deliveryCount, createTime, cause } = toDeadLetter(message);
        return [eventId, String(deliveryCount), printAge(createTime, new Date()), cause];
      },
      nothing: "nothing is set aside",
    });
  },
};

/** Releases what is set aside at the moment: what is set aside anew meanwhile is left for the next time. */
async function release({
  given,
  calls,
  screen,
  signal,
}: Pick<CommandContext, "given" | "calls" | "screen" | "signal">): Promise<void> {
  const forget = given.flag("forget");
  if (forget && given.flag("release")) throw new UsageError("say --release or --forget, not both");
  const named = { namespace: calls.namespace, name: given.argument(0) };
  const { subscription } = await calls.raw.subscriptions.getSubscription(named, { signal });
  const { deadLetterCount } = toSubscription(required(subscription));
  let releasedCount = 0;
  while (releasedCount < deadLetterCount) {
    const answer = await calls.raw.subscriptions.releaseDeadLetters({ ...named, forget }, { signal });
    releasedCount += answer.releasedCount;
    if (answer.releasedCount === 0) break;
  }
  const word = forget ? "forgotten" : "released";
  screen.line(screen.json ? JSON.stringify({ releasedCount }) : `${word}: ${releasedCount}`);
}
