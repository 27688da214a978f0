import type { Transaction } from "../../../src/core/event.ts";
import { durable, fencedReports } from "../../guarantees/acknowledged.ts";
import { endsOnce, fenced, oneAnswer } from "../../guarantees/actions.ts";
import { feedViolations } from "../../guarantees/feed.ts";
import { recordOf } from "../../guarantees/record.ts";
import type { SimulatedSubscriber } from "../actors/simulated-subscriber.ts";
import type { Chronicle } from "../world/chronicle.ts";
import { earlySignalsKept } from "./early-signals.ts";
import { linearEnds } from "./linear-ends.ts";
import { linearSignals } from "./linear-signals.ts";

/** Holds the whole history against the promises; `Promise: what broke it`. */
export function judge(
  transactions: readonly Transaction[],
  { chronicle, subscribers }: { chronicle: Chronicle; subscribers: readonly SimulatedSubscriber[] },
): readonly string[] {
  const events = recordOf(transactions).flat();
  const runs = [...chronicle.runs];
  return [
    ...named("Durable", durable(events, runs)),
    ...named("EndsOnce", endsOnce(events, runs)),
    ...named("OneAnswer", oneAnswer(events, chronicle.acceptedSignals)),
    ...named("Fenced", fenced(events)),
    ...named("Fenced", fencedReports(chronicle.reports)),
    ...named("Early signals are kept", earlySignalsKept(events, chronicle.keptSignals)),
    ...named("Linear", linearSignals(events, chronicle.signals)),
    ...named("Linear", linearEnds(events, chronicle.ends)),
    ...subscribers.flatMap((subscriber) => {
      const reference = recordOf(transactions, subscriber.wish.matches);
      const streams = subscriber.streams(subscriber.isAtHead);
      if (streams.length === 0) return [];
      return feedViolations({ streams, reference }).map((what) => `${what} (${subscriber.wish.name})`);
    }),
  ];
}

function named(promise: string, violations: readonly string[]): readonly string[] {
  return violations.map((violation) => `${promise}: ${violation}`);
}
