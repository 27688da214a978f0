import type { Attach, AttachRequest, AttachResponse } from "../../../gen/signalbox/v1/worker_service_pb.ts";
import type { Answers } from "../../core/answer.ts";
import type { Engine } from "../../engine/engine.ts";
import { attachTimeoutMs, reconnectAfterMs } from "../../limits.ts";
import type { WebhookTargets } from "../delivery/webhook-targets.ts";
import { fromAttach } from "../mapping/from-proto-attach.ts";
import { answered, translated } from "../requests.ts";
import { toThrown } from "../status.ts";
import { takeAttach } from "./first-frame.ts";
import type { OutgoingLimits } from "./outgoing-queue.ts";
import { OutgoingQueue } from "./outgoing-queue.ts";
import { StreamOutlet } from "./stream-outlet.ts";
import { StreamReader } from "./stream-reader.ts";

/** The bounds of worker streams; tests give smaller ones. */
export interface WorkerStreamLimits {
  readonly attachTimeoutMs?: number;
  readonly outgoing?: OutgoingLimits;
}

/** What ends a stream from outside, and its bounds. */
export interface WorkerStreamOptions {
  /** The call's own: its client is gone. */
  readonly signal: AbortSignal;
  /** The server's: it is stopping. */
  readonly stopping: AbortSignal;
  readonly limits: WorkerStreamLimits;
  readonly targets: WebhookTargets;
}

/**
 * One worker stream, from its attach to its end.
 *
 * ```
 *  ATTACHING ──attach recorded──▶ ATTACHED ──Leave of the worker────────────▶ LEFT      gives its work back
 *      │                           │  ├────Leave of the server, answers sent─▶ DETACHED  leases run on
 *      │ no attach, or refused     │  ├────session gone, too slow, bad frame─▶ DETACHED
 *      ▼                           │  └────client gone, its frames ended─────▶ DETACHED
 *    ended                         └ frames both ways: StreamReader and StreamOutlet
 * ```
 * The reader runs beside the frames that are yielded; whatever ends either of them ends the other. The end of
 * a client's frames says nothing about why: a cancel looks like a half-close. So every end but a Leave
 * detaches.
 */
export async function* serveWorker(
  engine: Engine,
  requests: AsyncIterable<AttachRequest>,
  { signal, stopping, limits, targets }: WorkerStreamOptions,
): AsyncGenerator<AttachResponse> {
  const frames = requests[Symbol.asyncIterator]();
  try {
    const attach = await takeAttach(frames, {
      timeoutMs: limits.attachTimeoutMs ?? attachTimeoutMs,
      stopping,
    });
    const answer = await attachSession(engine, attach);
    yield* serveSession(engine, frames, answer, { signal, stopping, limits, targets });
  } finally {
    // Not awaited: it waits for a frame that may never come.
    frames.return?.().catch(() => {});
  }
}

async function attachSession(engine: Engine, attach: Attach): Promise<Answers["attach"]> {
  const stated = translated((faults) => faults.within("attach", () => fromAttach(attach, faults)));
  const newSessionId = engine.newSessionId();
  const { leaseMs } = engine.settings;
  const outcome = await engine
    .execute({ kind: "attach", newSessionId, leaseMs, ...stated })
    .catch((error: unknown) => {
      throw toThrown(error);
    });
  return answered(outcome).answer;
}

async function* serveSession(
  engine: Engine,
  frames: AsyncIterator<AttachRequest>,
  answer: Answers["attach"],
  { signal, stopping, limits, targets }: WorkerStreamOptions,
): AsyncGenerator<AttachResponse> {
  const { session } = answer;
  const queue = new OutgoingQueue(limits.outgoing);
  // A session may be told to leave while it is being opened, before there is a reader.
  const leaving = Promise.withResolvers<void>();
  const outlet = new StreamOutlet({ queue, session, onLeave: leaving.resolve });
  // In the queue before the session is open, so that it is the first thing the worker hears.
  outlet.attached(answer, engine.settings);
  const open = engine.sessions.open(session, outlet);
  const reader = new StreamReader({ engine, targets, session, open, outlet, queue });
  void leaving.promise.then(() => reader.finish());
  const stop = () => outlet.leave("the server is stopping", reconnectAfterMs);
  const abandon = () => queue.abort();
  stopping.addEventListener("abort", stop);
  signal.addEventListener("abort", abandon);
  if (stopping.aborted) stop();
  if (signal.aborted) abandon();
  void reader.read(frames);
  try {
    yield* queue.frames();
  } finally {
    stopping.removeEventListener("abort", stop);
    signal.removeEventListener("abort", abandon);
    queue.abort();
    open.close();
    if (!reader.hasLeft) await detach(engine, session.id);
  }
}

/** Says that the stream is gone. If it cannot be said, the lease runs out, which says it too. */
async function detach(engine: Engine, sessionId: string): Promise<void> {
  await engine.execute({ kind: "detach", sessionId }).catch(() => {});
}
