import type { Draft } from "../draft.ts";

/** The time of a counter has come: what is parked on it goes back to the queue as far as there are places. */
export function unparkDue(draft: Draft, key: string): void {
  const counter = draft.counter(key);
  if (counter !== undefined) draft.setCounter({ ...counter, dueMs: undefined });
}
