import { addActions } from "./actions/add-actions.ts";
import { endActionByOperator } from "./actions/operate.ts";
import type { Decision } from "./change.ts";
import type { CommandKind, CommandOf, Stamp } from "./command.ts";
import { changeCondition } from "./conditions/inbox/change-condition.ts";
import { noteLinkRefusal } from "./conditions/note-link-refusal.ts";
import { settlePost } from "./conditions/settle-post.ts";
import { signalByKey } from "./conditions/signals/signal-by-key.ts";
import { signalCondition } from "./conditions/signals/signal-condition.ts";
import { Draft } from "./draft.ts";
import { trimFeed } from "./feed/trim-feed.ts";
import { assign } from "./leases/assign.ts";
import { accept, decline } from "./leases/attempt.ts";
import { evictWorker } from "./leases/evict.ts";
import { fire } from "./leases/fire.ts";
import { report } from "./leases/report.ts";
import { attach, boot, detach, drain, drainWorker, leave, pulse } from "./leases/session-commands.ts";
import { deleteLimit, setLimit } from "./limits/limit-commands.ts";
import type { Loaded } from "./loaded.ts";
import { deleteOp, updateOp } from "./ops/change-ops.ts";
import { registerOp } from "./ops/register-op.ts";
import { createRun } from "./runs/create-run.ts";
import { publishEvents } from "./runs/publish-events.ts";
import { sweepRequests } from "./runs/requests.ts";
import { rerunRun } from "./runs/rerun-run.ts";
import { retryRun } from "./runs/retry-run.ts";
import { cancelRun, updateRun } from "./runs/run-commands.ts";
import {
  createSubscription,
  deleteSubscription,
  moveSubscription,
  releaseDeadLetters,
} from "./subscriptions/subscription-commands.ts";

type Decider<K extends CommandKind> = (draft: Draft, command: CommandOf<K>) => Decision<K>;

/** Who decides what. */
const deciders: { readonly [K in CommandKind]: Decider<K> } = {
  createRun,
  cancelRun,
  retryRun,
  rerunRun,
  updateRun,
  signalCondition,
  signalByKey,
  changeCondition,
  noteLinkRefusal,
  settlePost,
  publishEvents,
  registerOp,
  updateOp,
  deleteOp,
  endAction: endActionByOperator,
  setLimit,
  deleteLimit,
  createSubscription,
  deleteSubscription,
  moveSubscription,
  releaseDeadLetters,
  evictWorker,
  attach,
  pulse,
  detach,
  leave,
  drain,
  drainWorker,
  assign,
  accept,
  decline,
  report,
  addActions,
  fire,
  boot,
  sweepRequests,
  trimFeed,
};

/**
 * The door of the rules: what a command does to what is loaded, at a time and by a chance that are given.
 * Pure: the same arguments give the same decision, and nothing but the decision comes out of it.
 */
export function decide<K extends CommandKind>(
  command: CommandOf<K>,
  loaded: Loaded,
  stamp: Stamp,
): Decision<K> {
  const decider = deciders[command.kind] as Decider<K>;
  return decider(new Draft(loaded, stamp), command);
}
