import type {
  ActionsAdded,
  AddActions,
  Attached,
  AttachResponse,
  AttemptReference as AttemptReferenceMessage,
  AttemptReport,
  ChildEnded,
  Declined,
  Leave,
  RecordedReport,
} from "../../../gen/signalbox/v1/worker_service_pb.ts";
import type { Action } from "../../core/action.ts";
import type { Answers } from "../../core/answer.ts";
import type { Session } from "../../core/session.ts";
import type { AttemptReference } from "../../core/stated.ts";
import { valuesSizeBytes } from "../../core/value.ts";
import type { EngineSettings } from "../../engine/engine.ts";
import type { Outgoing, Outlet } from "../../engine/sessions.ts";
import { childrenBytesMax } from "../../limits.ts";
import { message } from "../mapping/message.ts";
import { toDuration } from "../mapping/time.ts";
import { toAction } from "../mapping/to-proto-action.ts";
import { toAssignment, toAttemptReference, toCancelledAttempt } from "../mapping/to-proto-worker.ts";
import { actionSizeBytes } from "../pages.ts";
import type { Refusal } from "../refusals.ts";
import { toConnectError, toRefusalMessage } from "../status.ts";
import type { OutgoingQueue } from "./outgoing-queue.ts";

/** About how many bytes a reference to an attempt takes in a frame. */
const referenceBytes = 160;

/** What an outlet is made of. */
export interface StreamOutletOptions {
  readonly queue: OutgoingQueue;
  readonly session: Pick<Session, "id" | "namespace">;
  /** Called once the worker was told to leave: answers on their way are still sent, then the stream ends. */
  readonly onLeave: () => void;
}

/**
 * Everything that is said to one worker, as frames in its queue. A queue that is full ends the stream with
 * TOO_SLOW: the worker has stopped reading.
 */
export class StreamOutlet implements Outlet {
  readonly #queue: OutgoingQueue;
  readonly #session: Pick<Session, "id" | "namespace">;
  readonly #onLeave: () => void;
  #hasLeft = false;

  constructor({ queue, session, onLeave }: StreamOutletOptions) {
    this.#queue = queue;
    this.#session = session;
    this.#onLeave = onLeave;
  }

