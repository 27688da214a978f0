import { expect, test } from "vitest";
import type { NewAction } from "../../src/core/stated.ts";
import { type TaskParts, theTask } from "./builders.ts";
import { play } from "./script.ts";
import { World } from "./world.ts";

/** A title that is a true sentence, a run of one task unless there is a plan, and what happens to it. */
export interface Story {
  readonly title: string;
  readonly task?: TaskParts;
  readonly plan?: readonly NewAction[];
  readonly timeoutMs?: number;
  /** What is drawn where the rules ask for chance; 0.5 unless said. */
  readonly chance?: number;
  readonly script: string;
}

/** One test for each story, in a world of its own in which the run `r` was created at 0 s. */
export function tell(stories: readonly Story[]): void {
  test.each(stories)("$title", ({ task, plan, timeoutMs, chance = 0.5, script }) => {
    const world = new World();
    world.chance = chance;
    const work = plan === undefined ? { task: theTask(task) } : { plan };
    expect(world.create({ ...work, timeoutMs })).toMatchObject({ ok: true });
    play(world, script);
  });
}
