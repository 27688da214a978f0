import type { Action } from "../../src/core/action.ts";
import type { Decision } from "../../src/core/change.ts";
import type { Command, CommandKind } from "../../src/core/command.ts";
import { decide as rules } from "../../src/core/decide.ts";
import type { Loaded } from "../../src/core/loaded.ts";
import type { Due } from "../../src/core/stated.ts";
import { systemClock } from "../../src/engine/clock.ts";
import type { Engine } from "../../src/engine/engine.ts";
import type { FeedFrame, FollowOptions } from "../../src/engine/follower.ts";
import type { Decide } from "./world/disk.ts";
import type { Plant } from "./world/plant.ts";

/** A bug, and what must be found because of it. */
export interface PlantedBug {
  readonly name: string;
  /** Of one of the violations that are found. */
  readonly breaks: RegExp;
  readonly plant: Plant;
}

type AnyDecision = Decision<CommandKind>;

/** The rules with something done to what they are asked or see. */
function seeing(change: (command: Command, loaded: Loaded) => { command: Command; loaded: Loaded }): Plant {
  const decide: Decide = (command, loaded, stamp) => {
    const seen = change(command, loaded);
    return rules(seen.command as typeof command, seen.loaded, stamp);
  };
  return { disk: { rules: decide } };
}

/** The rules with something done to what they say. */
function saying(change: (decision: AnyDecision & { ok: true }, command: Command) => AnyDecision): Plant {
  const decide: Decide = (command, loaded, stamp) => {
    const decision = rules(command, loaded, stamp);
    return decision.ok ? (change(decision, command) as typeof decision) : decision;
  };
  return { disk: { rules: decide } };
}

/** The state with one of its parts told otherwise. */
function withPart<Name extends keyof Loaded>(loaded: Loaded, name: Name, part: Loaded[Name]): Loaded {
  return new Proxy(loaded, {
    get(target, asked) {
      if (asked === name) return part;
      const found: unknown = Reflect.get(target, asked, target);
      return typeof found === "function" ? found.bind(target) : found;
    },
  });
}

/** An engine whose feeds give something else to who goes on from a position. */
function feeding(change: (frames: AsyncIterable<FeedFrame>) => AsyncGenerator<FeedFrame>): Plant {
  return {
    engine: ({ feeds }: Engine) => {
      const rightly = feeds.follow.bind(feeds);
      feeds.follow = (options: FollowOptions) => {
        const frames = rightly(options);
        return typeof options.after === "bigint" && options.after > 0n ? change(frames) : frames;
      };
    },
  };
}

function unfenced(command: Command, loaded: Loaded): Command {
  if (command.kind !== "report") return command;
  const reports = command.reports.map((report) => {
    const action = loaded.action(report.attempt.run, report.attempt.action);
    if (action === undefined) return report;
    const { attempt, epoch } = action;
    return { ...report, attempt: { ...report.attempt, attempt, epoch } };
  });
  return { ...command, reports };
}

/** An action that has been answered, as if it had not. */
function askedAgain(action: Action | undefined): Action | undefined {
  if (action?.spec.kind !== "condition" || action.state !== "SUCCEEDED") return action;
  return { ...action, state: "PAUSED", endTimeMs: undefined, outputs: undefined };
}

const acceptsSecondAnswer = seeing((command, loaded) => {
  if (command.kind !== "signalCondition") return { command, loaded };
  const action: Loaded["action"] = (run, name) => askedAgain(loaded.action(run, name));
  return { command, loaded: withPart(loaded, "action", action) };
});

const losesEarlySignal = seeing((command, loaded) => {
  if (command.kind !== "addActions") return { command, loaded };
  return { command, loaded: withPart(loaded, "keptSignal", () => undefined) };
});

const forgetsRequests = seeing((command, loaded) => {
  return { command, loaded: withPart(loaded, "answer", () => undefined) };
});

const leaksPausedCount = saying((decision, command) => {
  if (command.kind !== "signalCondition") return decision;
  const runs = decision.change.runs.map((run) => ({
    ...run,
    pausedConditionCount: run.pausedConditionCount + 1,
  }));
  return { ...decision, change: { ...decision.change, runs } };
});

