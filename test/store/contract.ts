import { afterEach, beforeEach } from "vitest";
import type { Store } from "../../src/store/store.ts";
import { describeConditions } from "./contract-conditions.ts";
import { describeDecisions } from "./contract-decisions.ts";
import { describeFeed } from "./contract-feed.ts";
import { describeLimits } from "./contract-limits.ts";
import { describeLists } from "./contract-lists.ts";
import { describeLoaded } from "./contract-loaded.ts";
import { describeOps } from "./contract-ops.ts";
import { describeQueues } from "./contract-queues.ts";
import { describeRunPages } from "./contract-run-pages.ts";
import { describeSubscriptions } from "./contract-subscriptions.ts";
import { describeTransact } from "./contract-transact.ts";
import { describeTrim } from "./contract-trim.ts";
import { Subject } from "./subject.ts";

/**
 * The suite that every store passes: the sentences of the contract in `src/store/store.ts`, one by one. What
 * is opened is an empty store whose rules are those of `test/support/scripted-rules.ts`.
 */
export function describeStore(open: () => Promise<Store>): void {
  const subject = new Subject();
  beforeEach(async () => {
    subject.store = await open();
  });
  afterEach(async () => {
    await subject.store.close();
  });

  describeTransact(subject);
  describeLoaded(subject);
  describeFeed(subject);
  describeLists(subject);
  describeConditions(subject);
  describeDecisions(subject);
  describeRunPages(subject);
  describeQueues(subject);
  describeOps(subject);
  describeLimits(subject);
  describeSubscriptions(subject);
  describeTrim(subject);
}
