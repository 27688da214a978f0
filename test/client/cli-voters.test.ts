import { expect, test } from "vitest";
import { printVoter } from "../../src/cli/output/describe-condition-event.ts";
import { ordinal } from "../../src/cli/output/print-value.ts";

test.each([
  { subject: "ana", signalledBy: "", says: "ana" },
  { subject: "ana", signalledBy: "ana", says: "ana" },
  { subject: "ana", signalledBy: "ben", says: "ana as ben" },
  { subject: "anonymous", signalledBy: "ben", says: "ben" },
  { subject: "anonymous", signalledBy: "", says: "anonymous" },
  { subject: "", signalledBy: "", says: "" },
])("an answer of $subject in the name of $signalledBy is by '$says'", ({ says, ...answer }) => {
  expect(printVoter(answer)).toBe(says);
});

test("ordinals end as they are said", () => {
  expect([1, 2, 3, 4, 11, 12, 13, 21, 112].map(ordinal)).toEqual([
    "1st",
    "2nd",
    "3rd",
    "4th",
    "11th",
    "12th",
    "13th",
    "21st",
    "112th",
  ]);
});
