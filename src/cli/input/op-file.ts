import type { NewOp } from "../../client/client.ts";
import { specTypes } from "../../client/spec/op-specs.ts";
import { type Fields, isObject, JsonCheck, readJsonFile } from "./read-json-file.ts";
import { checkTaskParts, taskPartFields } from "./task-parts.ts";

const opFields: Fields = {
  "name!": "text",
  versionName: "text",
  description: "text",
  labels: "labels",
  inputs: "object",
  allowExtraInputs: "flag",
  outputs: "object",
  ...taskPartFields,
  delivery: "object",
  image: "text",
  handler: "text",
};

const deliveryFields: Fields = { "topic!": "text", attributes: "labels" };
const inputFields: Fields = {
  "type!": "text",
  required: "flag",
  default: "any",
  description: "text",
  schema: "object",
};
const outputFields: Fields = { "type!": "text", description: "text", schema: "object" };

/**
 * Reads an op from a JSON file, as the client SDK calls a NewOp. Everything that is wrong with its form is
 * said at once; whether its specs agree with themselves is for the server to say.
 */
export function readOpFile(path: string): NewOp {
  const check = new JsonCheck();
  const op = check.object(readJsonFile(path), "the op", opFields) ?? {};
  checkTaskParts(check, op, "");
  if (isObject(op["delivery"])) check.object(op["delivery"], "delivery", deliveryFields);
  checkSpecs(check, op, "inputs", inputFields);
  checkSpecs(check, op, "outputs", outputFields);
  check.finish(path);
  return op as unknown as NewOp;
}

function checkSpecs(
  check: JsonCheck,
  op: Readonly<Record<string, unknown>>,
  list: "inputs" | "outputs",
  fields: Fields,
): void {
  for (const [name, spec] of Object.entries(isObject(op[list]) ? op[list] : {})) {
    const type = check.object(spec, `${list}.${name}`, fields)?.["type"];
    if (typeof type === "string" && !(specTypes as readonly string[]).includes(type)) {
      check.mistakes.push(`${list}.${name}.type must be one of ${specTypes.join(", ")}`);
    }
  }
}
