/** A simulation that once broke a promise, kept so that it does not again. */
export interface PastFailure {
  readonly name: string;
  readonly seed: number;
  readonly steps: number;
  /** What was wrong, and where. */
  readonly reason: string;
}

const steps = 1_500;

/** Seeds of past failures, the oldest first. */
export const corpus: readonly PastFailure[] = [
  {
    name: "a copy of a refused signal comes late",
    seed: 23,
    steps,
    reason:
      "A signal was refused with RUN_NOT_FOUND while another copy of it was on its way, which was kept once the " +
      "run was there. Refusals are not remembered by their request id: the model of a condition has to allow it.",
  },
  {
    name: "the end of a child comes before the answer that adds it",
    seed: 1_010,
    steps,
    reason:
      "A child ended in the group commit in which its parent asked for it again: ChildEnded was sent before " +
      "ActionsAdded, which still said RUNNING. A worker that does not ask once more waits for ever.",
  },
  {
    name: "a signal that came too early is dropped as its condition pauses",
    seed: 2,
    steps,
    reason: "condition_paused comes before signal_dropped; the checker had the signal lost in between.",
  },
  {
    name: "a run is done over from one whose children were cancelled",
    seed: 5_039,
    steps,
    reason:
      "Children of a run that is done over are created CANCELLED, of which no action_ended follows; EndsOnce " +
      "had them open when they were opened again.",
  },
  {
    name: "the right to vote is handed to one who has voted",
    seed: 5_084,
    steps,
    reason:
      "A voter handed on to another who had voted already: two equal answers of three could not be reached any " +
      "more, and the condition stayed PAUSED without a deadline. Clients of the load keep their votes.",
  },
  {
    name: "a consumer of a subscription is there and says nothing",
    seed: 303,
    steps,
    reason:
      "An event that ran out of time went to the same consumer again and again, which was stuck, while others " +
      "had nothing to do: the first among equals was always taken.",
  },
];
