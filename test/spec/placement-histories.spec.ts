import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Action } from "../../src/core/action.ts";
import { hasEnded } from "../../src/core/action.ts";
import type { Answers, Effect } from "../../src/core/answer.ts";
import type { Command, CommandOf } from "../../src/core/command.ts";
import { decide } from "../../src/core/decide.ts";
import { isFull, limitsOf } from "../../src/core/limits/limits-of.ts";
import { namespaceOf } from "../../src/core/name.ts";
import { couldHold, placeNow } from "../../src/core/placement/fit.ts";
import { keptCount } from "../../src/core/placement/keep-free.ts";
import { demandIn } from "../../src/core/placement/line.ts";
import { reserve } from "../../src/core/placement/reserve.ts";
import { isFurther, shareMissing } from "../../src/core/placement/shortfall.ts";
import { comesBefore } from "../../src/core/placement/taker.ts";
import { hasRunEnded } from "../../src/core/run.ts";
import type { Session } from "../../src/core/session.ts";
import { heldBackLookMs, keptFreeTasksMax } from "../../src/limits.ts";
import { type Step, stepsOf } from "../support/chooser.ts";
import { brokenInvariants } from "../support/invariants.ts";
import { placementCommand, placementWeights } from "../support/placement-histories.ts";
import { brokenFit, brokenPlacement, mayTake } from "../support/placement-invariants.ts";
import { acceptTimeoutMs, World } from "../support/world.ts";

type PlacementStep = Step<keyof typeof placementWeights>;
type Assigned = Answers["assign"]["assignments"][number];

/** A task that workers are to be kept free for in one assigning command. */
interface Starving {
  readonly action: Action;
  readonly count: number;
}

/** A world in which each step is looked at for what may not be. */
class Watched {
  readonly world = new World();
  readonly seen = new Set<string>();

  take(step: PlacementStep): readonly string[] {
    const { world } = this;
    world.chance = step.chance;
    const command = placementCommand(step, world);
    const dueBefore = this.#dues();
    const effectCount = world.effects.length;
    const wrong: string[] = [];
    if (command === undefined) {
      const isLong = (step.choices[1] ?? 0) % 4 === 0;
      world.at(world.nowMs + 1 + ((step.choices[0] ?? 0) % 40) * (isLong ? 1500 : 50));
    } else if (command.kind === "assign") wrong.push(...this.#assign(command));
    else this.#do(command);
    wrong.push(...this.#untold(dueBefore, world.effects.slice(effectCount)));
    return [...wrong, ...brokenInvariants(world.state), ...brokenPlacement(world.state)];
  }

  #do(command: Command): void {
    const done = this.world.do(command);
    this.seen.add(done.ok ? command.kind : done.refusal.reason);
  }

  #assign(command: CommandOf<"assign">): readonly string[] {
    const { world } = this;
    const { state } = world;
    const starving = this.#starving(command);
    const sessions = new Map(state.sessions().map((session) => [session.id, session]));
    const { assignments, ...rest } = world.must(command);
    this.seen.add("assign");
    if (assignments.length > 0) this.seen.add("assigned");
    if (rest.blockedQueues.length > 0) this.seen.add("blocked");
    if (rest.emptyQueues.length > 0) this.seen.add("empty");
    const wrong = [...this.#misfits(assignments), ...this.#passedOver(starving, sessions, assignments)];
    const used = new Map<string, number>();
    for (const { sessionId } of assignments) used.set(sessionId, (used.get(sessionId) ?? 0) + 1);
    const left = command.sessions.map(({ sessionId, credit }) => ({
      sessionId,
      credit: credit - (used.get(sessionId) ?? 0),
    }));
    if (left.some(({ credit }) => credit < 0)) wrong.push("more is assigned than there is credit");
    if (assignments.length > command.limit) wrong.push("more is assigned than was asked for");
    const isCutShort = assignments.length === command.limit;
    return [...wrong, ...this.#wronglyLeft({ ...command, sessions: left }, rest, isCutShort)];
  }

  /** What the answer says of queues: that what is empty is, and that nobody can take what is blocked. */
  #wronglyLeft(
    command: CommandOf<"assign">,
    { emptyQueues, blockedQueues, againMs }: Omit<Answers["assign"], "assignments">,
    isCutShort: boolean,
  ): readonly string[] {
    const { state, nowMs, chance } = this.world;
    const wrong: string[] = [];
    const holdsWork = (queue: string) => {
      const [namespace = "", op = ""] = queue.split("/");
      return state.queuedShapes(namespace, op).length > 0;
    };
    for (const queue of emptyQueues) if (holdsWork(queue)) wrong.push(`${queue} is not empty`);
    for (const queue of blockedQueues) if (!holdsWork(queue)) wrong.push(`${queue} holds nothing`);
    // Who held something back by a worker that is kept free may have met a full limit since.
    if (againMs !== undefined && againMs <= nowMs + heldBackLookMs) return wrong;
    const again = decide(command, state, { nowMs, chance });
    if (!again.ok) return [...wrong, "assign is refused"];
    for (const { assignment } of again.answer.assignments) {
      const queue = `${namespaceOf(assignment.attempt.run)}/${assignment.op}`;
      if (blockedQueues.includes(queue)) wrong.push(`${queue} is not blocked`);
      if (!isCutShort) wrong.push(`${queue} holds work that was not given`);
    }
    return wrong;
  }

  /** Each assignment fits whole where it went, and is within the limits that it falls under. */
  #misfits(assignments: readonly Assigned[]): readonly string[] {
    const { state, nowMs } = this.world;
    return assignments.flatMap(({ sessionId, assignment: { attempt } }) => {
      const action = this.world.action(attempt.action, attempt.run);
      const session = state.session(sessionId) as Session;
      const wrong = [...brokenFit(session, action)];
      if (!mayTake(session, action)) wrong.push(`${attempt.run} may not go to ${sessionId}`);
      const limits = state.limits(namespaceOf(attempt.run));
      for (const { key, limit } of limitsOf(action, this.world.run(attempt.run).labels, limits)) {
        const counter = state.counter(key);
        if (!action.holds.includes(key)) wrong.push(`${attempt.run} takes no place in ${key}`);
        if (counter === undefined) continue;
        if (limit.concurrentMax > 0 && counter.heldCount > limit.concurrentMax)
          wrong.push(`${key} overflows`);
        const { periodMs = 0, count = 1 } = limit.rate ?? {};
        if (limit.rate !== undefined && counter.fullTimeMs - nowMs > periodMs + periodMs / count / 1000 + 1) {
          wrong.push(`${key} starts too often`);
        }
      }
      return wrong;
    });
  }

