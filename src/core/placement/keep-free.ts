import { passedOverMsMax } from "../../limits.ts";
import type { Action } from "../action.ts";
import type { Draft } from "../draft.ts";
import { namespaceOf } from "../name.ts";
import type { Session } from "../session.ts";
import { couldHold, placeNow } from "./fit.ts";
import { demandIn, type Line } from "./line.ts";
import { shareMissing, shortfallOf } from "./shortfall.ts";
import type { Taker } from "./taker.ts";

/**
 * How many workers are kept free for a queued task that fits nowhere at the moment: none at first, then one
 * more each time it has been queued for another `passedOverMsMax`.
 *
 * The bound on starvation that follows: let a task be the first of its line, under no full limit, and queued
 * for k times `passedOverMsMax`. Of the workers that could hold it if they held nothing and have not enough
 * free for it, the k that miss the least (ties by session) take nothing that comes behind it (see
 * `comesBefore`) and would have them miss more of anything it asks for. So it starts at the latest when what
 * one of them held by then has ended, together with what comes before it; and in the end, when that holds for
 * any of all workers that could hold it. At most `keptFreeTasksMax` tasks have workers kept free at a time,
 * those that come first.
 */
export function keptCount(action: Action, nowMs: number): number {
  return Math.floor((nowMs - (action.queueTimeMs ?? nowMs)) / passedOverMsMax);
}

/** Keeps workers free for the first task of a line, which fits nowhere at the moment. */
export function keepFree(
  draft: Draft,
  { line, head, takerById }: {
    readonly line: Line;
    readonly head: Action;
    readonly takerById: ReadonlyMap<string, Taker>;
  },
): void {
  const demand = demandIn(head);
  if (demand === undefined) return;
  const near: { readonly id: string; readonly missing: number }[] = [];
  for (const session of draft.sessions()) {
    if (session.state !== "ATTACHED" || !announces(session, head, line.op)) continue;
    if (!couldHold(demand, session)) continue;
    const reserved = takerById.get(session.id)?.reserved ?? session.reserved;
    const place = { capacity: session.capacity, reserved };
    if (placeNow(demand, place) !== undefined) continue;
    near.push({ id: session.id, missing: shareMissing(demand, shortfallOf(demand, place)) });
  }
  near.sort((one, other) => one.missing - other.missing || (one.id < other.id ? -1 : 1));
  for (const { id } of near.slice(0, keptCount(head, draft.nowMs))) {
    takerById.get(id)?.waiting.push({ action: head, demand });
  }
}

function announces(session: Session, action: Action, op: string): boolean {
  const namespace = namespaceOf(action.run);
  if (session.namespace !== namespace && !session.sharedNamespaces.includes(namespace)) return false;
  return session.ops.includes(op);
}
