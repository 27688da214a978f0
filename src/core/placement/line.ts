import { lineReadFirst } from "../../limits.ts";
import type { Action } from "../action.ts";
import { queueKey } from "../command.ts";
import type { Draft } from "../draft.ts";
import type { Demand } from "./demand.ts";
import { couldHold, placeNow } from "./fit.ts";
import { mayFit, type Room } from "./room.ts";
import { spareShare } from "./spare.ts";
import type { Taker } from "./taker.ts";

/** Those who announce an op, for all of its lines. */
export interface Takers {
  readonly takers: readonly Taker[];
  /** What they have free at most; measured once. */
  readonly room: () => Room;
}

/**
 * The queued tasks of an op that ask for the same: only the first of them can be next, and what holds up the
 * first holds up all.
 */
export interface Line extends Takers {
  readonly namespace: string;
  readonly op: string;
  readonly queue: string;
  readonly shape: string;
  /** What stays free on each of the takers, as far as that was looked at; see `spareOn`. */
  readonly spares: number[];
  /** How often each of them had been charged by then. */
  readonly versions: number[];
  /** The first of its tasks as they were before this command, and how many were asked for. */
  queued: readonly Action[];
  askedCount: number;
  nextIndex: number;
  /** Nothing more of it is assigned by this command; what remains has to wait. */
  isBlocked: boolean;
}

/** A session for a task, and the devices it gets there. */
export interface Spot {
  readonly taker: Taker;
  readonly deviceIndexes: readonly number[];
}

/** A line of a queue before anything of it is assigned; so many of its tasks are read at first. */
export function newLine(
  draft: Draft,
  { namespace, op, shape }: Pick<Line, "namespace" | "op" | "shape">,
  { takers, room, readCount }: Takers & { readonly readCount: number },
): Line {
  return {
    namespace,
    op,
    queue: queueKey(namespace, op),
    shape,
    takers,
    room,
    spares: [],
    versions: [],
    queued: draft.queued(namespace, op, shape, readCount),
    askedCount: readCount,
    nextIndex: 0,
    isBlocked: false,
  };
}

/** The first task of a line that was not looked at yet; undefined if there is none. */
export function headOf(draft: Draft, line: Line): Action | undefined {
  if (line.nextIndex === line.queued.length && line.queued.length === line.askedCount) {
    line.askedCount = Math.max(lineReadFirst, line.askedCount * 4);
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
 * for large ones stays whole; what asks for none, to the session with the most credit left. `isKept` rules
 * out spots that are kept free for others; `isHeldBack` tells that it did.
 */
export function findSpot(
  line: Line,
  head: Action,
  isKept: (spot: Spot) => boolean,
): { readonly spot: Spot | undefined; readonly isHeldBack: boolean } {
  const demand = demandIn(head);
  let spot: Spot | undefined;
  let leastSpare = Number.POSITIVE_INFINITY;
  let isHeldBack = false;
  if (demand !== undefined && !mayFit(demand, line.room())) return { spot, isHeldBack };
  for (let index = 0; index < line.takers.length; index += 1) {
    const taker = line.takers[index] as Taker;
    if (taker.credit === 0) continue;
    const spare = spareOn(line, index, demand);
    if (spare === doesNotFit || spare > leastSpare) continue;
    if (spare === leastSpare && taker.credit <= (spot?.taker.credit ?? 0)) continue;
    const placed = placeNow(demand, { capacity: taker.session.capacity, reserved: taker.reserved });
    if (placed === undefined) continue;
    const found = { taker, deviceIndexes: placed.deviceIndexes };
    if (isKept(found)) isHeldBack = true;
    else {
      spot = found;
      leastSpare = spare;
    }
  }
  return { spot, isHeldBack };
}

/**
 * What stays free on a taker of what a demand asks for. What does not fit now never does in this command:
 * nothing is given back in it.
 */
function spareOn(line: Line, index: number, demand: Demand | undefined): number {
  const taker = line.takers[index] as Taker;
  const known = line.spares[index];
  if (known !== undefined && (known === doesNotFit || line.versions[index] === taker.version)) return known;
  const { session, reserved } = taker;
  const place = { capacity: session.capacity, reserved };
  const fits = placeNow(demand, place) !== undefined && (known !== undefined || couldHold(demand, session));
  const spare = fits ? spareShare(demand, place) : doesNotFit;
  line.spares[index] = spare;
  line.versions[index] = taker.version;
  return spare;
}

const doesNotFit = Number.POSITIVE_INFINITY;
