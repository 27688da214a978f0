import type { Due } from "../../core/stated.ts";
import { compareTexts, SortedSet } from "./sorted-set.ts";

/** Something that is due at some time. */
export interface Deadline {
  readonly atMs: number;
  readonly due: Due;
  /** Orders what is due at the same time: actions, runs, sessions, counters, kept signals, each by name. */
  readonly place: string;
}

/** How a deadline changes; undefined is none. */
export interface Move {
  readonly from: number | undefined;
  readonly to: number | undefined;
}

/** What is due and when, the longest due first. */
export class Deadlines {
  readonly #deadlines = new SortedSet<Deadline>(byTime);

  move(due: Due, { from, to }: Move): void {
    const place = placeOf(due);
    if (from !== undefined) this.#deadlines.delete({ atMs: from, due, place });
    if (to !== undefined) this.#deadlines.add({ atMs: to, due, place });
  }

  first(count: number): readonly Deadline[] {
    return this.#deadlines.first(count);
  }
}

function placeOf(due: Due): string {
  switch (due.kind) {
    case "action":
      return `a ${due.run} ${due.action}`;
    case "run":
      return `b ${due.run}`;
    case "session":
      return `c ${due.sessionId}`;
    case "counter":
      return `d ${due.key}`;
    case "keyedSignal":
      return `e ${due.namespace} ${due.correlationKey}`;
  }
}

function byTime(one: Deadline, other: Deadline): number {
  return one.atMs - other.atMs || compareTexts(one.place, other.place);
}
