import type { Attach } from "../../../gen/signalbox/v1/worker_service_pb.ts";
import type { CommandOf } from "../../core/command.ts";
import { queuesPerSessionMax } from "../../limits.ts";
import type { Faults } from "./faults.ts";
import { fromAttemptReference } from "./from-proto-report.ts";
import { fromCapacity, fromTaints } from "./from-proto-resource.ts";
import { fromNamespace } from "./from-proto-run.ts";

/** What a worker says when it attaches. */
export type StatedAttach = Omit<CommandOf<"attach">, "kind" | "newSessionId" | "leaseMs">;

/** An attach of a request. */
export function fromAttach(message: Attach, faults: Faults): StatedAttach {
  const { workerId, incarnation, ops, labels } = message;
  const namespace = fromNamespace(message.namespace);
  return {
    namespace,
    workerId,
    incarnation,
    ops,
    labels,
    capacity: faults.within("capacity", () => fromCapacity(message.capacity, faults)),
    taints: fromTaints(message.taints, faults),
    sharedNamespaces: fromSharedNamespaces(message, namespace, faults),
    running: faults.each("running", message.running, (reference) =>
      fromAttemptReference(reference, namespace, faults),
    ),
  };
}

/** The session's own namespace may be among them and adds nothing. */
function fromSharedNamespaces(
  { sharedNamespaces, ops }: Attach,
  namespace: string,
  faults: Faults,
): readonly string[] {
  const others = sharedNamespaces.filter((one) => one !== namespace);
  const queueCount = ops.length * (1 + others.length);
  if (queueCount > queuesPerSessionMax) {
    faults.within("shared_namespaces", () => {
      faults.add(
        `times the ops must be at most ${queuesPerSessionMax} queues, own namespace included; they are ${queueCount}`,
      );
    });
  }
  return others;
}
