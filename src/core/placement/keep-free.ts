import { keptFreeTasksMax, passedOverMsMax } from "../../limits.ts";
import type { Action } from "../action.ts";
import { namespaceOf } from "../name.ts";
import type { Session } from "../session.ts";
import { couldHold, placeNow } from "./fit.ts";
import { demandIn, findSpot, headOf, type Line } from "./line.ts";
import type { Round } from "./round.ts";
import { shareMissing, shortfallOf } from "./shortfall.ts";

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
export function mayKeepFree({ draft, keptLines }: Round, line: Line, head: Action): boolean {
  if (demandIn(head) === undefined || keptLines.has(line) || keptLines.size >= keptFreeTasksMax) return false;
  return keptCount(head, draft.nowMs) > 0;
}

/** Keeps workers free for the first task of a line, which fits nowhere at the moment. */
export function keepFree(round: Round, line: Line, head: Action): void {
  const demand = demandIn(head);
  if (demand === undefined) return;
  round.keptLines.add(line);
  round.sessions ??= round.draft.sessions();
  const near: { readonly id: string; readonly missing: number }[] = [];
  for (const session of round.sessions) {
    if (session.state !== "ATTACHED" || !takesFrom(session, head, line.op)) continue;
    if (!couldHold(demand, session)) continue;
    const reserved = round.takerById.get(session.id)?.reserved ?? session.reserved;
    const place = { capacity: session.capacity, reserved };
    if (placeNow(demand, place) !== undefined) continue;
    near.push({ id: session.id, missing: shareMissing(demand, shortfallOf(demand, place)) });
  }
  near.sort((one, other) => one.missing - other.missing || (one.id < other.id ? -1 : 1));
  for (const { id } of near.slice(0, keptCount(head, round.draft.nowMs))) {
    round.takerById.get(id)?.waiting.push({ action: head, demand });
  }
}

/**
 * Keeps workers free before anything is assigned, the longest queued tasks first. Among several namespaces
 * that is needed: another one's turn may come first, and a task is not to be passed over by younger ones of
 * that one either.
 */
export function keepFreeAhead(round: Round): void {
  if (round.linesByNamespace.size < 2) return;
  const waiting: { readonly line: Line; readonly head: Action }[] = [];
  for (const line of [...round.linesByNamespace.values()].flat()) {
    const head = headOf(round.draft, line);
    if (head !== undefined && mayKeepFree(round, line, head)) waiting.push({ line, head });
  }
  waiting.sort((one, other) => one.head.ageMs - other.head.ageMs);
  for (const { line, head } of waiting) {
    if (!mayKeepFree(round, line, head)) return;
    const { spot, isHeldBack } = findSpot(line, head);
    if (spot !== undefined || isHeldBack) continue;
    const isLimited =
      round.places.fullForQueue(line.namespace, line.op) ?? round.places.fullForLabels(head);
    if (isLimited === undefined) keepFree(round, line, head);
  }
}

function takesFrom(session: Session, action: Action, op: string): boolean {
  const namespace = namespaceOf(action.run);
  if (session.namespace !== namespace && !session.sharedNamespaces.includes(namespace)) return false;
  return session.ops.includes(op);
}
