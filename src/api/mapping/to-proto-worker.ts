import type {
  Assignment as AssignmentMessage,
  AttachResponse,
  AttemptReference as AttemptReferenceMessage,
  CancelledAttempt as CancelledAttemptMessage,
  Worker as WorkerMessage,
} from "../../../gen/signalbox/v1/worker_service_pb.ts";
import type { Action } from "../../core/action.ts";
import type { Assignment, CancelledAttempt } from "../../core/answer.ts";
import { referenceTo } from "../../core/leases/fence.ts";
import { namespaceOf, runIdOf } from "../../core/name.ts";
import type { Session } from "../../core/session.ts";
import type { AttemptReference } from "../../core/stated.ts";
import { sessionStates } from "./enums.ts";
import { message } from "./message.ts";
import { toDuration, toTimestamp } from "./time.ts";
import { toCapacity, toReserved, toResources, toTaints } from "./to-proto-resource.ts";
import { toValues } from "./to-proto-value.ts";

/** A frame to a worker. */
export function toFrame(frame: AttachResponse["frame"]): AttachResponse {
  return { $typeName: "signalbox.v1.AttachResponse", frame };
}

/** An attempt under its lease, as a session in a namespace names it: its own goes without saying. */
export function toAttemptReference(
  { run, action, attempt, epoch }: AttemptReference,
  sessionNamespace: string,
): AttemptReferenceMessage {
  const runNamespace = namespaceOf(run);
  return {
    $typeName: "signalbox.v1.AttemptReference",
    runId: runIdOf(run),
    action,
    attempt,
    epoch: BigInt(epoch),
    namespace: runNamespace === sessionNamespace ? "" : runNamespace,
  };
}

/** One task to execute. */
export function toAssignment(assignment: Assignment, sessionNamespace: string): AssignmentMessage {
  return message<AssignmentMessage>({
    $typeName: "signalbox.v1.Assignment",
    attempt: toAttemptReference(assignment.attempt, sessionNamespace),
    op: assignment.op,
    opVersion: assignment.opVersion,
    inputs: toValues(assignment.inputs),
    runLabels: assignment.runLabels,
    startToEndTimeout: toDuration(assignment.startToEndMs),
    heartbeatTimeout: toDuration(assignment.heartbeatMs),
    image: assignment.image,
    handler: assignment.handler,
    resources: toResources(assignment.resources),
    deviceIndexes: [...assignment.deviceIndexes],
  });
}

/** One attempt that must end. */
export function toCancelledAttempt(
  { attempt, graceMs, cause }: CancelledAttempt,
  sessionNamespace: string,
): CancelledAttemptMessage {
  return message<CancelledAttemptMessage>({
    $typeName: "signalbox.v1.CancelledAttempt",
    attempt: toAttemptReference(attempt, sessionNamespace),
    grace: toDuration(graceMs),
    cause,
  });
}

/** What a worker has in use at the moment. */
export interface WorkerUse {
  readonly heldCount: number;
  readonly credit: number;
  /** The first of what it holds; empty where that is not told. */
  readonly held: readonly Action[];
}

/** A worker as the server knows it. */
export function toWorker(session: Session, { heldCount, credit, held }: WorkerUse): WorkerMessage {
  return message<WorkerMessage>({
    $typeName: "signalbox.v1.Worker",
    workerId: session.workerId,
    namespace: session.namespace,
    state: sessionStates.of[session.state],
    ops: [...session.ops],
    labels: session.labels,
    sessionId: session.id,
    attachTime: toTimestamp(session.attachTimeMs),
    leaseTime: toTimestamp(session.leaseEndMs),
    runningCount: heldCount,
    credit,
    capacity: toCapacity(session.capacity),
    reserved: toReserved(session.reserved),
    taints: toTaints(session.taints),
    sharedNamespaces: [...session.sharedNamespaces],
    running: held.map((action) => toAttemptReference(referenceTo(action), session.namespace)),
  });
}
