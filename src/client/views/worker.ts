import { Worker_State, type Worker as WorkerMessage } from "../../../gen/signalbox/v1/worker_service_pb.ts";
import { type NameOf, naming, toDate } from "./name.ts";

/** Where a worker stands. */
export type WorkerState = NameOf<typeof Worker_State>;

/** A worker as the server knows it. */
export interface Worker {
  readonly workerId: string;
  readonly namespace: string;
  readonly state: WorkerState;
  /** The ops it runs. */
  readonly ops: readonly string[];
  readonly labels: Readonly<Record<string, string>>;
  readonly sessionId: string;
  readonly attachTime: Date | undefined;
  /** When its leases end, unless it pulses. */
  readonly leaseTime: Date | undefined;
  /** How many attempts it holds. */
  readonly runningCount: number;
  /** How many more it permits. */
  readonly credit: number;
}

const nameState = naming(Worker_State);

/** A worker as plain values. */
export function toWorker(worker: WorkerMessage): Worker {
  return {
    workerId: worker.workerId,
    namespace: worker.namespace,
    state: nameState(worker.state),
    ops: worker.ops,
    labels: worker.labels,
    sessionId: worker.sessionId,
    attachTime: toDate(worker.attachTime),
    leaseTime: toDate(worker.leaseTime),
    runningCount: worker.runningCount,
    credit: worker.credit,
  };
}
