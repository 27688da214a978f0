import type {
  Assignment as AssignmentMessage,
  AttachResponse,
  AttemptReference as AttemptReferenceMessage,
  CancelledAttempt as CancelledAttemptMessage,
  Worker as WorkerMessage,
} from "../../../gen/signalbox/v1/worker_service_pb.ts";
import type { Assignment, AttemptReference, CancelledAttempt } from "../../core/command.ts";
import { runIdOf } from "../../core/name.ts";
import type { Session } from "../../core/session.ts";
import { sessionStates } from "./enums.ts";
import { message } from "./message.ts";
import { toDuration, toTimestamp } from "./time.ts";
import { toValues } from "./to-proto-value.ts";

/** A frame to a worker. */
export function toFrame(frame: AttachResponse["frame"]): AttachResponse {
  return { $typeName: "signalbox.v1.AttachResponse", frame };
}

/** An attempt under its lease; the namespace is the session's. */
export function toAttemptReference({
  run,
  action,
  attempt,
  epoch,
}: AttemptReference): AttemptReferenceMessage {
  const runId = runIdOf(run);
  return { $typeName: "signalbox.v1.AttemptReference", runId, action, attempt, epoch: BigInt(epoch) };
}

/** One task to execute. */
export function toAssignment(assignment: Assignment): AssignmentMessage {
  return message<AssignmentMessage>({
    $typeName: "signalbox.v1.Assignment",
    attempt: toAttemptReference(assignment.attempt),
    op: assignment.op,
    opVersion: assignment.opVersion,
    inputs: toValues(assignment.inputs),
    runLabels: assignment.runLabels,
    startToEndTimeout: toDuration(assignment.startToEndMs),
    heartbeatTimeout: toDuration(assignment.heartbeatMs),
  });
}

/** One attempt that must end. */
export function toCancelledAttempt({ attempt, graceMs, cause }: CancelledAttempt): CancelledAttemptMessage {
  return message<CancelledAttemptMessage>({
    $typeName: "signalbox.v1.CancelledAttempt",
    attempt: toAttemptReference(attempt),
    grace: toDuration(graceMs),
    cause,
  });
}

/** A worker as the server knows it. */
export function toWorker(
  session: Session,
  { heldCount, credit }: { readonly heldCount: number; readonly credit: number },
): WorkerMessage {
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
  });
}
