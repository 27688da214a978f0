import type { Command } from "./command.ts";
import { actionCommand, actionsCommand, explainCommand, timelineCommand } from "./commands/actions.ts";
import { conditionsCommand } from "./commands/conditions.ts";
import { backupCommand, restoreCommand } from "./commands/data/backup.ts";
import { endCommand } from "./commands/end.ts";
import { eventsCommand } from "./commands/events.ts";
import { feedDescribeCommand } from "./commands/feed/describe.ts";
import { feedVerifyCommand } from "./commands/feed/verify.ts";
import {
  claimCommand,
  delegateCommand,
  extendCommand,
  linkCommand,
  releaseCommand,
  snoozeCommand,
} from "./commands/inbox.ts";
import { limitDeleteCommand, limitSetCommand, limitShowCommand, limitsCommand } from "./commands/limits.ts";
import {
  opDeleteCommand,
  opRegisterCommand,
  opShowCommand,
  opsCommand,
  opValidateCommand,
} from "./commands/ops.ts";
import { runCommand } from "./commands/run.ts";
import { cancelCommand, rerunCommand, retryCommand, runsCommand, updateCommand } from "./commands/runs.ts";
import { signalCommand, signalKeyCommand } from "./commands/signal.ts";
import { subscriptionConsumeCommand } from "./commands/subscriptions/consume.ts";
import { deadLettersCommand } from "./commands/subscriptions/dead-letters.ts";
import {
  subscriptionCreateCommand,
  subscriptionDeleteCommand,
  subscriptionShowCommand,
  subscriptionsCommand,
} from "./commands/subscriptions/subscriptions.ts";
import { conformanceWorkerCommand } from "./commands/testing/conformance.ts";
import { tokenCreateCommand, tokenRevokeCommand, tokensCommand } from "./commands/tokens.ts";
import { versionCommand } from "./commands/version.ts";
import { watchCommand } from "./commands/watch.ts";
import { workerCommand } from "./commands/worker.ts";
import { drainCommand, evictCommand, workersCommand } from "./commands/workers.ts";

/** Every command but `serve` and `help`, in the order in which help shows them. */
export const commands: readonly Command[] = [
  runCommand,
  runsCommand,
  watchCommand,
  actionsCommand,
  actionCommand,
  explainCommand,
  timelineCommand,
  conditionsCommand,
  signalCommand,
  signalKeyCommand,
  claimCommand,
  releaseCommand,
  delegateCommand,
  snoozeCommand,
  extendCommand,
  linkCommand,
  cancelCommand,
  endCommand,
  retryCommand,
  rerunCommand,
  updateCommand,
  eventsCommand,
  feedDescribeCommand,
  feedVerifyCommand,
  workerCommand,
  conformanceWorkerCommand,
  workersCommand,
  drainCommand,
  evictCommand,
  opsCommand,
  opShowCommand,
  opRegisterCommand,
  opValidateCommand,
  opDeleteCommand,
  limitsCommand,
  limitShowCommand,
  limitSetCommand,
  limitDeleteCommand,
  subscriptionsCommand,
  subscriptionShowCommand,
  subscriptionCreateCommand,
  subscriptionConsumeCommand,
  subscriptionDeleteCommand,
  deadLettersCommand,
  backupCommand,
  restoreCommand,
  tokensCommand,
  tokenCreateCommand,
  tokenRevokeCommand,
  versionCommand,
];
