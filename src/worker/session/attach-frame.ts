import { create } from "@bufbuild/protobuf";
import {
  type Attach,
  AttachSchema,
  type AttemptReference,
} from "../../../gen/signalbox/v1/worker_service_pb.ts";
import type { SessionIdentity } from "./thread-messages.ts";

/** The frame that a worker begins each stream with; `running` are the attempts whose leases it wants. */
export function toAttach(identity: SessionIdentity, running: AttemptReference[]): Attach {
  const { workerId, incarnation, namespace, ops, labels, capacity, taints, sharedNamespaces } = identity;
  return create(AttachSchema, {
    workerId,
    incarnation,
    namespace,
    ops: [...ops],
    labels: { ...labels },
    running,
    ...(capacity && { capacity: { ...capacity, devices: [...capacity.devices] } }),
    taints: [...taints],
    sharedNamespaces: [...sharedNamespaces],
  });
}
