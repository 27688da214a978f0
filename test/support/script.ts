import type { Value } from "../../src/core/value.ts";
import { aCondition, aTask, bool, by, int, text } from "./builders.ts";
import { change, changeOf, factsOf } from "./inbox-verbs.ts";
import { leaseMs, type World } from "./world.ts";

/**
 * Plays a script: a line for each thing that happens, in order, with what stands after it.
 *
 * ```
 * at 3s  ann signals approve true  -> approve SUCCEEDED value true, publish QUEUED, run RUNNING
 * ```
 * Each part may be left out. `at` moves the clock, and what falls due on the way is fired at its time.
 * `verbs` below lists what can happen. Behind the arrow: `refused REASON`, or an action (or `run`) with its
 * state and any of `attempt`, `epoch`, `error`, `waits`, `value`, `due` (a time from the beginning, or
 * `never`), and of a condition `outcome`, `by`, `assignee`, `answers`, `instance`, `steps`, `snoozed`. Throws
 * an error with the line and the facts where something else stands.
 */
export function play(world: World, script: string): void {
  for (const line of script.split("\n").map((text) => text.trim())) {
    if (line !== "") playLine(world, line);
  }
}

function playLine(world: World, line: string): void {
  const [left = "", right = ""] = line.split("->").map((part) => part.trim());
  const { time, act } = /^(?:at (?<time>\S+)\s*)?(?<act>.*)$/.exec(left)?.groups ?? {};
  if (time !== undefined) world.at(msOf(time));
  const reason = act === undefined || act === "" ? undefined : perform(world, act);
  const expected = right === "" ? [] : right.split(",").map((part) => part.trim());
  if (reason !== undefined && !expected.includes(`refused ${reason}`))
    throw new Error(`${line}: refused ${reason}`);
  for (const part of expected) check(world, { part, line, reason });
}

type Verb = readonly [pattern: RegExp, perform: (world: World, words: readonly string[]) => unknown];

/** What can happen. A capture is a word; an action is meant with its current attempt. */
const verbs: readonly Verb[] = [
  [/^(\w+) attaches$/, (world, [worker]) => world.attach(worker)],
  [/^another (\w+) attaches$/, (world, [worker]) => world.attach(worker, { incarnation: "2" })],
  [
    /^(\w+) attaches again(?: with (.*))?$/,
    (world, [worker, names = ""]) => {
      const running = names === "" ? [] : names.split(" ").map((name) => world.reference(name));
      return world.attach(worker, { running });
    },
  ],
  [/^(\w+) takes(?: (\d+))?$/, (world, [worker, credit = "100"]) => world.assign(worker, Number(credit))],
  [/^(\w+) starts(?: (\d+))?$/, (world, [worker, credit = "100"]) => world.start(worker, Number(credit))],
  [
    /^(\w+) accepts (\S+)$/,
    (world, [worker, name]) => world.accept([world.reference(name)], worker).refused[0],
  ],
  [/^(\w+) declines (\S+)$/, (world, [worker, name]) => world.decline(world.reference(name), worker)],
  [
    /^(\w+) (detaches|leaves|drains|pulses)$/,
    (world, [worker = "", verb]) => {
      const sessionId = world.sessionOf(worker);
      if (verb === "detaches") return world.do<"detach">({ kind: "detach", sessionId });
      if (verb === "leaves") return world.do<"leave">({ kind: "leave", sessionId, cause: "" });
      if (verb === "drains") return world.do<"drain">({ kind: "drain", sessionId });
      return world.do<"pulse">({ kind: "pulse", sessionId, leaseMs });
    },
  ],
  [/^the server boots$/, (world) => world.do<"boot">({ kind: "boot", leaseMs })],
  [
    /^(\S+) succeeds(?: with (\S+))?$/,
    (world, [name = "", value]) => world.succeed(name, value === undefined ? {} : { value: valueOf(value) }),
  ],
  [
    /^(\S+) fails(?: as (\w+))?( for good)?$/,
    (world, [name = "", type, forGood]) => world.fail(name, type, forGood !== undefined),
  ],
  [/^(\S+) stops$/, (world, [name]) => world.report(world.reference(name), { kind: "stopped", message: "" })],
  [/^(\S+) beats$/, (world, [name]) => world.report(world.reference(name), { kind: "heartbeat" })],
  [
    /^(\S+) adds (.*)$/,
    (world, [parent = "", names = ""]) => world.add(parent, ...names.split(" ").map(childOf)),
  ],
  [/^ann signals (\S+) (\S+)$/, (world, [name = "", value = ""]) => world.signal(name, valueOf(value))],
  [
    /^(\w+) signals (\S+) (\S+)( by link)?$/,
    (world, [who, name = "", value = "", link]) =>
      world.signal(name, valueOf(value), { by: by(who, { channel: link === undefined ? "call" : "link" }) }),
  ],
  [
    /^(\w+) (claims|releases|delegates|snoozes|extends) (\S+)(?: (?:to|until) (\S+))?( by force)?$/,
    (world, [who = "", verb = "", name = "", to = "", force]) =>
      change(world, who, name, changeOf(verb, to, force !== undefined)),
  ],
  [/^ann cancels$/, (world) => world.cancel()],
  [/^ann retries$/, (world) => world.retry()],
  [/^ann forces$/, (world) => world.retry({ force: true })],
  [/^ann forces all$/, (world) => world.retry({ force: true, all: true })],
];

