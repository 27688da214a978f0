import { feedKeptMsMin, trimmedTransactionsMax } from "../../limits.ts";
import type { Answers } from "../answer.ts";
import type { Decision } from "../change.ts";
import type { CommandOf } from "../command.ts";
import type { Draft } from "../draft.ts";
import type { KeptTransaction, Loaded } from "../loaded.ts";
import { openCount, withDealt } from "../subscriptions/place.ts";
import type { Subscription } from "../subscriptions/subscription.ts";

type Overtaken = Answers["trimFeed"]["overtaken"][number];

/** Where the subscription stands that is furthest behind: it may still want all that lies behind there. */
interface Hold {
  readonly place: number;
  readonly subscription: Subscription;
}

/**
 * Removes the oldest transactions of the feed that are older than they need be kept, or too many, whole ones
 * and `trimmedTransactionsMax` at most. It stops at the first one that stays: time runs backwards between
 * commits now and then, and what is kept has no holes.
 *
 * What a subscription has not dealt with, or has set aside, stays until it is older than
 * `subscribedRetentionMs`. Then it goes too, and the subscription goes on behind it: it is told how many
 * events it has missed.
 */
export function trimFeed(draft: Draft, command: CommandOf<"trimFeed">): Decision<"trimFeed"> {
  const loaded = draft.before;
  const isDue = dueTest(draft, command);
  const [first] = loaded.oldestTransactions(1);
  if (first === undefined || !isDue(first)) {
    return draft.accept<"trimFeed">({ count: 0, overtaken: [], heldBackBy: undefined });
  }
  const hold = holdOf(loaded);
  const { subscribedRetentionMs } = command;
  const isOver = ({ timeMs }: KeptTransaction) =>
    subscribedRetentionMs > 0 && timeMs < draft.nowMs - subscribedRetentionMs;
  const isHeld = (one: KeptTransaction) => hold !== undefined && one.last > hold.place && !isOver(one);
  let through: number | undefined;
  let count = 0;
  let heldBackBy: Answers["trimFeed"]["heldBackBy"];
  for (const transaction of loaded.oldestTransactions(trimmedTransactionsMax)) {
    if (!isDue(transaction)) break;
    if (isHeld(transaction)) {
      heldBackBy = hold === undefined ? undefined : nameOf(hold.subscription);
      break;
    }
    through = transaction.last;
    count += 1;
  }
  if (through === undefined) return draft.accept<"trimFeed">({ count, overtaken: [], heldBackBy });
  draft.trimFeed(through);
  return draft.accept<"trimFeed">({ count, overtaken: overtake(draft, through), heldBackBy });
}

/** Tells the transactions that need not be kept for themselves. */
function dueTest(draft: Draft, { retentionMs, eventsMax }: CommandOf<"trimFeed">) {
  const head = draft.before.feedHead();
  return ({ last, timeMs }: KeptTransaction): boolean => {
    const ageMs = draft.nowMs - timeMs;
    const isTooMany = eventsMax > 0 && head - last >= eventsMax && ageMs >= feedKeptMsMin;
    return isTooMany || (retentionMs > 0 && ageMs > retentionMs);
  };
}

function holdOf(loaded: Loaded): Hold | undefined {
  let hold: Hold | undefined;
  for (const subscription of loaded.allSubscriptions()) {
    const { namespace, name, deadLetterCount, through } = subscription;
    const [letter] = deadLetterCount === 0 ? [] : loaded.deadLetters(namespace, name, 1);
    const place = letter === undefined ? through : Math.min(through, letter.position - 1);
    if (hold === undefined || place < hold.place) hold = { place, subscription };
  }
  return hold;
}

/** Has the subscriptions that are behind a position go on there. */
function overtake(draft: Draft, position: number): readonly Overtaken[] {
  const overtaken: Overtaken[] = [];
  for (const subscription of draft.before.allSubscriptions()) {
    if (subscription.through >= position) continue;
    const place = withDealt(subscription, [[subscription.through + 1, position]]);
    // What was open before and is not now lay up to the position.
    const far = Math.max(position, subscription.ahead.at(-1)?.[1] ?? 0);
    const missedCount = openCount(subscription, far) - openCount(place, far);
    draft.setSubscription({
      ...subscription,
      ...place,
      missedCount: subscription.missedCount + missedCount,
    });
    draft.affect({ kind: "subscription", ...nameOf(subscription) });
    overtaken.push({ ...nameOf(subscription), missedCount });
  }
  return overtaken;
}

function nameOf({ namespace, name }: Subscription): Pick<Subscription, "namespace" | "name"> {
  return { namespace, name };
}
