import type { Action } from "../action.ts";
import { acceptDueMs, findInputs, goOn } from "../actions/ready.ts";
import { settle } from "../actions/settle.ts";
import type { Decision } from "../change.ts";
import type { Answers, Assignment, CommandOf } from "../command.ts";
import { queueKey } from "../command.ts";
import type { Draft } from "../draft.ts";
import { namespaceOf } from "../name.ts";
import type { Session } from "../session.ts";
import { referenceTo } from "./fence.ts";

/** A session with the credit that is left of it. */
interface Taker {
  readonly session: Session;
  credit: number;
}

/**
 * Gives queued tasks to sessions that permit it: the highest priority first, then the oldest, over all ops
 * that the sessions announce; among sessions that could take a task, the one with the most credit left. What
 * it gives is leased and durable when this command is, and sent only then.
 */
export function assign(draft: Draft, command: CommandOf<"assign">): Decision<"assign"> {
  const takers: Taker[] = [];
  const closedSessions: string[] = [];
  for (const { sessionId, credit } of command.sessions) {
    const session = draft.session(sessionId);
    if (session === undefined || session.state !== "ATTACHED") closedSessions.push(sessionId);
    else if (credit > 0) takers.push({ session, credit });
  }
  const takersByQueue = groupByQueue(takers);
  const { candidates, emptyQueues } = findCandidates(draft, takersByQueue, command.limit);
  const assignments: Answers["assign"]["assignments"][number][] = [];
  const left = new Set<string>();
  for (const candidate of candidates) {
    const queue = queueOf(candidate);
    const taker = assignments.length < command.limit ? richest(takersByQueue.get(queue) ?? []) : undefined;
    if (taker === undefined) {
      left.add(queue);
      continue;
    }
    const assignment = lease(draft, candidate, taker.session, command.acceptTimeoutMs);
    if (assignment === undefined) continue;
    taker.credit -= 1;
    assignments.push({ sessionId: taker.session.id, assignment });
  }
  settle(draft);
  return draft.accept<"assign">({
    assignments,
    emptyQueues: emptyQueues.filter((queue) => !left.has(queue)),
    blockedQueues: [],
    againMs: undefined,
    closedSessions,
  });
}

function groupByQueue(takers: readonly Taker[]): ReadonlyMap<string, readonly Taker[]> {
  const takersByQueue = new Map<string, Taker[]>();
  for (const taker of takers) {
    for (const op of taker.session.ops) {
      const queue = queueKey(taker.session.namespace, op);
      const others = takersByQueue.get(queue);
      if (others === undefined) takersByQueue.set(queue, [taker]);
      else others.push(taker);
    }
  }
  return takersByQueue;
}

/** The first tasks over all queues, in the order in which they are to be given away. */
function findCandidates(
  draft: Draft,
  takersByQueue: ReadonlyMap<string, readonly Taker[]>,
  limit: number,
): { readonly candidates: readonly Action[]; readonly emptyQueues: readonly string[] } {
  const candidates: Action[] = [];
  const emptyQueues: string[] = [];
  for (const [queue, takers] of takersByQueue) {
    const slash = queue.indexOf("/");
    const credit = takers.reduce((sum, taker) => sum + taker.credit, 0);
    const wanted = Math.min(limit, credit);
    const queued = draft.queued(queue.slice(0, slash), queue.slice(slash + 1), "", wanted);
    if (queued.length < wanted) emptyQueues.push(queue);
    candidates.push(...queued);
  }
  if (takersByQueue.size > 1) candidates.sort(byPriorityThenAge);
  return { candidates, emptyQueues };
}

function byPriorityThenAge(one: Action, other: Action): number {
  if (one.priority !== other.priority) return other.priority - one.priority;
  if (one.ageMs !== other.ageMs) return one.ageMs - other.ageMs;
  if (one.run !== other.run) return one.run < other.run ? -1 : 1;
  return one.name < other.name ? -1 : 1;
}

function richest(takers: readonly Taker[]): Taker | undefined {
  let best: Taker | undefined;
  for (const taker of takers) if (taker.credit > (best?.credit ?? 0)) best = taker;
  return best;
}

function queueOf(action: Action): string {
  return queueKey(namespaceOf(action.run), action.spec.kind === "task" ? action.spec.op : "");
}

/** Leases a task to a session; undefined if what it was to start with is open again: it waits for that. */
function lease(
  draft: Draft,
  queued: Action,
  session: Session,
  acceptTimeoutMs: number,
): Assignment | undefined {
  const found = findInputs(draft, queued);
  if ("next" in found) {
    if (found.next.end === undefined) {
      draft.emit(draft.runOf(queued), queued, { kind: "action_returned", cause: found.cause });
    }
    goOn(draft, queued, { next: found.next, isNew: false });
    return undefined;
  }
  const dueMs = acceptDueMs(queued, draft.nowMs, acceptTimeoutMs);
  const action = draft.setAction({
    ...queued,
    state: "ASSIGNED",
    attempt: queued.attempt + 1,
    epoch: queued.epoch + 1,
    sessionId: session.id,
    workerId: session.workerId,
    reportSequence: 0,
    assignTimeMs: draft.nowMs,
    startTimeMs: undefined,
    beatTimeMs: undefined,
    progressPercent: 0,
    progressMessage: "",
    dueMs,
  });
  const run = draft.runOf(action);
  draft.emit(run, action, { kind: "action_assigned", workerId: session.workerId, epoch: action.epoch, deviceIndexes: [] });
  draft.affect({ kind: "due", atMs: dueMs });
  const spec = action.spec.kind === "task" ? action.spec : undefined;
  return {
    attempt: referenceTo(action),
    op: spec?.op ?? "",
    opVersion: spec?.opVersion ?? 0,
    inputs: found.inputs,
    runLabels: run.labels,
    startToEndMs: spec?.timeouts.startToEndMs,
    heartbeatMs: spec?.timeouts.heartbeatMs,
    image: spec?.image ?? "",
    handler: spec?.handler ?? "",
    resources: spec?.demand?.resources,
    deviceIndexes: action.deviceIndexes,
  };
}
