import type { Decision } from "../../../src/core/change.ts";
import type { Command, CommandKind, CommandOf, Stamp } from "../../../src/core/command.ts";
import { decide as rightly } from "../../../src/core/decide.ts";
import type { Loaded } from "../../../src/core/loaded.ts";
import type { AttemptReference } from "../../../src/core/stated.ts";

/** The rules with a planted bug: whatever lease a worker reports under is taken for the current one. */
export function decide<K extends CommandKind>(
  command: CommandOf<K>,
  loaded: Loaded,
  stamp: Stamp,
): Decision<K> {
  return rightly(unfenced(command, loaded) as CommandOf<K>, loaded, stamp);
}

function unfenced(command: Command, loaded: Loaded): Command {
  if (command.kind !== "report") return command;
  const reports = command.reports.map((report) => ({ ...report, attempt: current(report.attempt, loaded) }));
  return { ...command, reports };
}

function current(reference: AttemptReference, loaded: Loaded): AttemptReference {
  const action = loaded.action(reference.run, reference.action);
  return action === undefined ? reference : { ...reference, attempt: action.attempt, epoch: action.epoch };
}
