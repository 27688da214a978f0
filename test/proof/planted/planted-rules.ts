import { DatabaseSync } from "node:sqlite";
import type { Decision } from "../../../src/core/change.ts";
import type { Command, CommandKind, CommandOf, Stamp } from "../../../src/core/command.ts";
import { decide as rightly } from "../../../src/core/decide.ts";
import type { Loaded } from "../../../src/core/loaded.ts";
import type { AttemptReference } from "../../../src/core/stated.ts";

/**
 * The rules with a bug in them, or in the database of the thread that they run in: which one says the query
 * of the module's own URL, as `planted-rules.ts?bug=skip%20the%20fence`.
 */
const bug = new URL(import.meta.url).searchParams.get("bug");
if (bug === "answer before the commit") commitLate();
if (bug === "commit without a sync") commitUnsynced();

/** As the rules, but for the bug. */
export function decide<K extends CommandKind>(
  command: CommandOf<K>,
  loaded: Loaded,
  stamp: Stamp,
): Decision<K> {
  switch (bug) {
    case "skip the fence":
      return rightly(unfenced(command, loaded) as CommandOf<K>, loaded, stamp);
    case "forget request ids":
      return rightly(anew(command) as CommandOf<K>, loaded, stamp);
    case "take a second answer":
      return takingAnother(command, loaded, stamp) as Decision<K>;
    case "cancel what has ended":
      return cancellingAgain(command, loaded, stamp) as Decision<K>;
    case "lose early signals":
      return changed(rightly(command, loaded, stamp), { keptSignals: [] });
    case "lose an event": {
      const decision = rightly(command, loaded, stamp);
      if (!decision.ok) return decision;
      const { events } = decision.change;
      return changed(decision, { events: events.filter(({ detail }) => detail.kind !== "run_ended") });
    }
    default:
      return rightly(command, loaded, stamp);
  }
}

function changed<K extends CommandKind>(
  decision: Decision<K>,
  part: Partial<Extract<Decision<K>, { readonly ok: true }>["change"]>,
): Decision<K> {
  return decision.ok ? { ...decision, change: { ...decision.change, ...part } } : decision;
}

/** Whatever lease a worker reports under is taken for the current one. */
function unfenced(command: Command, loaded: Loaded): Command {
  if (command.kind !== "report") return command;
  const current = (reference: AttemptReference): AttemptReference => {
    const action = loaded.action(reference.run, reference.action);
    if (action === undefined) return reference;
    return { ...reference, attempt: action.attempt, epoch: action.epoch };
  };
  const reports = command.reports.map((report) => ({ ...report, attempt: current(report.attempt) }));
  return { ...command, reports };
}

/** What was asked before is done again. */
function anew(command: Command): Command {
  if (!("request" in command)) return command;
  return { ...command, request: { ...command.request, requestId: "" } };
}

/** Another answer is taken as if it were the same one again. */
function takingAnother(command: Command, loaded: Loaded, stamp: Stamp): Decision {
  const decision = rightly(command, loaded, stamp);
  if (command.kind !== "signalCondition" || decision.ok) return decision;
  if (decision.refusal.reason !== "ALREADY_ANSWERED") return decision;
  const condition = loaded.action(command.run, command.action);
  const taken = condition?.outputs?.["value"] ?? command.value;
  return rightly({ ...command, value: taken }, loaded, stamp);
}

/** A run that has ended is told to be cancelled. */
function cancellingAgain(command: Command, loaded: Loaded, stamp: Stamp): Decision {
  const decision = rightly(command, loaded, stamp);
  if (command.kind !== "cancelRun" || decision.ok || decision.refusal.reason !== "RUN_ENDED") return decision;
  const run = loaded.run(command.run);
  if (run === undefined) return decision;
  const asked = { ...loadedWith(loaded), run: () => ({ ...run, state: "RUNNING", cancelRequested: true }) };
  return rightly(command, asked as unknown as Loaded, stamp);
}

/** All methods of what is loaded, to be replaced one by one. */
function loadedWith(loaded: Loaded): Loaded {
  return new Proxy(loaded, {
    ownKeys: (target) => Reflect.ownKeys(Object.getPrototypeOf(target) as object),
    getOwnPropertyDescriptor: (target, name) => ({
      configurable: true,
      enumerable: true,
      value: bound(target, name),
    }),
    get: bound,
  });
}

function bound(target: Loaded, name: string | symbol): unknown {
  const value: unknown = Reflect.get(target, name, target);
  return typeof value === "function" ? value.bind(target) : value;
}

/** A batch is committed only when the next one begins, while its callers are answered at once. */
function commitLate(): void {
  const rightly = DatabaseSync.prototype.exec;
  const uncommitted = new WeakSet<DatabaseSync>();
  DatabaseSync.prototype.exec = function exec(this: DatabaseSync, sql: string): void {
    if (sql === "COMMIT") {
      uncommitted.add(this);
      return;
    }
    if (uncommitted.delete(this)) rightly.call(this, "COMMIT");
    rightly.call(this, sql);
  };
}

/** A commit returns when the operating system has it, and the disk has not. */
function commitUnsynced(): void {
  const rightly = DatabaseSync.prototype.exec;
  DatabaseSync.prototype.exec = function exec(this: DatabaseSync, sql: string): void {
    rightly.call(this, sql === "PRAGMA synchronous = FULL" ? "PRAGMA synchronous = OFF" : sql);
  };
}
