import type { ActionEnd } from "../../client/client.ts";
import { messageJson } from "../../client/message-json.ts";
import { toEnd } from "../../client/parts/actions.ts";
import { toAction } from "../../client/views/action.ts";
import { required } from "../../client/wire/calls.ts";
import type { Command } from "../command.ts";
import type { CommandArguments } from "../input/command-arguments.ts";
import { parseLiteralJs } from "../input/parse-value.ts";
import { UsageError } from "../input/usage-error.ts";

const states = ["SUCCEEDED", "FAILED", "CANCELLED"] as const satisfies readonly ActionEnd["state"][];

/** `end`: ends an action by the word of an operator. */
export const endCommand: Command = {
  name: "end",
  arguments: ["RUN", "ACTION", "STATE"],
  sentence: "ends an action as you say, whatever its worker does: succeeded, failed or cancelled",
  notes: ["A running attempt is told to stop, and what it reports later does not count."],
  options: {
    output: { value: "K=V", multiple: true, sentence: "with succeeded: what it puts out" },
    error: { value: "TEXT", sentence: "with failed: what went wrong" },
    "error-type": { value: "TYPE", sentence: "with failed: what kind of error it was (Operator)" },
    cause: { value: "TEXT", sentence: "why you do it; kept and shown" },
  },
  examples: [
    "signalbox end RUN main failed --error 'the disk of w3 is gone'",
    "signalbox end RUN publish succeeded --output url=https://example.com/7 --cause 'done by hand'",
  ],
  async run({ given, screen, calls, signal }) {
    const end = toEnd(readEnd(given));
    const which = { namespace: calls.namespace, runId: given.argument(0), name: given.argument(1) };
    const request = { ...which, ...end, cause: given.text("cause") ?? "" };
    const action = required((await calls.raw.runs.endAction(request, { signal })).action);
    const { name, state } = toAction(action);
    screen.line(screen.json ? messageJson.action(action) : `${name} ${state}`);
  },
};

function readEnd(given: CommandArguments): ActionEnd {
  const word = given.argument(2);
  const state = states.find((one) => one === word.toUpperCase());
  const outputs = Object.entries(given.pairs("output"));
  const message = given.text("error");
  const type = given.text("error-type");
  if (state === undefined) {
    throw new UsageError(
      `STATE is ${JSON.stringify(word)} and must be one of ${states.join(", ").toLowerCase()}`,
    );
  }
  if (outputs.length > 0 && state !== "SUCCEEDED") {
    throw new UsageError("--output is for an action that ends as succeeded");
  }
  if ((message ?? type) !== undefined && state !== "FAILED") {
    throw new UsageError("--error and --error-type are for an action that ends as failed");
  }
  switch (state) {
    case "FAILED":
      if (!message) throw new UsageError("an action that ends as failed needs --error: what went wrong");
      return { state, error: { type: type ?? "Operator", message } };
    case "SUCCEEDED":
      return {
        state,
        outputs: Object.fromEntries(outputs.map(([name, text]) => [name, parseLiteralJs(text)])),
      };
    case "CANCELLED":
      return { state };
  }
}
