import type { Draft } from "../../draft.ts";
import type { KeyedSignal } from "../../loaded.ts";

/** Lets go of a signal that was kept for its correlation key until its time was over. */
export function dropKeyedSignal(draft: Draft, { namespace, correlationKey }: KeyedSignal): void {
  draft.dropKeyedSignal(namespace, correlationKey);
  draft.emitFor(namespace, { kind: "signal_dropped", cause: "EXPIRED", correlationKey });
}
