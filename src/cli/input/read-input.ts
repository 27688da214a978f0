import type { JsValue } from "../../client/client.ts";
import type { CommandArguments } from "./command-arguments.ts";
import { parseJson, parseLiteralJs } from "./parse-value.ts";
import { isObject } from "./read-json-file.ts";
import { UsageError } from "./usage-error.ts";

/** The inputs that `--input` and `--input-json` say together. */
export function readInput(given: CommandArguments): Record<string, JsValue> {
  const pairs = Object.entries(given.pairs("input")).map(
    ([name, text]) => [name, parseLiteralJs(text)] as const,
  );
  const text = given.text("input-json");
  if (text === undefined) {
    return Object.fromEntries(pairs);
  }
  const json = parseJson(text, "--input-json must be a JSON object");
  if (!isObject(json)) {
    throw new UsageError("--input-json must be a JSON object, with a field for each input");
  }
  const twice = pairs.find(([name]) => name in json);
  if (twice !== undefined) {
    throw new UsageError(`--input and --input-json both say ${twice[0]}`);
  }
  return { ...(json as Record<string, JsValue>), ...Object.fromEntries(pairs) };
}
