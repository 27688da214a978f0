import type { ConditionQuery, RunQuery } from "../../src/store/store.ts";

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

/** A list of all open conditions, by age: what a test does not restrict. */
export const anyCondition: ConditionQuery = {
  namespace: undefined,
  run: undefined,
  labels: {},
  includeEnded: false,
  includeSnoozed: false,
  assignee: undefined,
  dueBeforeMs: undefined,
  op: undefined,
  correlationKey: undefined,
  order: "age",
  after: undefined,
  limit: 100,
};
