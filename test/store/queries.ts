import type { RunQuery } from "../../src/store/store.ts";

/** A list of all runs: what a test does not restrict. */
export const anyRun: RunQuery = {
  namespace: undefined,
  states: [],
  labels: {},
  pausedOnly: false,
  op: undefined,
  image: undefined,
  createdFromMs: undefined,
  createdUntilMs: undefined,
  after: undefined,
  before: undefined,
  limit: 100,
};
