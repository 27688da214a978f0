import { type Action, isHeld } from "../../src/core/action.ts";
import { queueKey } from "../../src/core/command.ts";
import { isShare } from "../../src/core/limits/limit.ts";
import { areAllHeld } from "../../src/core/limits/limits-of.ts";
import { namespaceOf } from "../../src/core/name.ts";
import type { Reserved } from "../../src/core/placement/demand.ts";
import type { Session } from "../../src/core/session.ts";
import type { WorldState } from "./world-state.ts";

/** Everything about what is held, reserved, counted and parked that must never be, as sentences. */
export function brokenPlacement(state: WorldState): readonly string[] {
  const actions = state.allActions();
  return [
    ...state.sessions().flatMap((session) => brokenOfSession(session, state.heldBy(session.id))),
    ...brokenCounters(state, actions),
    ...actions.flatMap((action) => brokenOfParked(state, action)),
  ];
}

/** What the held actions of a session amount to. */
export function reservedBy(held: readonly Action[]): Reserved {
  let cpuMilli = 0;
  let ramMb = 0;
  const byIndex = new Map<number, { vramMb: number; actionCount: number; whole: boolean }>();
  for (const { spec, deviceIndexes } of held) {
    if (spec.kind !== "task" || spec.demand === undefined) continue;
    const { resources } = spec.demand;
    cpuMilli += resources.cpuMilli ?? 0;
    ramMb += resources.ramMb ?? 0;
    for (const index of deviceIndexes) {
      const known = byIndex.get(index) ?? { vramMb: 0, actionCount: 0, whole: false };
      byIndex.set(index, {
        vramMb: known.vramMb + (resources.vramMb ?? 0),
        actionCount: known.actionCount + 1,
        whole: known.whole || resources.vramMb === undefined,
      });
    }
  }
  const devices = [...byIndex].map(([index, device]) => ({ index, ...device }));
  return { cpuMilli, ramMb, devices: devices.sort((one, other) => one.index - other.index) };
}

function brokenOfSession(session: Session, held: readonly Action[]): readonly string[] {
  const actual = JSON.stringify(session.reserved, sorted);
  const expected = JSON.stringify(reservedBy(held), sorted);
  return actual === expected ? [] : [`${session.id} reserves ${actual}, and holds ${expected}`];
}

/** Names of parts in one order. */
function sorted(_name: string, value: unknown): unknown {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return value;
  return Object.fromEntries(Object.entries(value).sort(([one], [other]) => (one < other ? -1 : 1)));
}

function brokenCounters(state: WorldState, actions: readonly Action[]): readonly string[] {
  const wrong: string[] = [];
  const countByKey = new Map<string, number>();
  for (const action of actions) {
    if (!isHeld(action)) continue;
    if (new Set(action.holds).size !== action.holds.length) wrong.push(`${action.run} holds a place twice`);
    for (const key of action.holds) countByKey.set(key, (countByKey.get(key) ?? 0) + 1);
  }
  for (const [key, count] of countByKey) {
    const counted = state.counter(key)?.heldCount;
    if (counted !== count) wrong.push(`${key} counts ${counted}, and ${count} hold it`);
  }
  for (const { key, heldCount, dueMs, limit, namespace } of state.counters.values()) {
    if (heldCount !== (countByKey.get(key) ?? 0))
      wrong.push(`${key} counts ${heldCount}, and nobody holds it`);
    if (heldCount === 0 && dueMs === undefined) wrong.push(`${key} is left over`);
    const isKnown = state.limits(namespace).some(({ name }) => name === limit);
    if (!isShare({ limit }) && !isKnown && state.parked(key, 1).length === 0) {
      wrong.push(`${key} is of a limit that is gone`);
    }
  }
  return wrong;
}

function brokenOfParked(state: WorldState, action: Action): readonly string[] {
  const { parkedOn, run, name } = action;
  if (parkedOn === undefined) return [];
  if (action.state !== "QUEUED") return [`${run}/${name} is parked and ${action.state}`];
  const counter = state.counter(parkedOn);
  if (counter === undefined) return [`${run}/${name} is parked on a counter that is not there`];
  if (counter.dueMs !== undefined) return [];
  const limit = state.limits(counter.namespace).find((one) => one.name === counter.limit);
  const isLetOut = limit !== undefined && areAllHeld(counter, limit);
  return isLetOut ? [] : [`${run}/${name} is parked, and nobody lets it out`];
}

/** True if a session may take an action at all: its namespace, op, labels and taints. */
export function mayTake(session: Session, { run, spec }: Action): boolean {
  if (spec.kind !== "task" || session.state !== "ATTACHED") return false;
  const namespaces = [session.namespace, ...session.sharedNamespaces];
  const queues = namespaces.flatMap((namespace) => session.ops.map((op) => queueKey(namespace, op)));
  const { workerLabels = {}, tolerations = [] } = spec.demand?.placement ?? {};
  return (
    queues.includes(queueKey(namespaceOf(run), spec.op)) &&
    Object.entries(workerLabels).every(([name, value]) => session.labels[name] === value) &&
    session.taints.every((taint) =>
      tolerations.some(({ key, value }) => key === taint.key && (value === "" || value === taint.value)),
    )
  );
}

/** Why an action that a session was just assigned cannot be held by it whole, as sentences. */
export function brokenFit(session: Session, { spec, deviceIndexes, run }: Action): readonly string[] {
  if (spec.kind !== "task") return ["only tasks are assigned"];
  if (spec.demand === undefined) return deviceIndexes.length === 0 ? [] : [`${run} has devices for nothing`];
  const { cpuMilli, ramMb, vramMb, deviceCount, deviceIndex } = spec.demand.resources;
  const { capacity, reserved } = session;
  const wanted = deviceCount ?? (vramMb === undefined && deviceIndex === undefined ? 0 : 1);
  const wrong: string[] = [];
  const claim = (holds: boolean, sentence: string) => {
    if (!holds) wrong.push(`${run} on ${session.id} not: ${sentence}`);
  };
  claim(cpuMilli === undefined || reserved.cpuMilli <= (capacity.cpuMilli ?? -1), "within its cpu");
  claim(ramMb === undefined || reserved.ramMb <= (capacity.ramMb ?? -1), "within its memory");
  claim(deviceIndexes.length === wanted, "with as many devices as it asks for");
  claim(new Set(deviceIndexes).size === deviceIndexes.length, "with each device once");
  claim(deviceIndex === undefined || wanted === 0 || deviceIndexes[0] === deviceIndex, "with its device");
  for (const index of deviceIndexes) {
    const device = capacity.devices.find((one) => one.index === index);
    const taken = reserved.devices.find((one) => one.index === index);
    claim(device !== undefined && taken !== undefined, "with devices that are there");
    if (device === undefined || taken === undefined) continue;
    claim(taken.vramMb <= device.vramMb && device.vramMb >= (vramMb ?? 0), "within the memory of its device");
    claim(taken.whole === (vramMb === undefined), "with a whole device to itself");
    claim(!taken.whole || taken.actionCount === 1, "alone on a whole device");
  }
  return wrong;
}
