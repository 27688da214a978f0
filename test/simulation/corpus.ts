/** A simulation that once broke a promise, kept so that it does not again. */
export interface PastFailure {
  readonly name: string;
  readonly seed: number;
  readonly steps: number;
  /** What was wrong, and where. */
  readonly reason: string;
}

/** Seeds of past failures, the oldest first. */
export const corpus: readonly PastFailure[] = [
  {
    name: "a copy of a refused signal comes late",
    seed: 23,
    steps: 1_500,
    reason:
      "A signal was refused with RUN_NOT_FOUND while another copy of it was on its way, which was kept once the " +
      "run was there. Refusals are not remembered by their request id: the model of a condition has to allow it.",
  },
];
