import type { Scenario } from "./scenario.ts";
import { assignmentScenarios } from "./scenarios/assignments.ts";
import { endingScenarios } from "./scenarios/endings.ts";
import { leaveScenarios } from "./scenarios/leaves.ts";
import { reportScenarios } from "./scenarios/reports.ts";
import { streamScenarios } from "./scenarios/streams.ts";
import { workScenarios } from "./scenarios/work.ts";

/** Every scenario, in the order in which they are told. */
export const scenarios: readonly Scenario[] = [
  ...workScenarios,
  ...assignmentScenarios,
  ...reportScenarios,
  ...streamScenarios,
  ...leaveScenarios,
  ...endingScenarios,
];
