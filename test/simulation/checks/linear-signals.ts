import type { RecordedEvent, Violations } from "../../guarantees/record.ts";
import { judgeLinear, type Model, type Operation } from "../../proof/linearizable.ts";
import type { SignalCall } from "../world/chronicle.ts";

/** A condition as those who signal it know it. */
type State =
  | { readonly is: "open" }
  /** A signal waits for it. */
  | { readonly is: "kept"; readonly value: string }
  | { readonly is: "answered"; readonly value: string }
  /** Ended without an answer: by time, by an operator, with its run. */
  | { readonly is: "ended" };

type Input = { readonly signal: string } | { readonly end: string | undefined };

const open: State = { is: "open" };

/** One condition that is asked once. What time and operators do to it may happen at any moment. */
const condition: Model<State, Input, string> = {
  initial: open,
  step(state, input, output) {
    if ("end" in input) {
      if (state.is === "answered" || state.is === "ended") return [state];
      return [input.end === undefined ? { is: "ended" } : { is: "answered", value: input.end }];
    }
    const { signal: value } = input;
    // A kept signal is the answer as soon as its condition asks, which nobody is told.
    const states: readonly State[] =
      state.is === "kept" ? [state, { is: "answered", value: state.value }] : [state];
    return states.flatMap((one) => after(one, value, output));
  },
};

function after(state: State, value: string, output: string | undefined): readonly State[] {
  const isAnswer = state.is === "answered" && state.value === value;
  const isOther = (state.is === "answered" || state.is === "kept") && state.value !== value;
  switch (output) {
    case undefined:
      return state.is === "open" ? [state, { is: "answered", value }, { is: "kept", value }] : [state];
    case "answered":
      return state.is === "open" ? [{ is: "answered", value }] : [];
    case "repeated":
      return isAnswer ? [state] : [];
    case "kept":
      return state.is === "open" ? [{ is: "kept", value }] : [];
    case "keptRepeated":
      return state.is === "kept" && state.value === value ? [state] : [];
    case "ALREADY_ANSWERED":
      return isOther ? [state] : [];
    case "ACTION_ENDED":
      return state.is === "ended" ? [state] : [];
    default:
      return [state];
  }
}

/**
 * Linear: what all who signalled a condition were told can be explained by one order of their calls, each
 * taking effect at one moment while it was under way. Conditions that were asked again are left out.
 */
export function linearSignals(events: readonly RecordedEvent[], calls: readonly SignalCall[]): Violations {
  const again = new Set<string>();
  const endByCondition = new Map<string, string | undefined>();
  for (const { namespace, runId, action, kind, value } of events) {
    const name = `${namespace}/${runId}/${action}`;
    if (kind === "action_reopened" || kind === "signal_dropped") again.add(name);
    if (kind === "action_ended") endByCondition.set(name, value);
  }
  const callsByCondition = new Map<string, SignalCall[]>();
  for (const call of calls) {
    const name = `${call.runId}/${call.action}`;
    callsByCondition.set(name, [...(callsByCondition.get(name) ?? []), call]);
  }
  const violations: string[] = [];
  for (const [name, all] of callsByCondition) {
    if (again.has(name)) continue;
    const history: Operation<Input, string>[] = all.map((call) => ({
      process: call.subject,
      input: { signal: call.value },
      output: call.result,
      invokedAt: call.invokedAtStep,
      endedAt: call.returnedAtStep ?? Number.POSITIVE_INFINITY,
    }));
    // A refusal is not remembered by its request id: a copy that comes late is judged anew.
    for (const { subject, value, invokedAtStep: invokedAt, mayActLater } of all) {
      if (!mayActLater) continue;
      const endedAt = Number.POSITIVE_INFINITY;
      history.push({ process: subject, input: { signal: value }, output: undefined, invokedAt, endedAt });
    }
    if (endByCondition.has(name)) {
      const input = { end: endByCondition.get(name) };
      const endedAt = Number.POSITIVE_INFINITY;
      history.push({ process: "server", input, output: undefined, invokedAt: 0, endedAt });
    }
    const { verdict } = judgeLinear(condition, history);
    if (verdict === "linear") continue;
    const told = all.map(({ value, result, invokedAtStep, returnedAtStep }) => {
      return `${value} ${result ?? "unknown"} (${invokedAtStep} to ${returnedAtStep ?? "never"})`;
    });
    violations.push(`${name} is ${verdict}: ${told.join(", ")}`);
  }
  return violations;
}