  /**
   * The first tasks of lines that fit on nobody with credit, and are queued for long enough. None if there
   * are more than workers are kept free for at a time.
   */
  #starving(command: CommandOf<"assign">): readonly Starving[] {
    const { state, nowMs } = this.world;
    const takers = command.sessions.flatMap(({ sessionId, credit }) => {
      const session = state.session(sessionId);
      return session?.state === "ATTACHED" && credit > 0 ? [session] : [];
    });
    const found = new Map<string, Starving>();
    for (const { namespace, ops, sharedNamespaces } of takers) {
      for (const one of [namespace, ...sharedNamespaces]) {
        for (const op of ops) {
          for (const shape of state.queuedShapes(one, op)) {
            const [action] = state.queued(one, op, shape, 1);
            if (action === undefined) continue;
            const count = keptCount(action, nowMs);
            const demand = demandIn(action);
            if (count === 0 || demand === undefined) continue;
            const fits = takers.some(
              (taker) => mayTake(taker, action) && couldHold(demand, taker) && placeNow(demand, taker),
            );
            if (!fits) found.set(`${one}/${op}/${shape}`, { action, count });
          }
        }
      }
    }
    return found.size > keptFreeTasksMax ? [] : [...found.values()];
  }

  /** What was assigned to a worker that is kept free for another one, and keeps it from that. */
  #passedOver(
    starving: readonly Starving[],
    before: ReadonlyMap<string, Session>,
    assignments: readonly Assigned[],
  ): readonly string[] {
    const { world } = this;
    const wrong: string[] = [];
    const sessions = new Map(before);
    for (const { sessionId, assignment } of assignments) {
      const given = world.action(assignment.attempt.action, assignment.attempt.run);
      const session = sessions.get(sessionId) as Session;
      const demand = demandIn(given);
      const reserved =
        demand === undefined ? session.reserved : reserve(session.reserved, demand, given.deviceIndexes);
      const after = { ...session, reserved };
      for (const { action, count } of starving) {
        const wanted = demandIn(action);
        const waits = world.action(action.name, action.run);
        if (wanted === undefined || waits.state !== "QUEUED" || waits.parkedOn !== undefined) continue;
        if (comesBefore(given, action) || this.#isLimited(waits)) continue;
        this.seen.add("kept");
        const near = [...sessions.values()]
          .filter((one) => mayTake(one, action) && couldHold(wanted, one) && !placeNow(wanted, one))
          .map((one) => ({ id: one.id, missing: shareMissing(wanted, one) }))
          .sort((one, other) => one.missing - other.missing || (one.id < other.id ? -1 : 1))
          .slice(0, count);
        if (!near.some(({ id }) => id === sessionId)) continue;
        if (isFurther(wanted, session, after)) {
          wrong.push(`${given.run} passes ${action.run} over on ${sessionId}`);
        }
      }
      sessions.set(sessionId, after);
    }
    return wrong;
  }

  #isLimited(action: Action): boolean {
    const { state, nowMs } = this.world;
    const limits = state.limits(namespaceOf(action.run));
    return limitsOf(action, this.world.run(action.run).labels, limits).some(({ key, limit }) =>
      isFull(state.counter(key), limit, nowMs),
    );
  }

  #dues(): ReadonlyMap<string, number> {
    const counters = [...this.world.state.counters.values()];
    return new Map(counters.flatMap(({ key, dueMs }) => (dueMs === undefined ? [] : [[key, dueMs]])));
  }

  /** Counters that became due earlier, and nobody was told. */
  #untold(before: ReadonlyMap<string, number>, effects: readonly Effect[]): readonly string[] {
    const told = effects.flatMap((effect) => (effect.kind === "due" ? [effect.atMs] : []));
    return [...this.#dues()].flatMap(([key, dueMs]) => {
      if (dueMs >= (before.get(key) ?? Number.POSITIVE_INFINITY)) return [];
      return told.some((atMs) => atMs <= Math.max(dueMs, this.world.nowMs)) ? [] : [`${key} is due, untold`];
    });
  }

  /** From here on there is a worker for everything, and all goes well. */
  bringToAnEnd(): void {
    const { world } = this;
    const devices = Array.from({ length: 6 }, (_, index) => ({ index, kind: "", vramMb: 9000 }));
    for (let round = 0; round < 400; round++) {
      if ([...world.state.runs.values()].every(hasRunEnded)) break;
      for (const zone of ["a", "b"]) {
        if (round % 100 > 0) continue;
        world.attach(`last ${zone}`, {
          incarnation: `${round}`,
          ops: ["work", "heavy"],
          labels: { zone },
          capacity: { cpuMilli: 64_000, ramMb: 9000, devices },
          sharedNamespaces: ["other"],
        });
      }
      world.at(world.nowMs + 1000);
      const sessions = world.state.sessions().map(({ id }) => ({ sessionId: id, credit: 9 }));
      world.must<"assign">({ kind: "assign", sessions, limit: 50, acceptTimeoutMs });
      for (const { run, name, sessionId, spec } of world.state.allActions()) {
        if (sessionId === undefined || spec.kind !== "task") continue;
        world.report(world.reference(name, run), { kind: "succeeded", outputs: {} }, 1000);
      }
    }
    // Rates come back, and leases end.
    world.at(world.nowMs + 3_000_000);
  }
}

