import fc from "fast-check";
import { expect, test } from "vitest";
import type { Answers } from "../../src/core/answer.ts";
import { type CommandOf, queueKey } from "../../src/core/command.ts";
import { decide } from "../../src/core/decide.ts";
import { namespaceOf } from "../../src/core/name.ts";
import { queuesOf } from "../../src/core/placement/taker.ts";
import { stepsOf } from "../support/chooser.ts";
import { placementCommand, placementWeights } from "../support/placement-histories.ts";
import { acceptTimeoutMs, World } from "../support/world.ts";

/** Who asked in vain for what: nobody asks for it again until told, or until a time that was said. */
class Blocked {
  readonly #world: World;
  readonly #queuesBySession = new Map<string, Set<string>>();
  #againMs = Number.POSITIVE_INFINITY;
  #effectCount = 0;
  lookCount = 0;

  constructor(world: World) {
    this.#world = world;
  }

  /** Takes in what the world has told since, and whether time alone lets all ask again. */
  hear(): void {
    const { effects, nowMs } = this.#world;
    for (const effect of effects.slice(this.#effectCount)) {
      if (effect.kind === "freed") this.#queuesBySession.clear();
      if (effect.kind !== "queued") continue;
      for (const queues of this.#queuesBySession.values()) queues.delete(effect.queue);
    }
    this.#effectCount = effects.length;
    if (nowMs < this.#againMs) return;
    this.#queuesBySession.clear();
    this.#againMs = Number.POSITIVE_INFINITY;
  }

  /** Takes in what an assigning command answered: who has credit left is blocked where it says so. */
  answered(
    { sessions }: CommandOf<"assign">,
    { assignments, blockedQueues, againMs }: Answers["assign"],
  ): void {
    for (const { sessionId, credit } of sessions) {
      const usedCount = assignments.filter((assigned) => assigned.sessionId === sessionId).length;
      const session = this.#world.state.session(sessionId);
      const mine = session === undefined || usedCount === credit ? [] : queuesOf(session);
      const blocked = this.#queuesBySession.get(sessionId) ?? [];
      const found = blockedQueues.filter((queue) => mine.includes(queue));
      this.#queuesBySession.set(sessionId, new Set(usedCount === credit ? [] : [...blocked, ...found]));
    }
    this.#againMs = Math.min(this.#againMs, againMs ?? this.#againMs);
  }

  /** What somebody who is blocked could take by now, and was not told of. */
  untold(): readonly string[] {
    const { state, nowMs } = this.#world;
    return [...this.#queuesBySession].flatMap(([sessionId, queues]) => {
      if (queues.size === 0 || state.session(sessionId) === undefined) return [];
      this.lookCount += 1;
      const sessions = [{ sessionId, credit: 9 }];
      const again = decide<"assign">({ kind: "assign", sessions, limit: 50, acceptTimeoutMs }, state, {
        nowMs,
        chance: 0.5,
      });
      if (!again.ok) return ["assign is refused"];
      const could = again.answer.assignments.map(({ assignment: { attempt, op } }) => {
        return queueKey(namespaceOf(attempt.run), op);
      });
      return could.filter((queue) => queues.has(queue)).map((queue) => `${sessionId} could take of ${queue}`);
    });
  }
}

test("whoever asked in vain for work is told when it could take some, whatever happens", () => {
  let lookCount = 0;
  const property = fc.property(stepsOf({ ...placementWeights, assign: 30 }, 80), (steps) => {
    const world = new World();
    const blocked = new Blocked(world);
    for (const [index, step] of steps.entries()) {
      world.chance = step.chance;
      const command = placementCommand(step, world);
      if (command?.kind === "assign") {
        const answer = world.must(command);
        blocked.hear();
        blocked.answered(command, answer);
      } else if (command !== undefined) world.do(command);
      else world.at(world.nowMs + 1 + ((step.choices[0] ?? 0) % 40) * 50);
      blocked.hear();
      const untold = blocked.untold();
      if (untold.length > 0) throw new Error(`after step ${index + 1}, ${step.kind}: ${untold.join("; ")}`);
    }
    lookCount += blocked.lookCount;
  });
  fc.assert(property, { seed: 20261122, numRuns: 300 });
  expect(lookCount).toBeGreaterThan(1000);
});