const leaksPlace = saying((decision, command) => {
  if (command.kind !== "report") return decision;
  const counters = decision.change.counters.map((counter) => ({
    ...counter,
    heldCount: counter.heldCount + 1,
  }));
  return { ...decision, change: { ...decision.change, counters } };
});

const leaksReserved = saying((decision, command) => {
  if (command.kind !== "report") return decision;
  const sessions = decision.change.sessions.map((session) => ({
    ...session,
    reserved: { ...session.reserved, ramMb: session.reserved.ramMb + 1 },
  }));
  return { ...decision, change: { ...decision.change, sessions } };
});

/** What ends a lease leaves its actions with nobody. */
const forgetsHeld = seeing((command, loaded) => {
  const endsLease = command.kind === "fire" && command.due.kind === "session";
  return endsLease ? { command, loaded: withPart(loaded, "heldBy", () => []) } : { command, loaded };
});

async function* dropped(frames: AsyncIterable<FeedFrame>): AsyncGenerator<FeedFrame> {
  let isToDrop = true;
  for await (const frame of frames) {
    const isMeant = isToDrop && frame.events.length > 0;
    if (isMeant) isToDrop = false;
    yield isMeant ? { ...frame, events: frame.events.slice(1) } : frame;
  }
}

async function* doubled(frames: AsyncIterable<FeedFrame>): AsyncGenerator<FeedFrame> {
  let isToDouble = true;
  for await (const frame of frames) {
    yield frame;
    if (!isToDouble || frame.events.length === 0) continue;
    isToDouble = false;
    yield frame;
  }
}

/** Each two frames with events change places. */
async function* reordered(frames: AsyncIterable<FeedFrame>): AsyncGenerator<FeedFrame> {
  let kept: FeedFrame | undefined;
  for await (const frame of frames) {
    if (frame.events.length > 0 && kept === undefined && !frame.atHead) {
      kept = frame;
      continue;
    }
    yield frame;
    if (kept !== undefined && frame.events.length > 0) {
      yield { ...kept, through: frame.through };
      kept = undefined;
    }
  }
}

/** The store forgets, once it is opened again, that conditions have deadlines. */
function withoutConditions(name: string, answer: unknown, openCount: number): unknown {
  if (name !== "due" || openCount < 2) return answer;
  const { due, nextMs } = answer as { due: readonly Due[]; nextMs: number | undefined };
  return { due: due.filter((one) => one.kind !== "action" || !one.action.endsWith("late")), nextMs };
}

/** Bugs that the simulation must find. */
export const plantedBugs: readonly PlantedBug[] = [
  {
    name: "a report under an old lease is taken",
    breaks: /^Fenced/,
    plant: seeing((command, loaded) => ({ command: unfenced(command, loaded), loaded })),
  },
  {
    name: "a condition takes a second answer",
    breaks: /OneAnswer|goes on behind its end|counts what is paused|has not ended|reopened/,
    plant: acceptsSecondAnswer,
  },
  {
    name: "a commit is acknowledged before it is durable",
    breaks: /^Durable|cursor of the feed was refused/,
    plant: { disk: { acknowledgesEarly: true } },
  },
  { name: "who resumes misses an event", breaks: /^(Reliable|Resumable|Atomic)/, plant: feeding(dropped) },
  { name: "who resumes is given events twice", breaks: /^Unique/, plant: feeding(doubled) },
  { name: "events come out of order", breaks: /^(Ordered|Resumable)/, plant: feeding(reordered) },
  {
    name: "deadlines are forgotten at a restart",
    breaks: /^Live/,
    plant: { disk: { onRead: withoutConditions } },
  },
  { name: "an early signal is lost", breaks: /keeps|kept/, plant: losesEarlySignal },
  {
    name: "a request that comes again is executed again",
    breaks: /a new run was refused: RUN_EXISTS/,
    plant: forgetsRequests,
  },
  {
    name: "somebody asks the machine for the time",
    breaks: /^reached the system's clock/,
    plant: { engine: () => void systemClock.nowMs() },
  },
  { name: "the count of open conditions leaks", breaks: /counts what is paused/, plant: leaksPausedCount },
  { name: "a place in a limit leaks", breaks: /counts \d+, and/, plant: leaksPlace },
  { name: "what is reserved of a worker leaks", breaks: /reserves/, plant: leaksReserved },
  { name: "the end of a lease frees nothing", breaks: /held by a session that is there/, plant: forgetsHeld },
];
