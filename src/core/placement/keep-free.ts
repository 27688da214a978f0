import { keptFreeTasksMax, passedOverMsMax } from "../../limits.ts";
import type { Action } from "../action.ts";
import type { Session } from "../session.ts";
import type { Demand } from "./demand.ts";
import { couldHold } from "./fit.ts";
import { demandIn, findSpot, headOf, type Line, type Spot } from "./line.ts";
import { reserve } from "./reserve.ts";
import type { Round } from "./round.ts";
import { isFurther, shareMissing } from "./shortfall.ts";
import { comesBefore } from "./taker.ts";

/** A task that fits nowhere at the moment and has workers kept free for it. */
export interface Waiting {
  readonly line: Line;
  readonly action: Action;
  readonly demand: Demand;
  /** The sessions that are kept free, by their ids; undefined until somebody else could go to one. */
  keptIds: ReadonlySet<string> | undefined;
}

/**
 * How many workers are kept free for a queued task that fits nowhere at the moment: none at first, then one
 * more each time it has been queued for another `passedOverMsMax`.
 *
 * The bound on starvation that follows: let a task be the first of its line, under no full limit, and queued
 * for k times `passedOverMsMax`. Of the workers that could hold it if they held nothing and have not enough
 * free for it, the k that miss the least (ties by session) take nothing that comes behind it (see
 * `comesBefore`) and would have them miss more of anything it asks for. So it starts at the latest when what
 * one of them held by then has ended, and what comes before it; and as time goes on, any of all the workers
 * that could hold it will do. At most `keptFreeTasksMax` tasks have workers kept free for them at a time,
 * those that come first; the next one's turn comes when one of them has started.
 */
export function keptCount(action: Action, nowMs: number): number {
  return Math.floor((nowMs - (action.queueTimeMs ?? nowMs)) / passedOverMsMax);
}

/** True if workers are to be kept free for the first task of a line, should it fit nowhere. */
export function mayKeepFree({ draft, waiting }: Round, line: Line, head: Action): boolean {
  if (demandIn(head) === undefined || keptCount(head, draft.nowMs) === 0) return false;
  return waiting.length < keptFreeTasksMax && waiting.every((one) => one.line !== line);
}

/** Keeps workers free for the first task of a line, which fits nowhere at the moment. */
export function keepFree({ waiting }: Round, line: Line, head: Action): void {
  const demand = demandIn(head);
  if (demand !== undefined) waiting.push({ line, action: head, demand, keptIds: undefined });
}

/** True if a spot is on a worker that is kept free for a task that comes first and would miss more there. */
export function isKept(round: Round, action: Action, { taker, deviceIndexes }: Spot): boolean {
  const demand = demandIn(action);
  if (round.waiting.length === 0 || demand === undefined) return false;
  const { session, reserved } = taker;
  const before = { capacity: session.capacity, reserved };
  const after = { capacity: session.capacity, reserved: reserve(reserved, demand, deviceIndexes) };
  return round.waiting.some((waiting) => {
    if (!comesBefore(waiting.action, action) || !isFurther(waiting.demand, before, after)) return false;
    waiting.keptIds ??= findKept(round, waiting);
    return waiting.keptIds.has(session.id);
  });
}

/** Those of the workers that could hold a task, and are too full, that miss the least. */
function findKept(round: Round, { line, action, demand }: Waiting): ReadonlySet<string> {
  round.sessions ??= round.draft.sessions();
  const near: { readonly id: string; readonly missing: number }[] = [];
  for (const session of round.sessions) {
    if (session.state !== "ATTACHED" || !takesFrom(session, line) || !couldHold(demand, session)) continue;
    const reserved = round.takerById.get(session.id)?.reserved ?? session.reserved;
    const missing = shareMissing(demand, { capacity: session.capacity, reserved });
    if (missing > 0) near.push({ id: session.id, missing });
  }
  near.sort((one, other) => one.missing - other.missing || (one.id < other.id ? -1 : 1));
  const count = keptCount(action, round.draft.nowMs);
  return new Set(near.slice(0, count).map(({ id }) => id));
}

/**
 * Keeps workers free before anything is assigned, the longest queued tasks first. Among several namespaces
 * that is needed: another one's turn may come first, and a task is not to be passed over by younger ones of
 * that one either.
 */
export function keepFreeAhead(round: Round): void {
  if (round.linesByNamespace.size < 2) return;
  const starving: { readonly line: Line; readonly head: Action }[] = [];
  for (const line of [...round.linesByNamespace.values()].flat()) {
    const head = headOf(round.draft, line);
    if (head !== undefined && mayKeepFree(round, line, head)) starving.push({ line, head });
  }
  starving.sort((one, other) => one.head.ageMs - other.head.ageMs);
  for (const { line, head } of starving) {
    if (!mayKeepFree(round, line, head)) return;
    const { spot, isHeldBack } = findSpot(line, head, (found) => isKept(round, head, found));
    if (spot !== undefined || isHeldBack) continue;
    const full = round.places.fullForQueue(line.namespace, line.op) ?? round.places.fullForLabels(head);
    if (full === undefined) keepFree(round, line, head);
  }
}

function takesFrom(session: Session, { namespace, op }: Line): boolean {
  if (session.namespace !== namespace && !session.sharedNamespaces.includes(namespace)) return false;
  return session.ops.includes(op);
}
