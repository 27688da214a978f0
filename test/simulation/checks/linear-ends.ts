import type { RecordedEvent, Violations } from "../../guarantees/record.ts";
import { judgeLinear, type Model, type Operation } from "../../proof/linearizable.ts";
import type { EndCall } from "../world/chronicle.ts";

type State = "open" | "ended";
type Input = EndCall["by"] | "server";

/** One action that is opened once, as those who try to end it know it. Time and its run may end it too. */
const action: Model<State, Input, string> = {
  initial: "open",
  step(state, input, output) {
    if (input === "server") return ["ended"];
    // What a worker is refused may be for its lease; what an operator is refused as ended must have ended.
    if (output === "ACTION_ENDED") return state === "ended" ? [state] : [];
    if (output !== undefined && output !== "taken") return [state];
    if (output === undefined && state === "ended") return [state];
    if (state === "ended") return [];
    // A failure leaves it open where its policy has it tried again.
    if (input === "failure" || output === undefined) return ["open", "ended"];
    return ["ended"];
  },
};

/**
 * Linear: what all who tried to end an action were told, workers by their reports and operators, can be
 * explained by one order of their calls. Actions that were opened again are left out.
 */
export function linearEnds(events: readonly RecordedEvent[], calls: readonly EndCall[]): Violations {
  const again = new Set<string>();
  const hasEnded = new Set<string>();
  for (const { namespace, runId, action: name, kind } of events) {
    if (kind === "action_reopened") again.add(`${namespace}/${runId}/${name}`);
    if (kind === "action_ended" || kind === "action_created") hasEnded.add(`${namespace}/${runId}/${name}`);
  }
  const callsByAction = new Map<string, EndCall[]>();
  for (const call of calls) {
    callsByAction.set(call.action, [...(callsByAction.get(call.action) ?? []), call]);
  }
  const violations: string[] = [];
  for (const [name, all] of callsByAction) {
    if (again.has(name) || !hasEnded.has(name)) continue;
    const never = Number.POSITIVE_INFINITY;
    const unheard = { output: undefined, endedAt: never };
    const history: Operation<Input, string>[] = all.flatMap((call) => {
      const { process, by: input, invokedAtStep: invokedAt, result: output } = call;
      const heard = { process, input, output, invokedAt, endedAt: call.returnedAtStep ?? never };
      return call.mayActLater ? [heard, { process, input, invokedAt, ...unheard }] : [heard];
    });
    history.push({ process: "server", input: "server", invokedAt: 0, ...unheard });
    const { verdict } = judgeLinear(action, history);
    if (verdict === "linear") continue;
    const told = all.map(({ by, result, invokedAtStep, returnedAtStep }) => {
      return `${by} ${result ?? "unknown"} (${invokedAtStep} to ${returnedAtStep ?? "never"})`;
    });
    violations.push(`${name} is ${verdict}: ${told.join(", ")}`);
  }
  return violations;
}
