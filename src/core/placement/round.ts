import { lineReadFirst, linesPerAssignMax } from "../../limits.ts";
import type { Action } from "../action.ts";
import type { CommandOf } from "../command.ts";
import type { Draft } from "../draft.ts";
import { Places } from "../limits/places.ts";
import type { Session } from "../session.ts";
import type { Waiting } from "./keep-free.ts";
import { headOf, type Line, newLine, type Takers } from "./line.ts";
import { type Room, roomOf } from "./room.ts";
import { comesBefore, newTaker, queuesOf, type Taker } from "./taker.ts";

/** What one assigning command works with: who takes, and what there is to take. */
export interface Round {
  readonly draft: Draft;
  readonly places: Places;
  readonly takerById: ReadonlyMap<string, Taker>;
  readonly takersByQueue: ReadonlyMap<string, readonly Taker[]>;
  /** The lines of each namespace. */
  readonly linesByNamespace: ReadonlyMap<string, readonly Line[]>;
  /** Queues with lines that this round does not look at: there are too many. */
  readonly unseenQueues: ReadonlySet<string>;
  /** Tasks that have workers kept free for them. */
  readonly waiting: Waiting[];
  /** Every session, once somebody asked. */
  sessions: readonly Session[] | undefined;
  /** What is left of the credit of all. */
  credit: number;
  /** Tasks that have left the queue and went to nobody: parked, or not able to start. */
  asideCount: number;
  /** When to ask again for what is blocked. */
  againMs: number | undefined;
}

/** A round for some sessions with credit, before anything is assigned. */
export function newRound(draft: Draft, takers: readonly Taker[], { limit }: CommandOf<"assign">): Round {
  const takersByQueue = groupByQueue(takers);
  const { linesByNamespace, unseenQueues } = findLines(draft, takersByQueue, limit);
  return {
    draft,
    places: new Places(draft),
    takerById: new Map(takers.map((taker) => [taker.session.id, taker])),
    takersByQueue,
    linesByNamespace,
    unseenQueues,
    waiting: [],
    sessions: undefined,
    credit: creditOf(takers),
    asideCount: 0,
    againMs: undefined,
  };
}

/** The sessions of a command that take work, and those that no longer do. */
export function splitSessions(
  draft: Draft,
  { sessions }: CommandOf<"assign">,
): { readonly takers: readonly Taker[]; readonly closedSessions: readonly string[] } {
  const takers: Taker[] = [];
  const closedSessions: string[] = [];
  for (const { sessionId, credit } of sessions) {
    const session = draft.session(sessionId);
    if (session === undefined || session.state !== "ATTACHED") closedSessions.push(sessionId);
    else if (credit > 0) takers.push(newTaker(session, credit));
  }
  return { takers, closedSessions };
}

/**
 * The line whose turn it is, with its first task: of the namespace that holds the least of shared workers for
 * its weight, and in it by priority and age.
 */
export function nextLine({
  draft,
  places,
  linesByNamespace,
}: Round): { line: Line; head: Action } | undefined {
  let first: { line: Line; head: Action } | undefined;
  let firstShare = Number.POSITIVE_INFINITY;
  for (const [namespace, lines] of linesByNamespace) {
    const share = linesByNamespace.size === 1 ? 0 : places.shareOf(namespace);
    if (share > firstShare) continue;
    const found = firstOf(draft, lines);
    if (found === undefined) continue;
    if (first !== undefined && share === firstShare && !comesBefore(found.head, first.head)) continue;
    first = found;
    firstShare = share;
  }
  return first;
}

/** When to ask again at the latest. */
export function askAgain(round: Round, atMs: number): void {
  round.againMs = Math.min(round.againMs ?? atMs, Math.max(atMs, round.draft.nowMs));
}

function firstOf(draft: Draft, lines: readonly Line[]): { line: Line; head: Action } | undefined {
  let first: { line: Line; head: Action } | undefined;
  for (const line of lines) {
    if (line.isBlocked) continue;
    const head = headOf(draft, line);
    if (head === undefined || (first !== undefined && !comesBefore(head, first.head))) continue;
    first = { line, head };
  }
  return first;
}

function groupByQueue(takers: readonly Taker[]): ReadonlyMap<string, readonly Taker[]> {
  const takersByQueue = new Map<string, Taker[]>();
  for (const taker of takers) {
    for (const queue of queuesOf(taker.session)) {
      const others = takersByQueue.get(queue);
      if (others === undefined) takersByQueue.set(queue, [taker]);
      else others.push(taker);
    }
  }
  return takersByQueue;
}

/** The lines of all queues; of too many, some that chance picks: in the course of time all get a turn. */
function findLines(
  draft: Draft,
  takersByQueue: ReadonlyMap<string, readonly Taker[]>,
  limit: number,
): Pick<Round, "linesByNamespace" | "unseenQueues"> {
  const found: { readonly queue: string; readonly shape: string }[] = [];
  for (const queue of takersByQueue.keys()) {
    const { namespace, op } = partsOf(queue);
    for (const shape of draft.before.queuedShapes(namespace, op)) found.push({ queue, shape });
  }
  const start = found.length > linesPerAssignMax ? Math.floor(draft.chance * found.length) : 0;
  const inTurn = start === 0 ? found : [...found.slice(start), ...found.slice(0, start)];
  const linesByNamespace = new Map<string, Line[]>();
  const sharedByQueue = new Map<string, Takers>();
  const takersOf = (queue: string): Takers => {
    const shared = sharedByQueue.get(queue) ?? measured(takersByQueue.get(queue) ?? []);
    sharedByQueue.set(queue, shared);
    return shared;
  };
  for (const { queue, shape } of inTurn.slice(0, linesPerAssignMax)) {
    const { namespace, op } = partsOf(queue);
    const { takers, room } = takersOf(queue);
    const wanted = Math.min(limit, creditOf(takers));
    const readCount = found.length === 1 ? wanted : Math.min(wanted, lineReadFirst);
    const line = newLine(draft, { namespace, op, shape }, { takers, room, readCount });
    const others = linesByNamespace.get(namespace);
    if (others === undefined) linesByNamespace.set(namespace, [line]);
    else others.push(line);
  }
  const unseenQueues = new Set(inTurn.slice(linesPerAssignMax).map(({ queue }) => queue));
  return { linesByNamespace, unseenQueues };
}

/** Some takers, whose room is measured when somebody asks for it first. */
function measured(takers: readonly Taker[]): Takers {
  let known: Room | undefined;
  const room = () => {
    known ??= roomOf(takers);
    return known;
  };
  return { takers, room };
}

function partsOf(queue: string): { readonly namespace: string; readonly op: string } {
  const slash = queue.indexOf("/");
  return { namespace: queue.slice(0, slash), op: queue.slice(slash + 1) };
}

function creditOf(takers: readonly Taker[]): number {
  let credit = 0;
  for (const taker of takers) credit += taker.credit;
  return credit;
}
