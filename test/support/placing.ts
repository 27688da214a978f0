import type { LimitContent } from "../../src/core/limits/limit.ts";
import type { Capacity, Placement, Resources } from "../../src/core/placement/demand.ts";
import type { NewTask } from "../../src/core/stated.ts";
import { noRequest, type TaskParts, theTask } from "./builders.ts";
import { acceptTimeoutMs, type World } from "./world.ts";

/** What a task asks for: processors in whole cores, the rest as it is. */
export interface Asked extends Partial<Omit<Resources, "cpuMilli">> {
  readonly cpu?: number;
}

/** Resources of which only what is said is asked for. */
export function resources({ cpu, ...asked }: Asked): Resources {
  return {
    cpuMilli: cpu === undefined ? undefined : cpu * 1000,
    ramMb: undefined,
    vramMb: undefined,
    deviceCount: undefined,
    deviceIndex: undefined,
    ...asked,
  };
}

/** A task that asks for resources. */
export function asking(asked: Asked, parts: TaskParts = {}): NewTask {
  return theTask({ resources: resources(asked), ...parts });
}

/** A placement of which only what is said restricts. */
export function placement(parts: Partial<Placement>): Placement {
  return { workerLabels: {}, tolerations: [], ...parts };
}

/** What a worker has: processors in whole cores, and devices by their memory, from index 0. */
export function capacity({
  cpu,
  ramMb,
  devices = [],
}: {
  readonly cpu?: number;
  readonly ramMb?: number;
  readonly devices?: readonly number[];
}): Capacity {
  return {
    cpuMilli: cpu === undefined ? undefined : cpu * 1000,
    ramMb,
    devices: devices.map((vramMb, index) => ({ index, kind: "gpu", vramMb })),
  };
}

/** Creates runs of one task each, a millisecond apart, so that their order is that of the list. */
export function createAll(
  world: World,
  taskByRun: Readonly<Record<string, NewTask>>,
  parts: Partial<Parameters<World["create"]>[0]> = {},
): void {
  for (const [runId, task] of Object.entries(taskByRun)) {
    world.nowMs += 1;
    world.create({ runId, task, ...parts });
  }
}

/** What sessions are given for their credits, as `session: run`, with devices if there are any. */
export function give(world: World, credits: Readonly<Record<string, number>>, limit = 100) {
  const sessions = Object.entries(credits).map(([sessionId, credit]) => ({ sessionId, credit }));
  const answer = world.must<"assign">({ kind: "assign", sessions, limit, acceptTimeoutMs });
  const given = answer.assignments.map(({ sessionId, assignment: { attempt, deviceIndexes } }) => {
    const run = attempt.run.replace("default/", "");
    return `${sessionId}: ${run}${deviceIndexes.length === 0 ? "" : ` on ${deviceIndexes.join(" and ")}`}`;
  });
  const { emptyQueues, blockedQueues, againMs } = answer;
  return { given, emptyQueues, blockedQueues, againMs };
}

/** Sets a limit: of the op `work`, of one at a time, unless said. */
export function setLimit(
  world: World,
  parts: Partial<LimitContent> = {},
  name = "limit",
  namespace = "default",
) {
  const content: LimitContent = {
    scope: { kind: "op", op: "work" },
    concurrentMax: 1,
    rate: undefined,
    shareWeight: 1,
    ...parts,
  };
  return world.do<"setLimit">({ kind: "setLimit", request: noRequest, namespace, name, content });
}

/** Deletes a limit. */
export function deleteLimit(world: World, name = "limit", namespace = "default") {
  return world.do<"deleteLimit">({ kind: "deleteLimit", request: noRequest, namespace, name });
}
