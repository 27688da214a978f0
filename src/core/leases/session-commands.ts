import type { Action } from "../action.ts";
import { graceEndMs, runningDueMs, silenceEndMs } from "../actions/deadline.ts";
import { settle } from "../actions/settle.ts";
import type { Answers, CancelledAttempt } from "../answer.ts";
import type { Decision } from "../change.ts";
import type { CommandOf } from "../command.ts";
import type { Draft } from "../draft.ts";
import { type Capacity, type Device, nothingReserved } from "../placement/demand.ts";
import { refuse } from "../refusal.ts";
import { answer, repeated } from "../runs/requests.ts";
import type { Session } from "../session.ts";
import type { AttemptReference } from "../stated.ts";
import { releaseHeld, startAttempt } from "./attempt.ts";
import { fenced } from "./fence.ts";

/**
 * Opens a session. What the worker still runs under a current lease it keeps; what an earlier session of the
 * same process held and it no longer runs is released; another process of the same name loses its place.
 */
export function attach(draft: Draft, command: CommandOf<"attach">): Decision<"attach"> {
  const { namespace, workerId, incarnation, ops, labels, leaseMs } = command;
  const earlier = draft.sessionOf(namespace, workerId);
  const isDraining = earlier?.incarnation === incarnation && earlier.isDraining;
  const session: Session = {
    id: command.newSessionId,
    namespace,
    workerId,
    incarnation,
    ops,
    labels,
    capacity: withEachDeviceOnce(command.capacity),
    taints: command.taints,
    sharedNamespaces: command.sharedNamespaces,
    reserved: nothingReserved,
    state: isDraining ? "DRAINING" : "ATTACHED",
    isDraining,
    attachTimeMs: draft.nowMs,
    leaseEndMs: draft.nowMs + leaseMs,
  };
  const inventory = takeInventory(draft, command.running, { earlier, session });
  if (earlier !== undefined) replace(draft, earlier, incarnation);
  draft.setSession(session);
  const keptCount = inventory.keep.length;
  draft.emitFor(namespace, { kind: "worker_attached", workerId, sessionId: session.id, ops, keptCount });
  draft.affect({ kind: "due", atMs: session.leaseEndMs });
  if (isDraining) draft.affect({ kind: "drain", sessionId: session.id });
  settle(draft);
  return draft.accept<"attach">({ session, ...inventory });
}

/** A device that is announced twice could be given twice. */
function withEachDeviceOnce(capacity: Capacity): Capacity {
  const deviceByIndex = new Map<number, Device>();
  for (const device of capacity.devices) {
    if (!deviceByIndex.has(device.index)) deviceByIndex.set(device.index, device);
  }
  return { ...capacity, devices: [...deviceByIndex.values()] };
}

/** What becomes of the attempts that a worker says it runs: kept if the session that it had holds them. */
function takeInventory(
  draft: Draft,
  running: readonly AttemptReference[],
  { earlier, session }: { readonly earlier: Session | undefined; readonly session: Session },
): Omit<Answers["attach"], "session"> {
  const keep: AttemptReference[] = [];
  const drop: AttemptReference[] = [];
  const cancelled: CancelledAttempt[] = [];
  for (const attempt of running) {
    const found = fenced(draft, attempt);
    const holder = "action" in found ? found.action.sessionId : undefined;
    // Named twice.
    if (holder === session.id) continue;
    if ("refusal" in found || holder !== earlier?.id || earlier?.incarnation !== session.incarnation) {
      drop.push(attempt);
      continue;
    }
    const kept = keepAttempt(draft, { ...found.action, sessionId: session.id });
    keep.push(attempt);
    if (kept.cancelTimeMs === undefined) continue;
    const graceMs = Math.max(0, (graceEndMs(kept) ?? draft.nowMs) - draft.nowMs);
    cancelled.push({ attempt, graceMs, cause: kept.cancelCause });
  }
  return { keep, drop, cancelled };
}

/** The worker runs it: that is a sign of life, and stands for an accept that was lost. */
function keepAttempt(draft: Draft, held: Action): Action {
  if (held.state === "ASSIGNED") return startAttempt(draft, held);
  const beating = { ...held, beatTimeMs: draft.nowMs };
  const kept = draft.setAction({ ...beating, dueMs: runningDueMs(beating) });
  if (kept.dueMs !== undefined) draft.affect({ kind: "due", atMs: kept.dueMs });
  return kept;
}

/** The earlier session of a worker gives way to a later one. */
function replace(draft: Draft, earlier: Session, incarnation: string): void {
  const isSameProcess = earlier.incarnation === incarnation;
  const cause = isSameProcess
    ? "the worker attached again and no longer runs it"
    : "another process took the worker's place";
  for (const held of draft.heldBy(earlier.id)) releaseHeld(draft, held, cause);
  draft.removeSession(earlier.id);
  const { workerId, id: sessionId } = earlier;
  if (!isSameProcess) {
    draft.emitFor(earlier.namespace, { kind: "worker_left", workerId, sessionId, cause: "superseded" });
  }
  draft.affect({ kind: "gone", sessionId, cause: isSameProcess ? "attached again" : "superseded" });
}

