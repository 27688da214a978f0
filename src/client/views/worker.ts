import { Worker_State, type Worker as WorkerMessage } from "../../../gen/signalbox/v1/worker_service_pb.ts";
import { toCapacity, toReserved, type WorkerCapacity, type WorkerReserved } from "./capacity.ts";
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
  /** What it has to give. */
  readonly capacity: WorkerCapacity;
  /** What is reserved of it for the attempts that it holds. */
  readonly reserved: WorkerReserved;
  /** What keeps tasks from it that do not say that they bear it. */
  readonly taints: readonly { readonly key: string; readonly value: string }[];
  /** Further namespaces whose tasks it takes. */
  readonly sharedNamespaces: readonly string[];
  /** The attempts that it holds, as `<run>/<action>`; the first 100, and only of a worker read by itself. */
  readonly running: readonly string[];
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
    capacity: toCapacity(worker.capacity),
    reserved: toReserved(worker.reserved),
    taints: worker.taints.map(({ key, value }) => ({ key, value })),
    sharedNamespaces: worker.sharedNamespaces,
    running: worker.running.map(({ runId, action }) => `${runId}/${action}`),
  };
}
