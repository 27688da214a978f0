import type { Decision } from "../../change.ts";
import type { CommandOf } from "../../command.ts";
import type { Draft } from "../../draft.ts";
import { runIdOf } from "../../name.ts";
import { refuse } from "../../refusal.ts";
import { answer, type RequestScope, repeated } from "../../runs/requests.ts";
import { areEqual } from "../../value.ts";
import { answerSizeRefusal } from "../answers/check-answer.ts";
import { correlatedNamedMax, keyedSignalsMax } from "../condition-limits.ts";
import { dropKeyedSignal } from "./keyed-signal.ts";
import { giveSignal } from "./signal-condition.ts";

type Scope = RequestScope<"signalByKey">;

/**
 * A signal for the one open condition of a namespace that has a correlation key. With none open it is kept
 * for the next one, for as long as it says; several are not chosen from.
 */
export function signalByKey(draft: Draft, command: CommandOf<"signalByKey">): Decision<"signalByKey"> {
  const { namespace, correlationKey, value, by } = command;
  const scope: Scope = { namespace, kind: command.kind, request: command.request };
  const before = repeated(draft, scope);
  if (before !== undefined) return before;
  const [open, ...others] = draft.openByKey(namespace, correlationKey, correlatedNamedMax);
  if (open === undefined) return keepByKey(draft, scope, command);
  if (others.length > 0) {
    const conditions = [open, ...others].map(({ run, name }) => `${runIdOf(run)}/${name}`);
    return refuse({ reason: "CORRELATION_AMBIGUOUS", correlationKey, conditions });
  }
  const signalled = giveSignal(draft, draft.runOf(open), { action: open.name, value, by, instance: 0 });
  return "refusal" in signalled ? refuse(signalled.refusal) : answer(draft, scope, signalled);
}

function keepByKey(draft: Draft, scope: Scope, command: CommandOf<"signalByKey">): Decision<"signalByKey"> {
  const { namespace, correlationKey, value, by, keepForMs } = command;
  if (keepForMs === undefined) return refuse({ reason: "CORRELATION_NOT_FOUND", correlationKey });
  const tooLarge = answerSizeRefusal(value);
  if (tooLarge !== undefined) return refuse(tooLarge);
  const kept = draft.keyedSignal(namespace, correlationKey);
  if (kept !== undefined && kept.expireMs > draft.nowMs) {
    if (areEqual(kept.value, value)) {
      return answer(draft, scope, { action: undefined, kept: true, repeated: true });
    }
    // There is no run to name: the key stands for the condition that is to come.
    return refuse({ reason: "ALREADY_ANSWERED", runId: "", action: correlationKey });
  }
  if (kept !== undefined) dropKeyedSignal(draft, kept);
  else if (draft.keyedSignalCount(namespace) >= keyedSignalsMax) {
    return refuse({ reason: "LIMIT_REACHED", limit: "keyedSignalsMax", maximum: keyedSignalsMax });
  }
  const expireMs = draft.nowMs + keepForMs;
  draft.keepKeyedSignal({ namespace, correlationKey, value, by, timeMs: draft.nowMs, expireMs });
  const { signalledBy, subject } = by;
  draft.emitFor(namespace, { kind: "signal_kept", value, signalledBy, subject, correlationKey, expireMs });
  draft.affect({ kind: "due", atMs: expireMs });
  return answer(draft, scope, { action: undefined, kept: true, repeated: false });
}
