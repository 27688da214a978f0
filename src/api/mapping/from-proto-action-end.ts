import type { EndActionRequest } from "../../../gen/signalbox/v1/run_service_pb.ts";
import type { CommandOf } from "../../core/command.ts";
import { actionStates } from "./enums.ts";
import type { Faults } from "./faults.ts";
import { fromValues } from "./from-proto-value.ts";

type Said = Pick<EndActionRequest, "state" | "outputs" | "error">;

/** How an operator says that an action ends: each state with what belongs to it and nothing else. */
export function fromActionEnd(
  { state, outputs, error }: Said,
  faults: Faults,
): CommandOf<"endAction">["end"] {
  const word = actionStates.word(state);
  const values = fromValues("outputs", outputs, faults);
  if (word !== "SUCCEEDED" && Object.keys(values).length > 0) {
    faults.within("outputs", () => faults.add("only what SUCCEEDED has outputs"));
  }
  if (word !== "FAILED" && error !== undefined) {
    faults.within("error", () => faults.add("only what FAILED has an error"));
  }
  if (word === "SUCCEEDED") return { state: word, outputs: values };
  if (word !== "FAILED") return { state: "CANCELLED" };
  faults.within("error", () => {
    if (error === undefined) faults.add("must be set for FAILED");
    else if (error.message === "") faults.within("message", () => faults.add("must not be empty"));
  });
  const { type = "Failed", message = "", stack = "", nonRetryable = true } = error ?? {};
  return { state: word, error: { type, message, stack, nonRetryable } };
}
