import { addActions } from "./actions/add-actions.ts";
import { endActionByOperator } from "./actions/operate.ts";
import { signalCondition } from "./actions/condition.ts";
import { unreachable } from "./assert.ts";
import type { Decision } from "./change.ts";
import type { Command, CommandKind, CommandOf, Stamp } from "./command.ts";
import { Draft } from "./draft.ts";
import { assign } from "./leases/assign.ts";
import { accept, decline } from "./leases/attempt.ts";
import { evictWorker } from "./leases/evict.ts";
import { fire } from "./leases/fire.ts";
import { report } from "./leases/report.ts";
import { attach, boot, detach, drain, drainWorker, leave, pulse } from "./leases/session-commands.ts";
import { deleteLimit, setLimit } from "./limits/limit-commands.ts";
import type { Loaded } from "./loaded.ts";
import { createRun } from "./runs/create-run.ts";
import { publishEvents } from "./runs/publish-events.ts";
import { deleteOp, updateOp } from "./ops/change-ops.ts";
import { registerOp } from "./ops/register-op.ts";
import { sweepRequests } from "./runs/requests.ts";
import {
  createSubscription,
  deleteSubscription,
  moveSubscription,
  releaseDeadLetters,
} from "./subscriptions/subscription-commands.ts";
import { retryRun } from "./runs/retry-run.ts";
import { cancelRun, updateRun } from "./runs/run-commands.ts";

/**
 * The door of the rules: what a command does to what is loaded, at a time and by a chance that are given.
 * Pure: the same arguments give the same decision, and nothing but the decision comes out of it.
 */
export function decide<K extends CommandKind>(
  command: CommandOf<K>,
  loaded: Loaded,
  stamp: Stamp,
): Decision<K> {
  return decideAny(command, new Draft(loaded, stamp)) as Decision<K>;
}

function decideAny(command: Command, draft: Draft): Decision {
  switch (command.kind) {
    case "createRun":
      return createRun(draft, command);
    case "cancelRun":
      return cancelRun(draft, command);
    case "retryRun":
      return retryRun(draft, command);
    case "updateRun":
      return updateRun(draft, command);
    case "signalCondition":
      return signalCondition(draft, command);
    case "publishEvents":
      return publishEvents(draft, command);
    case "registerOp":
      return registerOp(draft, command);
    case "updateOp":
      return updateOp(draft, command);
    case "deleteOp":
      return deleteOp(draft, command);
    case "endAction":
      return endActionByOperator(draft, command);
    case "setLimit":
      return setLimit(draft, command);
    case "deleteLimit":
      return deleteLimit(draft, command);
    case "createSubscription":
      return createSubscription(draft, command);
    case "deleteSubscription":
      return deleteSubscription(draft, command);
    case "moveSubscription":
      return moveSubscription(draft, command);
    case "releaseDeadLetters":
      return releaseDeadLetters(draft, command);
    case "evictWorker":
      return evictWorker(draft, command);
    case "attach":
      return attach(draft, command);
    case "pulse":
      return pulse(draft, command);
    case "detach":
      return detach(draft, command);
    case "leave":
      return leave(draft, command);
    case "drain":
      return drain(draft, command);
    case "drainWorker":
      return drainWorker(draft, command);
    case "assign":
      return assign(draft, command);
    case "accept":
      return accept(draft, command);
    case "decline":
      return decline(draft, command);
    case "report":
      return report(draft, command);
    case "addActions":
      return addActions(draft, command);
    case "fire":
      return fire(draft, command);
    case "boot":
      return boot(draft, command);
    case "sweepRequests":
      return sweepRequests(draft);
    default:
      return unreachable(command);
  }
}
