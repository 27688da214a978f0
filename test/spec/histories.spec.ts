import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Action } from "../../src/core/action.ts";
import { hasEnded } from "../../src/core/action.ts";
import type { Effect } from "../../src/core/answer.ts";
import { type Command, queueKey } from "../../src/core/command.ts";
import { decide } from "../../src/core/decide.ts";
import { namespaceOf } from "../../src/core/name.ts";
import { hasRunEnded } from "../../src/core/run.ts";
import type { AttemptReference } from "../../src/core/stated.ts";
import { endsOnce, fenced, oneAnswer } from "../guarantees/actions.ts";
import { recordOf } from "../guarantees/record.ts";
import { bool } from "../support/builders.ts";
import { commandOf, histories, type Step } from "../support/histories.ts";
import { brokenInvariants } from "../support/invariants.ts";
import { World } from "../support/world.ts";

/** A world with what must be remembered of it to see that things only move forward. */
class Watched {
  readonly world = new World();
  readonly leased: AttemptReference[] = [];
  readonly seen = new Set<string>();
  #before = new Map<string, Action>();

  /** Does a step, and says what is wrong after it. */
  take(step: Step): readonly string[] {
    const { world } = this;
    world.chance = step.chance;
    const command = commandOf(step, world, this.leased);
    const effectsBefore = world.effects.length;
    if (command === undefined) {
      // What falls due on the way is fired one by one: the effects of all of them count.
      world.at(world.nowMs + 1 + ((step.choices[0] ?? 0) % 40) * 100);
    } else this.#do(command);
    return [...brokenInvariants(world.state), ...this.#moved(world.effects.slice(effectsBefore))];
  }

  #do(command: Command): void {
    const { world } = this;
    const stamp = { nowMs: world.nowMs, chance: world.chance };
    const first = decide(command, world.state, stamp);
    expect(decide(command, world.state, stamp)).toEqual(first);
    const done = world.do(command);
    this.seen.add(done.ok ? command.kind : done.refusal.reason);
    if (done.ok && command.kind === "assign" && "assignments" in done.answer) {
      this.leased.push(...done.answer.assignments.map(({ assignment }) => assignment.attempt));
    }
  }

  /** How the actions changed since the step before: what may not be, and what was not told outside. */
  #moved(effects: readonly Effect[]): readonly string[] {
    const now = new Map(
      this.world.state.allActions().map((action) => [`${action.run}/${action.name}`, action]),
    );
    const wrong: string[] = [];
    const armed = effects.flatMap((effect) => (effect.kind === "due" ? [effect.atMs] : []));
    const queues = effects.flatMap((effect) => (effect.kind === "queued" ? [effect.queue] : []));
    for (const [key, action] of now) {
      const before = this.#before.get(key);
      if (action.epoch < (before?.epoch ?? 0)) wrong.push(`${key}: its epoch fell`);
      const { dueMs, spec } = action;
      const isEarlier = dueMs !== undefined && (before?.dueMs === undefined || dueMs < before.dueMs);
      if (isEarlier && !armed.some((atMs) => atMs <= dueMs))
        wrong.push(`${key}: due at ${dueMs}, and nobody is told`);
      if (action.state !== "QUEUED" || before?.state === "QUEUED" || spec.kind !== "task") continue;
      if (!queues.includes(queueKey(namespaceOf(action.run), spec.op)))
        wrong.push(`${key}: queued, and nobody is told`);
    }
    this.#before = now;
    return wrong;
  }

  /** Lets everything go well from here on: workers succeed, people answer. */
  bringToAnEnd(): void {
    const { world } = this;
    for (let round = 0; round < 100; round++) {
      if ([...world.state.runs.values()].every(hasRunEnded)) return;
      if (round % 5 === 0) world.attach("last", { incarnation: `${round}` });
      world.at(world.nowMs + 1000).start("last");
      for (const { run, name, spec, state } of world.state.allActions()) {
        if (spec.kind === "condition" && state === "PAUSED") world.signal(name, bool(true), { run });
        if (state === "RUNNING" && spec.kind === "task") {
          world.report(world.reference(name, run), { kind: "succeeded", outputs: {} }, 1000);
        }
      }
    }
  }
}

function promisesBroken(world: World): readonly string[] {
  const events = recordOf(world.feed).flat();
  return [...endsOnce(events), ...oneAnswer(events), ...fenced(events)];
}

/** Runs on a seed of their own: the same histories each time. */
const parameters = { seed: 20261121, numRuns: 400 };

describe("whatever happens, in whatever order", () => {
  const seen = new Set<string>();

  test("no invariant is ever broken, and EndsOnce, OneAnswer and Fenced hold", () => {
    const property = fc.property(histories(80), (steps) => {
      const watched = new Watched();
      for (const [index, step] of steps.entries()) {
        const wrong = watched.take(step);
        if (wrong.length > 0) throw new Error(`after step ${index + 1}, ${step.kind}: ${wrong.join("; ")}`);
      }
      const broken = promisesBroken(watched.world);
      if (broken.length > 0) throw new Error(broken.join("; "));
      for (const one of watched.seen) seen.add(one);
    });
    fc.assert(property, parameters);
  });

  test("every run can still end", () => {
    const property = fc.property(histories(60), (steps) => {
      const watched = new Watched();
      for (const step of steps) watched.take(step);
      watched.bringToAnEnd();
      const { state } = watched.world;
      const stuck = state.allActions().filter((action) => !hasEnded(action));
      if (stuck.length > 0)
        throw new Error(stuck.map(({ name, state: where }) => `${name} is ${where}`).join("; "));
      expect(promisesBroken(watched.world)).toEqual([]);
    });
    fc.assert(property, { ...parameters, numRuns: 150 });
  });

  test("these histories come to every command and to most refusals", () => {
    const expected = [
      "accept",
      "addActions",
      "assign",
      "attach",
      "boot",
      "cancelRun",
      "createRun",
      "decline",
      "detach",
      "drain",
      "drainWorker",
      "leave",
      "publishEvents",
      "pulse",
      "registerOp",
      "report",
      "retryRun",
      "signalCondition",
      "updateRun",
      "ACTION_ENDED",
      "ACTION_EXISTS",
      "ACTION_NOT_CONDITION",
      "ACTION_NOT_FOUND",
      "ALREADY_ANSWERED",
      "RUN_ENDED",
      "RUN_NOT_ENDED",
      "RUN_SUCCEEDED",
      "SIGNAL_TYPE_MISMATCH",
      "STALE_EPOCH",
    ];
    expect(expected.filter((one) => !seen.has(one))).toEqual([]);
  });
});
