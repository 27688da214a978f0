import { EventKind } from "../../../gen/signalbox/v1/event_pb.ts";
import type { Wish } from "./simulated-subscriber.ts";

/** Those who follow the feed in each simulation: one wants all of it, the others little of it. */
export const wishes: readonly Wish[] = [
  { name: "all", filter: { namespace: "-" }, matches: () => true },
  {
    name: "ends",
    filter: { namespace: "default", kinds: [EventKind.RUN_ENDED, EventKind.ACTION_ENDED] },
    matches: ({ namespace, detail: { kind } }) =>
      namespace === "default" && (kind === "run_ended" || kind === "action_ended"),
  },
  {
    name: "one run",
    filter: { namespace: "default", runId: "run-3" },
    matches: ({ namespace, runId }) => namespace === "default" && runId === "run-3",
  },
  {
    name: "red",
    filter: { namespace: "-", labels: { team: "red" } },
    matches: ({ runLabels }) => runLabels["team"] === "red",
  },
];