/** Does what a line says; the reason of a refusal. */
function perform(world: World, act: string): string | undefined {
  for (const [pattern, verb] of verbs) {
    const match = pattern.exec(act);
    if (match === null) continue;
    const done = verb(world, match.slice(1)) as object | undefined;
    const refusal = done !== undefined && "refusal" in done ? done.refusal : done;
    const isRefusal = typeof refusal === "object" && refusal !== null && "reason" in refusal;
    return isRefusal ? String(refusal.reason) : undefined;
  }
  throw new Error(`no such line in a script: ${act}`);
}

function check(
  world: World,
  { part, line, reason }: { part: string; line: string; reason: string | undefined },
): void {
  const [name = "", state, ...facts] = part.split(" ");
  const actual: Record<string, unknown> = name === "refused" ? { state: reason } : standing(world, name);
  const expected: Record<string, unknown> = { state };
  for (let at = 0; at < facts.length; at += 2) expected[facts[at] ?? ""] = facts[at + 1];
  for (const [fact, value] of Object.entries(expected)) {
    if (String(actual[fact]) === value) continue;
    throw new Error(`${line}: ${name} has ${fact} ${String(actual[fact])}, not ${String(value)}`);
  }
}

function standing(world: World, name: string): Record<string, unknown> {
  const { state, error, outputs, dueMs, ...rest } = name === "run" ? world.run() : world.action(name);
  const due = dueMs === undefined ? "never" : `${dueMs / 1000}s`;
  const value = outputs?.["value"];
  const shown = value !== undefined && "value" in value ? value.value : undefined;
  const counts =
    "attempt" in rest
      ? { attempt: rest.attempt, epoch: rest.epoch, waits: rest.waitingCount, ...factsOf(world.action(name)) }
      : {};
  return { state, error: error?.type, value: shown, due, ...counts };
}

/**
 * `b` is a task, `q?` a condition, `b<a` a task that waits for its sibling a, `b<a_ended` for any end of it.
 */
function childOf(word: string) {
  const [name = "", ...after] = word.replaceAll("_", " ").split("<");
  return name.endsWith("?") ? aCondition(name.slice(0, -1), { after }) : aTask(name, { after });
}

function valueOf(word: string): Value {
  if (word === "true" || word === "false") return bool(word === "true");
  return /^-?\d+$/.test(word) ? int(word) : text(word);
}

function msOf(time: string): number {
  return time.endsWith("ms") ? Number(time.slice(0, -2)) : Number(time.slice(0, -1)) * 1000;
}