/** Moves a session's lease on. */
export function pulse(draft: Draft, command: CommandOf<"pulse">): Decision<"pulse"> {
  const session = draft.session(command.sessionId);
  if (session === undefined) return refuse({ reason: "SESSION_GONE", sessionId: command.sessionId });
  const pulsed = { ...session, leaseEndMs: draft.nowMs + command.leaseMs };
  draft.setSession(pulsed);
  return draft.accept<"pulse">({ session: pulsed });
}

/** The stream of a session is gone; its lease runs on. */
export function detach(draft: Draft, command: CommandOf<"detach">): Decision<"detach"> {
  const session = draft.session(command.sessionId);
  if (session !== undefined) draft.setSession({ ...session, state: "DETACHED" });
  return draft.accept<"detach">({});
}

/** A session says goodbye: what it still holds is given back at once. */
export function leave(draft: Draft, command: CommandOf<"leave">): Decision<"leave"> {
  const session = draft.session(command.sessionId);
  const release = (held: Action) => releaseHeld(draft, held, "its worker left");
  if (session !== undefined) removeSession(draft, session, { cause: "left", release });
  settle(draft);
  return draft.accept<"leave">({});
}

/** A worker wants no more work. */
export function drain(draft: Draft, command: CommandOf<"drain">): Decision<"drain"> {
  const session = draft.session(command.sessionId);
  if (session === undefined) return refuse({ reason: "SESSION_GONE", sessionId: command.sessionId });
  drainSession(draft, session);
  return draft.accept<"drain">({});
}

/** An operator wants a worker to take no more work. */
export function drainWorker(draft: Draft, command: CommandOf<"drainWorker">): Decision<"drainWorker"> {
  const scope = { namespace: command.namespace, kind: command.kind, request: command.request };
  const before = repeated(draft, scope);
  if (before !== undefined) return before;
  const session = draft.sessionOf(command.namespace, command.workerId);
  if (session === undefined) return refuse({ reason: "WORKER_NOT_FOUND", workerId: command.workerId });
  const drained = drainSession(draft, session);
  draft.affect({ kind: "drain", sessionId: session.id });
  return answer(draft, scope, { session: drained });
}

function drainSession(draft: Draft, session: Session): Session {
  if (session.isDraining) return session;
  const state = session.state === "ATTACHED" ? "DRAINING" : session.state;
  const draining: Session = { ...session, state, isDraining: true };
  draft.setSession(draining);
  draft.emitFor(session.namespace, { kind: "worker_draining", workerId: session.workerId });
  return draining;
}

/** A lease has run out: everything under it is released. Nothing happens if a pulse came in time. */
export function expireSession(draft: Draft, session: Session): void {
  if (session.leaseEndMs > draft.nowMs) {
    draft.affect({ kind: "due", atMs: session.leaseEndMs });
    return;
  }
  const release = (held: Action) => releaseHeld(draft, held, "the lease of its worker ran out");
  removeSession(draft, session, { cause: "lease expired", release });
  draft.affect({ kind: "gone", sessionId: session.id, cause: "lease expired" });
}

/** Ends a session for a cause; `release` is what becomes of each action that it holds. */
export function removeSession(
  draft: Draft,
  session: Session,
  { cause, release }: { readonly cause: string; readonly release: (held: Action) => void },
): void {
  for (const held of draft.heldBy(session.id)) release(held);
  draft.removeSession(session.id);
  const { workerId, id: sessionId } = session;
  draft.emitFor(session.namespace, { kind: "worker_left", workerId, sessionId, cause });
}

/**
 * A server has opened the store: no stream is open, and every worker gets a lease's time to attach again.
 * Until then nobody could accept or give a sign of life, so neither is held against it.
 */
export function boot(draft: Draft, command: CommandOf<"boot">): Decision<"boot"> {
  const sessions = draft.sessions();
  for (const session of sessions) {
    const leaseEndMs = Math.max(session.leaseEndMs, draft.nowMs + command.leaseMs);
    draft.setSession({ ...session, state: "DETACHED", leaseEndMs });
    draft.affect({ kind: "due", atMs: leaseEndMs });
    for (const held of draft.heldBy(session.id)) holdOn(draft, held, leaseEndMs);
  }
  return draft.accept<"boot">({ sessionCount: sessions.length });
}

function holdOn(draft: Draft, held: Action, untilMs: number): void {
  if (held.state === "ASSIGNED") {
    if (held.cancelTimeMs !== undefined) return;
    draft.setAction({ ...held, dueMs: Math.max(held.dueMs ?? untilMs, untilMs) });
  } else if (held.beatTimeMs !== undefined && silenceEndMs(held) !== undefined) {
    const beating = { ...held, beatTimeMs: Math.max(held.beatTimeMs, untilMs) };
    draft.setAction({ ...beating, dueMs: runningDueMs(beating) });
  }
}