  send(outgoing: Outgoing): boolean {
    const { namespace } = this.#session;
    switch (outgoing.kind) {
      case "assign":
        return outgoing.assignments.every((assignment) => {
          const sizeBytes = referenceBytes + 200 + valuesSizeBytes(assignment.inputs);
          return this.#queue.pushItem(
            { case: "assign", item: toAssignment(assignment, namespace) },
            sizeBytes,
          );
        });
      case "cancel":
        return outgoing.cancelled.every((cancelled) => {
          const sizeBytes = referenceBytes + cancelled.cause.length;
          const item = toCancelledAttempt(cancelled, namespace);
          return this.#queue.pushItem({ case: "cancel", item }, sizeBytes);
        });
      case "childEnded":
        return this.#childEnded(outgoing.parent, outgoing.child);
      case "drain":
        return this.#queue.push({ case: "drain", value: { $typeName: "signalbox.v1.Drain" } }, 16);
      case "leave":
        return this.leave(outgoing.cause, outgoing.reconnectAfterMs);
      case "gone": {
        const isSent = this.#pushLeave(outgoing.cause, undefined);
        this.#queue.end(toConnectError({ reason: "SESSION_GONE", sessionId: this.#session.id }));
        return isSent;
      }
    }
  }

  end(): void {
    this.#queue.abort(toConnectError({ reason: "TOO_SLOW", ...this.#queue.reached }));
  }

  /** Sends the worker away, once; false if that does not fit either. */
  leave(cause: string, reconnectAfterMs: number): boolean {
    if (this.#hasLeft) return true;
    this.#hasLeft = true;
    const isSent = this.#pushLeave(cause, reconnectAfterMs);
    this.#onLeave();
    return isSent;
  }

  /** Says that the session is open, and which cancels its worker may have missed. */
  attached(answer: Answers["attach"], { leaseMs, pulseIntervalMs }: EngineSettings): void {
    const { session, keep, drop, cancelled } = answer;
    const value = message<Attached>({
      $typeName: "signalbox.v1.Attached",
      sessionId: session.id,
      lease: toDuration(leaseMs),
      pulseInterval: toDuration(pulseIntervalMs),
      keep: keep.map((attempt) => this.#name(attempt)),
      drop: drop.map((attempt) => this.#name(attempt)),
    });
    this.#answer({ case: "attached", value }, 200 + referenceBytes * (keep.length + drop.length));
    if (cancelled.length > 0 && !this.send({ kind: "cancel", cancelled })) this.end();
  }

  /** Says what became of reports, in their order; they are named as the worker named them. */
  recorded(reports: readonly AttemptReport[], refusals: readonly (Refusal | undefined)[]): void {
    reports.forEach(({ attempt, sequence }, index) => {
      const refusal = refusals[index];
      const item = message<RecordedReport>({
        $typeName: "signalbox.v1.RecordedReport",
        attempt,
        sequence,
        refusal: refusal === undefined ? undefined : toRefusalMessage(refusal),
      });
      const sizeBytes = referenceBytes + (refusal === undefined ? 0 : 400);
      if (!this.#queue.pushItem({ case: "recorded", item }, sizeBytes)) this.end();
    });
  }

  /** Says that something was understood and declined. */
  declined(refusal: Refusal, attempt: AttemptReference | undefined): void {
    const value = message<Declined>({
      $typeName: "signalbox.v1.Declined",
      attempt: attempt === undefined ? undefined : this.#name(attempt),
      refusal: toRefusalMessage(refusal),
    });
    this.#answer({ case: "declined", value }, referenceBytes + 400);
  }

  /**
   * Answers a call for children: with them, or with why there are none. Several that have ended may be more
   * than a frame holds: they are refused with LIMIT_REACHED, and the worker asks for each alone.
   */
  actionsAdded(call: Pick<AddActions, "callId" | "attempt">, asked: readonly Action[] | Refusal): void {
    const result = "reason" in asked ? asked : (tooLarge(asked) ?? asked);
    const isRefused = "reason" in result;
    const actions = isRefused ? [] : result;
    const value = message<ActionsAdded>({
      $typeName: "signalbox.v1.ActionsAdded",
      callId: call.callId,
      attempt: call.attempt,
      actions: actions.map(toAction),
      refusal: isRefused ? toRefusalMessage(result) : undefined,
    });
    const actionBytes = actions.reduce((total, action) => total + actionSizeBytes(action), 0);
    this.#answer({ case: "actionsAdded", value }, referenceBytes + actionBytes);
  }

  /** Says that the lease is renewed. */
  pulse(): void {
    this.#answer({ case: "pulse", value: { $typeName: "signalbox.v1.Pulse" } }, 16);
  }

  #childEnded(parent: AttemptReference, child: Action): boolean {
    const value = message<ChildEnded>({
      $typeName: "signalbox.v1.ChildEnded",
      attempt: this.#name(parent),
      action: toAction(child),
    });
    return this.#queue.push({ case: "childEnded", value }, referenceBytes + actionSizeBytes(child));
  }

  #name(attempt: AttemptReference): AttemptReferenceMessage {
    return toAttemptReference(attempt, this.#session.namespace);
  }

  #pushLeave(cause: string, reconnectAfterMs: number | undefined): boolean {
    const value = message<Leave>({
      $typeName: "signalbox.v1.Leave",
      cause,
      reconnectAfter: toDuration(reconnectAfterMs),
    });
    return this.#queue.push({ case: "leave", value }, 64);
  }

  #answer(frame: AttachResponse["frame"], sizeBytes: number): void {
    if (!this.#queue.push(frame, sizeBytes)) this.end();
  }
}

/** Why some children are not told in one frame; undefined if they fit. One alone always does. */
function tooLarge(actions: readonly Action[]): Refusal | undefined {
  let bytes = 0;
  for (const action of actions) bytes += actionSizeBytes(action);
  if (actions.length <= 1 || bytes <= childrenBytesMax) return undefined;
  return { reason: "LIMIT_REACHED", limit: "childrenBytesMax", maximum: childrenBytesMax };
}
