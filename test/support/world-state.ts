import { type Action, isHeld } from "../../src/core/action.ts";
import { assert } from "../../src/core/assert.ts";
import type { Change } from "../../src/core/change.ts";
import type { Position } from "../../src/core/event.ts";
import type { Due } from "../../src/core/stated.ts";
import { MemoryState } from "../../src/store/memory/memory-state.ts";

/**
 * What the rules see and change in their own specs: the state of the memory store. It holds each change to
 * what every store relies on: new rows are new, changed ones are there, and no row is written twice.
 */
export class WorldState extends MemoryState {
  override apply(change: Change): Position | undefined {
    for (const { run, name } of change.newActions) {
      assert(this.action(run, name) === undefined, "a new action is new", { run, name });
    }
    for (const { run, name, spec } of change.actions) {
      assert(this.action(run, name)?.spec === spec, "a changed action is there, with its spec", {
        run,
        name,
      });
    }
    for (const action of [...change.newActions, ...change.actions]) {
      const isConsistent = isHeld(action) === (action.sessionId !== undefined);
      assert(isConsistent, "what is held is held by a session", { run: action.run, name: action.name });
    }
    for (const { run, action, number } of change.newAttempts) {
      const isKnown = this.attempts(run, action).some((attempt) => attempt.number === number);
      assert(!isKnown, "an attempt is recorded once", { run, action, number });
    }
    for (const { run, action } of change.keptSignals) {
      assert(this.keptSignal(run, action) === undefined, "a signal is kept once", { run, action });
    }
    for (const { key } of change.answers) {
      assert(this.answer(key) === undefined, "an answer is stored once", { key });
    }
    const rows = [
      ...change.runs,
      ...change.newActions,
      ...change.actions,
      ...change.sessions,
      ...change.events,
    ];
    for (const row of rows) Object.freeze(row);
    return super.apply(change);
  }

  /** Every action of every run. */
  allActions(): Action[] {
    return [...this.runs.keys()].flatMap((run) => this.actions(run));
  }

  /** Everything that is due at some time, the earliest first. */
  allDue(): readonly { readonly atMs: number; readonly due: Due }[] {
    const found: { atMs: number; due: Due }[] = [];
    for (const { key: run, dueMs } of this.runs.values()) {
      if (dueMs !== undefined) found.push({ atMs: dueMs, due: { kind: "run", run } });
    }
    for (const { run, name: action, dueMs } of this.allActions()) {
      if (dueMs !== undefined) found.push({ atMs: dueMs, due: { kind: "action", run, action } });
    }
    for (const { id: sessionId, leaseEndMs: atMs } of this.sessions()) {
      found.push({ atMs, due: { kind: "session", sessionId } });
    }
    for (const { key, dueMs: atMs } of this.counters.values()) {
      if (atMs !== undefined) found.push({ atMs, due: { kind: "counter", key } });
    }
    for (const { namespace, correlationKey, expireMs: atMs } of this.decisions.allKeyedSignals()) {
      found.push({ atMs, due: { kind: "keyedSignal", namespace, correlationKey } });
    }
    return found.sort((one, other) => one.atMs - other.atMs);
  }
}
