import { asidePerAssignMax, heldBackLookMs, parkedLookMs } from "../../limits.ts";
import type { Action } from "../action.ts";
import { acceptDueMs, findInputs, goOn } from "../actions/ready.ts";
import { settle } from "../actions/settle.ts";
import type { Answers, Assignment } from "../answer.ts";
import type { Decision } from "../change.ts";
import type { CommandOf } from "../command.ts";
import type { Draft } from "../draft.ts";
import type { Full } from "../limits/places.ts";
import { nextStartMs } from "../limits/rate.ts";
import { letGoMs, park } from "../limits/unpark.ts";
import { isKept, keepFree, keepFreeAhead, mayKeepFree } from "../placement/keep-free.ts";
import { demandIn, findSpot, isUsedUp, type Line, type Spot } from "../placement/line.ts";
import { askAgain, newRound, nextLine, type Round, splitSessions } from "../placement/round.ts";
import { charge } from "../placement/taker.ts";
import type { Values } from "../value.ts";
import { referenceTo } from "./fence.ts";

type Assigned = Answers["assign"]["assignments"][number];

/**
 * Gives queued tasks to sessions that permit it, each whole to one that can hold it: of the namespace that
 * holds the least of shared workers for its weight first, then the highest priority, then the oldest, over
 * all ops that the sessions announce. What does not fit is passed over, not for ever (see `keptCount`); what
 * falls under a full limit waits for that. What it gives is leased and durable when this command is, and sent
 * only then.
 */
export function assign(draft: Draft, command: CommandOf<"assign">): Decision<"assign"> {
  const { takers, closedSessions } = splitSessions(draft, command);
  const round = newRound(draft, takers, command);
  const assignments: Assigned[] = [];
  if (command.limit > 0) keepFreeAhead(round);
  while (assignments.length < command.limit && round.credit > 0 && round.asideCount < asidePerAssignMax) {
    const next = nextLine(round);
    if (next === undefined) break;
    const spot = spotFor(round, next.line, next.head);
    if (spot === undefined) continue;
    next.line.nextIndex += 1;
    const assigned = lease(round, next.head, { spot, acceptTimeoutMs: command.acceptTimeoutMs });
    if (assigned === undefined) round.asideCount += 1;
    else assignments.push(assigned);
  }
  settle(draft);
  const isCutShort = assignments.length === command.limit && command.limit > 0;
  const left = whatIsLeft(round, { isCutShort, isProgress: assignments.length > 0 });
  return draft.accept<"assign">({ assignments, ...left, closedSessions });
}

/** Where the first task of a line goes. Undefined if it stays: parked, or with all that is behind it. */
function spotFor(round: Round, line: Line, head: Action): Spot | undefined {
  const { draft, places } = round;
  const fullForQueue = places.fullForQueue(line.namespace, line.op);
  if (fullForQueue !== undefined) {
    line.isBlocked = true;
    const nextMs = nextStartMs(fullForQueue.counter, fullForQueue.limit);
    if (nextMs > draft.nowMs) askAgain(round, Math.ceil(nextMs));
    return undefined;
  }
  const { spot, isHeldBack } = findSpot(line, head, (found) => isKept(round, head, found));
  if (spot === undefined && (isHeldBack || isCreditUsedUp(line) || !mayKeepFree(round, line, head))) {
    line.isBlocked = true;
    if (isHeldBack) askAgain(round, draft.nowMs + heldBackLookMs);
    return undefined;
  }
  const full = places.fullForLabels(head);
  if (full !== undefined) stepAside(round, line, head, full);
  else if (spot === undefined) {
    line.isBlocked = true;
    keepFree(round, line, head);
  }
  return full === undefined ? spot : undefined;
}

function isCreditUsedUp({ takers }: Pick<Line, "takers">): boolean {
  return takers.every(({ credit }) => credit === 0);
}

/** A label's limit is full: the task makes way for those behind it. */
function stepAside(round: Round, line: Line, head: Action, full: Full): void {
  if (full.counter.dueMs === letGoMs) {
    line.isBlocked = true;
    askAgain(round, round.draft.nowMs + parkedLookMs);
    return;
  }
  park(round.draft, head, full);
  line.nextIndex += 1;
  round.asideCount += 1;
}

