import type { SignalConditionRequest } from "../../../gen/signalbox/v1/condition_service_pb.ts";
import type { Faults } from "../mapping/faults.ts";

/** Says what is wrong with how a signal names its condition: by run and name, or by a correlation key. */
export function signalFaults(
  { runId, name, correlationKey, keepFor, instance }: SignalConditionRequest,
  faults: Faults,
): void {
  const says = (field: string, description: string) => faults.within(field, () => faults.add(description));
  if (correlationKey === "") {
    if (runId === "") says("run_id", "must be set where no correlation_key is");
    if (name === "") says("name", "must be set where no correlation_key is");
    if (keepFor !== undefined) says("keep_for", "goes with a correlation_key only");
    return;
  }
  if (runId !== "") says("run_id", "must be empty where a correlation_key is said");
  if (name !== "") says("name", "must be empty where a correlation_key is said");
  if (instance !== 0) says("instance", "goes with a run and a name only");
}
