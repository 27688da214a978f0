import { lineReadFirst } from "../../limits.ts";
import type { Action } from "../action.ts";
import { queueKey } from "../command.ts";
import type { Draft } from "../draft.ts";
import type { Demand } from "./demand.ts";
import { couldHold, placeNow } from "./fit.ts";
import { spareShare } from "./spare.ts";
import { isKeptFrom, type Taker } from "./taker.ts";

/**
 * The queued tasks of an op that ask for the same: only the first of them can be next, and what holds up the
 * first holds up all.
 */
export interface Line {
  readonly namespace: string;
  readonly op: string;
  readonly queue: string;
  readonly shape: string;
  /** Who announces its op. */
  readonly takers: readonly Taker[];
  /** How its tasks fit on each of them, as far as that was looked at. */
  readonly fits: Fit[];
  /** The first of its tasks as they were before this command, and how many were asked for. */
  queued: readonly Action[];
  askedCount: number;
  nextIndex: number;
  /** Nothing more of it is assigned by this command; what remains has to wait. */
  isBlocked: boolean;
}

/** How the tasks of a line fit on a session, when its reservations had a version. */
interface Fit {
  readonly version: number;
  /** What stays free, as `spareShare` has it; undefined if they do not fit, and will not in this command. */
  readonly spare: number | undefined;
}

/** A session for a task, and the devices it gets there. */
export interface Spot {
  readonly taker: Taker;
  readonly deviceIndexes: readonly number[];
}

/** A line of a queue before anything of it is assigned. `readMax` is how many can be assigned in all. */
export function newLine(
  draft: Draft,
  { namespace, op, shape }: Pick<Line, "namespace" | "op" | "shape">,
  { takers, readMax }: { readonly takers: readonly Taker[]; readonly readMax: number },
): Line {
  const queued = draft.queued(namespace, op, shape, readMax);
  return {
    namespace,
    op,
    queue: queueKey(namespace, op),
    shape,
    takers,
    fits: [],
    queued,
    askedCount: readMax,
    nextIndex: 0,
    isBlocked: false,
  };
}

/** The first task of a line that was not looked at yet; undefined if there is none. */
export function headOf(draft: Draft, line: Line): Action | undefined {
  if (line.nextIndex === line.queued.length && line.queued.length === line.askedCount) {
    line.askedCount = Math.max(lineReadFirst, line.askedCount * 2);
    line.queued = draft.queued(line.namespace, line.op, line.shape, line.askedCount);
  }
  return line.queued[line.nextIndex];
}

/** True if nothing is left of a line, as far as is known without reading on. */
export function isUsedUp(line: Line): boolean {
  return line.nextIndex === line.queued.length && line.queued.length < line.askedCount;
}

/** What a task asks for; undefined for nothing. */
export function demandIn(action: Action): Demand | undefined {
  return action.spec.kind === "task" ? action.spec.demand : undefined;
}

/**
 * Where the first task of a line goes: what asks for resources goes where the least stays free, so that room
 * for large ones stays whole; what asks for none, to the session with the most credit left. `held` tells that
 * it would have gone somewhere if that were not kept free for another.
 */
export function findSpot(line: Line, head: Action): { readonly spot?: Spot; readonly isHeldBack: boolean } {
  const demand = demandIn(head);
  let best: { readonly spot: Spot; readonly spare: number } | undefined;
  let isHeldBack = false;
  for (const [index, taker] of line.takers.entries()) {
    if (taker.credit === 0) continue;
    const spare = spareOn(line, index, demand);
    if (spare === undefined || (best !== undefined && !isBetter(taker, spare, best))) continue;
    const placed = placeNow(demand, { capacity: taker.session.capacity, reserved: taker.reserved });
    if (placed === undefined) continue;
    const { deviceIndexes } = placed;
    if (demand !== undefined && isKeptFrom(taker, head, { demand, deviceIndexes })) isHeldBack = true;
    else best = { spot: { taker, deviceIndexes }, spare };
  }
  return best === undefined ? { isHeldBack } : { spot: best.spot, isHeldBack };
}

function isBetter(
  taker: Taker,
  spare: number,
  best: { readonly spot: Spot; readonly spare: number },
): boolean {
  return spare < best.spare || (spare === best.spare && taker.credit > best.spot.taker.credit);
}

/** What stays free on a taker; what does not fit now never does in this command: nothing is given back in it. */
function spareOn(line: Line, index: number, demand: Demand | undefined): number | undefined {
  const taker = line.takers[index] as Taker;
  const known = line.fits[index];
  if (known !== undefined && (known.spare === undefined || known.version === taker.version)) {
    return known.spare;
  }
  const place = { capacity: taker.session.capacity, reserved: taker.reserved };
  const fits = placeNow(demand, place) !== undefined && (known !== undefined || couldHold(demand, taker.session));
  const spare = fits ? spareShare(demand, place) : undefined;
  line.fits[index] = { version: taker.version, spare };
  return spare;
}
