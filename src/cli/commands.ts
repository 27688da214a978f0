import type { Command } from "./command.ts";
import { actionCommand, actionsCommand, explainCommand } from "./commands/actions.ts";
import { conditionsCommand } from "./commands/conditions.ts";
import { eventsCommand } from "./commands/events.ts";
import { opRegisterCommand, opsCommand } from "./commands/ops.ts";
import { runCommand } from "./commands/run.ts";
import { cancelCommand, retryCommand, runsCommand, updateCommand } from "./commands/runs.ts";
import { signalCommand } from "./commands/signal.ts";
import { versionCommand } from "./commands/version.ts";
import { watchCommand } from "./commands/watch.ts";
import { drainCommand, workersCommand } from "./commands/workers.ts";

/** Every command but `serve` and `help`, in the order in which help shows them. */
export const commands: readonly Command[] = [
  runCommand,
  runsCommand,
  watchCommand,
  actionsCommand,
  actionCommand,
  explainCommand,
  conditionsCommand,
  signalCommand,
  cancelCommand,
  retryCommand,
  updateCommand,
  eventsCommand,
  workersCommand,
  drainCommand,
  opsCommand,
  opRegisterCommand,
  versionCommand,
];