/** What becomes of the queues that were looked at; see the answer. One with work and no credit is in none. */
function whatIsLeft(
  round: Round,
  { isCutShort, isProgress }: { readonly isCutShort: boolean; readonly isProgress: boolean },
): Pick<Answers["assign"], "emptyQueues" | "blockedQueues" | "againMs"> {
  const linesByQueue = new Map<string, Line[]>();
  for (const line of [...round.linesByNamespace.values()].flat()) {
    const others = linesByQueue.get(line.queue);
    if (others === undefined) linesByQueue.set(line.queue, [line]);
    else others.push(line);
  }
  const emptyQueues: string[] = [];
  const blockedQueues: string[] = [];
  for (const [queue, takers] of round.takersByQueue) {
    const lines = linesByQueue.get(queue) ?? [];
    const isSeen = !round.unseenQueues.has(queue);
    if (isSeen && lines.every(isUsedUp)) emptyQueues.push(queue);
    else if (isCutShort || isCreditUsedUp({ takers })) continue;
    else if (isSeen && lines.every((line) => line.isBlocked || isUsedUp(line))) blockedQueues.push(queue);
    else if (!isProgress) {
      // More than one command looks at: nobody else would ask for the rest.
      blockedQueues.push(queue);
      askAgain(round, round.draft.nowMs + (round.asideCount > 0 ? 0 : parkedLookMs));
    }
  }
  return { emptyQueues, blockedQueues, againMs: round.againMs };
}

/** Leases a task to a session; undefined if what it was to start with is open again: it waits for that. */
function lease(
  round: Round,
  queued: Action,
  { spot, acceptTimeoutMs }: { readonly spot: Spot; readonly acceptTimeoutMs: number },
): Assigned | undefined {
  const { draft, places } = round;
  const found = findInputs(draft, queued);
  if ("next" in found) {
    if (found.next.end === undefined) {
      draft.emit(draft.runOf(queued), queued, { kind: "action_returned", cause: found.cause });
    }
    goOn(draft, queued, { next: found.next, isNew: false });
    return undefined;
  }
  const { session } = spot.taker;
  const { deviceIndexes } = spot;
  const dueMs = acceptDueMs(queued, draft.nowMs, acceptTimeoutMs);
  const action = draft.setAction({
    ...queued,
    state: "ASSIGNED",
    attempt: queued.attempt + 1,
    epoch: Math.max(queued.epoch, draft.before.epochBase()) + 1,
    sessionId: session.id,
    deviceIndexes,
    holds: places.take(queued, { isShared: session.sharedNamespaces.length > 0 }),
    attemptInputs: hasReferences(queued) ? found.inputs : undefined,
    workerId: session.workerId,
    reportSequence: 0,
    assignTimeMs: draft.nowMs,
    startTimeMs: undefined,
    beatTimeMs: undefined,
    progressPercent: 0,
    progressMessage: "",
    dueMs,
  });
  charge(spot.taker, demandIn(action), deviceIndexes);
  round.credit -= 1;
  const { workerId } = session;
  const { epoch } = action;
  draft.emit(draft.runOf(action), action, { kind: "action_assigned", workerId, epoch, deviceIndexes });
  draft.affect({ kind: "due", atMs: dueMs });
  return { sessionId: session.id, assignment: assignmentOf(draft, action, found.inputs) };
}

function assignmentOf(draft: Draft, action: Action, inputs: Values): Assignment {
  const spec = action.spec.kind === "task" ? action.spec : undefined;
  return {
    attempt: referenceTo(action),
    op: spec?.op ?? "",
    opVersion: spec?.opVersion ?? 0,
    inputs,
    runLabels: draft.runOf(action).labels,
    startToEndMs: spec?.timeouts.startToEndMs,
    heartbeatMs: spec?.timeouts.heartbeatMs,
    image: spec?.image ?? "",
    handler: spec?.handler ?? "",
    resources: spec?.demand?.resources,
    deviceIndexes: action.deviceIndexes,
  };
}

/** True if what a task starts with is not just what was stated. */
function hasReferences({ spec }: Action): boolean {
  if (spec.kind !== "task") return false;
  for (const name in spec.inputs) if ("reference" in (spec.inputs[name] ?? {})) return true;
  return false;
}
