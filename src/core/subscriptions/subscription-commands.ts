import {
  deadLetterCauseLengthMax,
  deadLettersMax,
  deadLettersPerReleaseMax,
  subscriptionsMax,
} from "../../limits.ts";
import type { Decision } from "../change.ts";
import type { CommandOf } from "../command.ts";
import type { Draft } from "../draft.ts";
import { refuse } from "../refusal.ts";
import { answer, repeated } from "../runs/requests.ts";
import { canonical } from "../value.ts";
import { withDealt, withOpen } from "./place.ts";
import type { DeadLetter, PositionRange, Subscription, SubscriptionContent } from "./subscription.ts";

/**
 * Creates a subscription; the same content again gives the one that is there, without its secret: that is
 * shown to whoever created it.
 */
export function createSubscription(
  draft: Draft,
  command: CommandOf<"createSubscription">,
): Decision<"createSubscription"> {
  const { namespace, name, content, through } = command;
  const scope = { namespace, kind: command.kind, request: command.request };
  const before = repeated(draft, scope);
  if (before !== undefined) return before;
  const known = draft.subscription(namespace, name);
  if (known !== undefined) {
    if (!hasContent(known, content)) return refuse({ reason: "SUBSCRIPTION_EXISTS", subscription: name });
    return answer(draft, scope, { subscription: withoutSecret(known) });
  }
  if (draft.before.subscriptionCount() >= subscriptionsMax) {
    return refuse({ reason: "LIMIT_REACHED", limit: "subscriptionsMax", maximum: subscriptionsMax });
  }
  // The feed may have been trimmed since it was looked where to begin.
  const oldest = draft.before.feedOldest();
  const subscription: Subscription = {
    ...content,
    namespace,
    name,
    createTimeMs: draft.nowMs,
    through: Math.max(through, oldest),
    ahead: [],
    deadLetterCount: 0,
    missedCount: Math.max(oldest - through, 0),
  };
  draft.setSubscription(subscription);
  draft.emitFor(namespace, { kind: "subscription_created", subscription: name });
  draft.affect({ kind: "subscription", namespace, name });
  return answer(draft, scope, { subscription });
}

/** Deletes a subscription with its place and its dead letters. */
export function deleteSubscription(
  draft: Draft,
  command: CommandOf<"deleteSubscription">,
): Decision<"deleteSubscription"> {
  const { namespace, name } = command;
  const scope = { namespace, kind: command.kind, request: command.request };
  const before = repeated(draft, scope);
  if (before !== undefined) return before;
  const subscription = draft.subscription(namespace, name);
  if (subscription === undefined) return notFound(name);
  draft.removeSubscription(subscription);
  draft.emitFor(namespace, { kind: "subscription_deleted", subscription: name });
  draft.affect({ kind: "subscription", namespace, name });
  return answer(draft, scope, {});
}

/**
 * Notes what was dealt with, and sets aside what could not be. What the command says is added to what was
 * known, so that a place never moves back, whatever comes late or twice.
 */
export function moveSubscription(
  draft: Draft,
  command: CommandOf<"moveSubscription">,
): Decision<"moveSubscription"> {
  const { namespace, name, createTimeMs, dealtWith, deadLetters } = command;
  const subscription = draft.subscription(namespace, name);
  if (subscription?.createTimeMs !== createTimeMs) return notFound(name);
  const added = deadLetters.filter(
    ({ position }) => draft.before.deadLetter(namespace, name, position) === undefined,
  );
  const deadLetterCount = subscription.deadLetterCount + added.length;
  if (added.length > 0 && deadLetterCount > deadLettersMax) {
    return refuse({ reason: "LIMIT_REACHED", limit: "deadLettersMax", maximum: deadLettersMax });
  }
  for (const letter of added) setAside(draft, letter);
  const set = added.map(({ position }): PositionRange => [position, position]);
  draft.setSubscription({
    ...subscription,
    ...withDealt(subscription, [...dealtWith, ...set]),
    deadLetterCount,
  });
  return draft.accept<"moveSubscription">({});
}

/**
 * Takes letters from the list: to forget them, or to have their events delivered again, which are open from
 * here on as if they had never been dealt with. An event that is not kept any more cannot come: it is missed.
 */
export function releaseDeadLetters(
  draft: Draft,
  command: CommandOf<"releaseDeadLetters">,
): Decision<"releaseDeadLetters"> {
  const { namespace, name, forget } = command;
  const scope = { namespace, kind: command.kind, request: command.request };
  const before = repeated(draft, scope);
  if (before !== undefined) return before;
  const subscription = draft.subscription(namespace, name);
  if (subscription === undefined) return notFound(name);
  const letters = lettersOf(draft, command);
  if (letters.length === 0) return answer(draft, scope, { positions: [] });
  for (const letter of letters) draft.removeDeadLetter(letter);
  const oldest = draft.before.feedOldest();
  const positions = letters.map(({ position }) => position);
  const kept = positions.filter((position) => position > oldest);
  const missed = forget ? 0 : positions.length - kept.length;
  draft.setSubscription({
    ...subscription,
    ...(forget ? {} : withOpen(subscription, kept)),
    deadLetterCount: subscription.deadLetterCount - letters.length,
    missedCount: subscription.missedCount + missed,
  });
  draft.affect({ kind: "subscription", namespace, name });
  return answer(draft, scope, { positions });
}

function setAside(draft: Draft, letter: DeadLetter): void {
  const { namespace, subscription, position, deliveryCount } = letter;
  const cause = letter.cause.slice(0, deadLetterCauseLengthMax);
  draft.addDeadLetter({ ...letter, cause, timeMs: draft.nowMs });
  draft.emitFor(namespace, {
    kind: "event_dead_lettered",
    subscription,
    position,
    deliveryCount,
    cause,
  });
}

/** The letters that a command names, each once, or as many of all as go at once. */
function lettersOf(draft: Draft, command: CommandOf<"releaseDeadLetters">): readonly DeadLetter[] {
  const { namespace, name, positions } = command;
  if (positions.length === 0) return draft.before.deadLetters(namespace, name, deadLettersPerReleaseMax);
  const named = [...new Set(positions)].sort((one, other) => one - other);
  return named.flatMap((position) => draft.before.deadLetter(namespace, name, position) ?? []);
}

function hasContent(subscription: Subscription, content: SubscriptionContent): boolean {
  const { filter, target, ackTimeoutMs, deliveriesMax, inFlightMax } = subscription;
  const { initialBackoffMs, maxBackoffMs } = subscription;
  const known: SubscriptionContent = {
    filter,
    target,
    ackTimeoutMs,
    deliveriesMax,
    inFlightMax,
    initialBackoffMs,
    maxBackoffMs,
  };
  return canonical(known) === canonical(content);
}

function withoutSecret(subscription: Subscription): Subscription {
  const { target } = subscription;
  return target.kind === "webhook" ? { ...subscription, target: { ...target, secret: "" } } : subscription;
}

function notFound(subscription: string) {
  return refuse({ reason: "SUBSCRIPTION_NOT_FOUND", subscription });
}
