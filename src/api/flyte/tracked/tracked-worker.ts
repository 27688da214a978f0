import { randomUUID } from "node:crypto";
import type { Action } from "../../../core/action.ts";
import { referenceTo } from "../../../core/leases/fence.ts";
import { namespaceOf, type RunKey, runIdOf } from "../../../core/name.ts";
import type { Session } from "../../../core/session.ts";
import type { Engine } from "../../../engine/engine.ts";
import { assignmentsPerCommandMax } from "../../../limits.ts";
import { refused } from "../refused.ts";

/** 24 hours without a report until what is reported from elsewhere counts as lost. */
const leaseMs = 86_400_000;
/** 60 s to take up what was assigned: it is done at once. */
const acceptTimeoutMs = 60_000;
/** 1,000 actions of a run at work at once that are known again after the server was started anew. */
const heldMax = 1_000;

/** The op of the tasks of a run that happens elsewhere: no worker has it. */
export function trackedOp(run: RunKey): string {
  return `flyte-tracked/${runIdOf(run)}`;
}

/**
 * The server takes the place of the worker for a run that happens elsewhere: everything in it that is queued
 * is RUNNING then, for as long as somebody reports. Who runs it really is not asked for a sign of life.
 */
export async function takeUp(engine: Engine, run: RunKey): Promise<void> {
  const session = await sessionFor(engine, run);
  for (;;) {
    const sessions = [{ sessionId: session.id, credit: assignmentsPerCommandMax }];
    const limit = assignmentsPerCommandMax;
    const outcome = await engine.execute({ kind: "assign", sessions, limit, acceptTimeoutMs });
    if (!outcome.ok) throw refused(outcome.refusal);
    const attempts = outcome.answer.assignments.map(({ assignment }) => assignment.attempt);
    if (attempts.length === 0) return;
    await engine.execute({ kind: "accept", sessionId: session.id, attempts });
    if (attempts.length < limit) return;
  }
}

/** The server does nothing more for a run. */
export async function letGo(engine: Engine, run: RunKey): Promise<void> {
  const session = await engine.store.sessionOf(namespaceOf(run), workerOf(run));
  if (session === undefined) return;
  await engine.execute({ kind: "leave", sessionId: session.id, cause: "the run has ended" });
}

function workerOf(run: RunKey): string {
  return `tracked-${runIdOf(run)}`;
}

async function sessionFor(engine: Engine, run: RunKey): Promise<Session> {
  const namespace = namespaceOf(run);
  const workerId = workerOf(run);
  const known = await engine.store.sessionOf(namespace, workerId);
  if (known?.state === "ATTACHED") {
    const pulsed = await engine.execute({ kind: "pulse", sessionId: known.id, leaseMs });
    if (pulsed.ok) return pulsed.answer.session;
  }
  const held: readonly Action[] = known === undefined ? [] : await engine.store.listHeld(known.id, heldMax);
  const outcome = await engine.execute({
    kind: "attach",
    newSessionId: `s-${randomUUID()}`,
    namespace,
    workerId,
    incarnation: "tracked",
    ops: [trackedOp(run)],
    labels: {},
    capacity: { cpuMilli: undefined, ramMb: undefined, devices: [] },
    taints: [],
    sharedNamespaces: [],
    running: held.map(referenceTo),
    leaseMs,
  });
  if (!outcome.ok) throw refused(outcome.refusal);
  return outcome.answer.session;
}
