import { type Action, hasEnded } from "../../core/action.ts";
import { queueKey } from "../../core/command.ts";
import { termsOf } from "../../core/conditions/standing.ts";
import { namespaceOf } from "../../core/name.ts";
import { compareTexts, SortedSet } from "./sorted-set.ts";

/** What finds actions by something other than their names: queues, sessions, counters, ops and keys. */
export class ActionIndexes {
  /** By queue, then by shape. */
  readonly #queues = new Map<string, Map<string, SortedSet<Action>>>();
  readonly #parked = new Map<string, SortedSet<Action>>();
  readonly #held = new Map<string, SortedSet<Action>>();
  /** Tasks of registered ops that have not ended, by queue. */
  readonly #live = new Map<string, SortedSet<Action>>();
  /** Open conditions with a correlation key, by namespace and key. */
  readonly #keyed = new Map<string, SortedSet<Action>>();

  add(action: Action): void {
    const { parkedOn, sessionId } = action;
    const queue = queueOf(action);
    if (parkedOn !== undefined) entry(this.#parked, parkedOn, byQueueOrder).add(action);
    else if (action.state === "QUEUED") {
      const shapes = this.#queues.get(queue) ?? new Map<string, SortedSet<Action>>();
      this.#queues.set(queue, shapes);
      entry(shapes, shapeOf(action), byQueueOrder).add(action);
    }
    if (sessionId !== undefined) entry(this.#held, sessionId, byRunThenName).add(action);
    if (versionOf(action) > 0 && !hasEnded(action)) entry(this.#live, queue, byVersion).add(action);
    const place = keyedPlaceOf(action);
    if (place !== undefined) entry(this.#keyed, place, byRunThenName).add(action);
  }

  delete(action: Action): void {
    const queue = queueOf(action);
    if (action.parkedOn !== undefined) this.#parked.get(action.parkedOn)?.delete(action);
    else if (action.state === "QUEUED") this.#queues.get(queue)?.get(shapeOf(action))?.delete(action);
    if (action.sessionId !== undefined) this.#held.get(action.sessionId)?.delete(action);
    this.#live.get(queue)?.delete(action);
    const place = keyedPlaceOf(action);
    if (place !== undefined) this.#keyed.get(place)?.delete(action);
  }

  heldBy(sessionId: string, limit: number): readonly Action[] {
    return this.#held.get(sessionId)?.first(limit) ?? [];
  }

  /** All held actions, by session, run and name. */
  held(): readonly Action[] {
    const sessionIds = [...this.#held.keys()].sort(compareTexts);
    return sessionIds.flatMap((sessionId) => this.heldBy(sessionId, Number.POSITIVE_INFINITY));
  }

  shapes(namespace: string, op: string): readonly string[] {
    const shapes = [...(this.#queues.get(queueKey(namespace, op)) ?? [])];
    return shapes
      .filter(([, actions]) => actions.size > 0)
      .map(([shape]) => shape)
      .sort(compareTexts);
  }

  queued(queue: string, shape: string, limit: number): readonly Action[] {
    return this.#queues.get(queue)?.get(shape)?.first(limit) ?? [];
  }

  parked(counter: string, limit: number): readonly Action[] {
    return this.#parked.get(counter)?.first(limit) ?? [];
  }

  /** Open conditions with a correlation key, by run and name. */
  openByKey(namespace: string, correlationKey: string, limit: number): readonly Action[] {
    return this.#keyed.get(`${namespace}/${correlationKey}`)?.first(limit) ?? [];
  }

  /** How many queued actions of its op come before an action. */
  queuePlace(action: Action): number {
    const shapes = [...(this.#queues.get(queueOf(action))?.values() ?? [])];
    return shapes.reduce((count, actions) => count + actions.placeOf(action), 0);
  }

  /** The first task of an op (of a version, or of any for 0) that has not ended, by version, run and name. */
  liveTaskOf(namespace: string, op: string, version: number): Action | undefined {
    const live = this.#live.get(queueKey(namespace, op))?.first(Number.POSITIVE_INFINITY) ?? [];
    return live.find((action) => version === 0 || versionOf(action) === version);
  }
}

/** Orders actions by run, then by name. */
export function byRunThenName(one: Action, other: Action): number {
  return compareTexts(one.run, other.run) || compareTexts(one.name, other.name);
}

/** The order of a queue: the highest priority first, then the oldest, then by run and name. */
function byQueueOrder(one: Action, other: Action): number {
  return other.priority - one.priority || one.ageMs - other.ageMs || byRunThenName(one, other);
}

function byVersion(one: Action, other: Action): number {
  return versionOf(one) - versionOf(other) || byRunThenName(one, other);
}

function versionOf({ spec }: Action): number {
  return spec.kind === "task" ? spec.opVersion : 0;
}

function shapeOf({ spec }: Action): string {
  return spec.kind === "task" ? (spec.demand?.shape ?? "") : "";
}

function queueOf({ run, spec }: Action): string {
  return queueKey(namespaceOf(run), spec.kind === "task" ? spec.op : "");
}

/** Where an open condition with a correlation key stands. */
function keyedPlaceOf(action: Action): string | undefined {
  const { correlationKey } = termsOf(action);
  if (action.state !== "PAUSED" || correlationKey === "") return undefined;
  return `${namespaceOf(action.run)}/${correlationKey}`;
}

function entry(
  sets: Map<string, SortedSet<Action>>,
  key: string,
  compare: (one: Action, other: Action) => number,
): SortedSet<Action> {
  const known = sets.get(key);
  if (known !== undefined) return known;
  const set = new SortedSet(compare);
  sets.set(key, set);
  return set;
}