/** Runs on a seed of their own: the same histories each time. */
const parameters = { seed: 20261122, numRuns: 400 };

describe("wherever work is placed, whatever happens", () => {
  const seen = new Set<string>();

  test("G-151 G-152 G-154 G-155 nothing is over-committed, over a limit or passed over for ever", () => {
    const property = fc.property(stepsOf(placementWeights, 80), (steps) => {
      const watched = new Watched();
      for (const [index, step] of steps.entries()) {
        const wrong = watched.take(step);
        if (wrong.length > 0) throw new Error(`after step ${index + 1}, ${step.kind}: ${wrong.join("; ")}`);
      }
      for (const one of watched.seen) seen.add(one);
    });
    fc.assert(property, parameters);
  });

  test("everything that is queued or parked can still end, and leaves nothing behind", () => {
    const property = fc.property(stepsOf(placementWeights, 60), (steps) => {
      const watched = new Watched();
      for (const step of steps) watched.take(step);
      watched.bringToAnEnd();
      const { state } = watched.world;
      const stuck = state.allActions().filter((action) => !hasEnded(action));
      expect(stuck.map(({ name, run, state: where }) => `${run}/${name} is ${where}`)).toEqual([]);
      expect([...state.counters.values()]).toEqual([]);
      expect(brokenPlacement(state)).toEqual([]);
    });
    fc.assert(property, { ...parameters, numRuns: 150 });
  });

  test("these histories come to every command and every outcome", () => {
    const commands = ["attach", "assign", "accept", "report", "decline", "leave", "detach", "drain", "pulse"];
    const others = [
      "evictWorker",
      "cancelRun",
      "endAction",
      "retryRun",
      "updateRun",
      "setLimit",
      "deleteLimit",
      "boot",
    ];
    const outcomes = ["assigned", "blocked", "empty", "kept"];
    expect([...commands, ...others, ...outcomes].filter((one) => !seen.has(one))).toEqual([]);
  });
});
