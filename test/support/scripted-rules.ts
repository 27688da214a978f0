import { Bug } from "../../src/core/assert.ts";
import type { Change, Decision } from "../../src/core/change.ts";
import type { Command, CommandKind, CommandOf, Stamp } from "../../src/core/command.ts";
import type { Loaded } from "../../src/core/loaded.ts";
import type { Refusal } from "../../src/core/refusal.ts";

/** A question to what the rules may look at: the name of a list or lookup, and what it is asked with. */
export type Question = { [K in keyof Loaded]: readonly [K, ...Parameters<Loaded[K]>] }[keyof Loaded];

/** What a scripted command does: it asks, and then is refused, fails, or makes its change. Plain JSON. */
export interface Script {
  readonly asks?: readonly Question[];
  readonly refusal?: Refusal;
  readonly bug?: string;
  readonly change?: Partial<Change>;
}

/** The answer of a scripted command: what each of its questions found, null for nothing. */
export interface ScriptAnswer {
  readonly count: number;
  readonly asked: readonly unknown[];
}

/** A command whose effect is what the test says: `decide` below does it, in whichever thread. */
export function scripted(script: Script): CommandOf<"publishEvents"> {
  return {
    kind: "publishEvents",
    request: { requestId: "", digest: JSON.stringify(script) },
    namespace: "default",
    events: [],
  };
}

/** A change that changes nothing. */
export const noChange: Change = {
  runs: [],
  actions: [],
  newActions: [],
  newEdges: [],
  newAttempts: [],
  keptSignals: [],
  droppedSignals: [],
  keyedSignals: [],
  droppedKeyedSignals: [],
  posts: [],
  gonePosts: [],
  answers: [],
  droppedAnswers: [],
  newOps: [],
  goneOps: [],
  limits: [],
  goneLimits: [],
  counters: [],
  goneCounters: [],
  subscriptions: [],
  goneSubscriptions: [],
  deadLetters: [],
  goneDeadLetters: [],
  feedTrimmedThrough: undefined,
  sessions: [],
  goneSessions: [],
  events: [],
};

/** Rules without a will: a command does what its script says. The answer holds what was asked. */
export function decide<K extends CommandKind>(
  command: CommandOf<K>,
  loaded: Loaded,
  _stamp: Stamp,
): Decision<K> {
  return decideScript(command, loaded) as Decision<K>;
}

function decideScript(command: Command, loaded: Loaded): Decision {
  if (command.kind !== "publishEvents") throw new Bug("only scripts are taken", { command: command.kind });
  const { asks = [], refusal, bug, change } = JSON.parse(command.request.digest) as Script;
  const answers = asks.map(([name, ...values]) => ask(loaded, name, values));
  if (bug !== undefined) throw new Bug(bug, { planted: true });
  if (refusal !== undefined) return { ok: false, refusal };
  const answer: ScriptAnswer = { count: answers.length, asked: answers.map((found) => found ?? null) };
  return { ok: true, change: { ...noChange, ...change }, answer, effects: [] };
}

function ask(loaded: Loaded, name: keyof Loaded, values: readonly unknown[]): unknown {
  const question = loaded[name] as (...values: readonly unknown[]) => unknown;
  return question.apply(loaded, [...values]);
}
