import { output, type PlannedAction } from "../../client/client.ts";
import { checkConditionParts, conditionPartFields } from "./condition-parts.ts";
import { conditionTypes } from "./parse-value.ts";
import { type Fields, isObject, JsonCheck, readJsonFile } from "./read-json-file.ts";
import { checkTaskParts, taskPartFields } from "./task-parts.ts";

const actionFields: Fields = {
  "name!": "text",
  task: "object",
  condition: "object",
  dependsOn: "list",
  labels: "labels",
};
const taskFields: Fields = {
  "op!": "text",
  opVersion: "integer",
  input: "object",
  inputFrom: "object",
  ...taskPartFields,
  cancelGraceMs: "number",
  image: "text",
  handler: "text",
};
const conditionFields: Fields = {
  "type!": "text",
  prompt: "text",
  description: "text",
  timeoutMs: "number",
  defaultValue: "any",
  ...conditionPartFields,
};

/**
 * Reads a plan from a JSON file: a list of actions, or an object whose `plan` is one. An action is what the
 * client SDK calls a PlannedAction; inputs that come from other actions stand in the task's `inputFrom`, as
 * `{"lines": {"from": "count", "output": "lines"}}`. Everything that is wrong with its form is said at once;
 * whether the plan as a whole makes sense is for the server to say.
 */
export function readPlanFile(path: string): PlannedAction[] {
  const json = readJsonFile(path);
  const check = new JsonCheck();
  const list = isObject(json) ? json["plan"] : json;
  if (!Array.isArray(list) || list.length === 0) {
    check.mistakes.push("a plan is a list of actions, or an object whose `plan` is one");
  }
  const actions = (Array.isArray(list) ? list : []).map((action: unknown, index) =>
    readAction(check, action, index),
  );
  check.finish(path);
  return actions as PlannedAction[];
}

function readAction(check: JsonCheck, json: unknown, index: number): unknown {
  const place = isObject(json) && typeof json["name"] === "string" ? json["name"] : `action ${index + 1}`;
  const action = check.object(json, place, actionFields);
  if (action === undefined) {
    return undefined;
  }
  if ((action["task"] === undefined) === (action["condition"] === undefined)) {
    check.mistakes.push(`${place} must have either a task or a condition`);
  }
  for (const dependency of Array.isArray(action["dependsOn"]) ? (action["dependsOn"] as unknown[]) : []) {
    checkDependency(check, dependency, place);
  }
  if (action["condition"] !== undefined) {
    checkCondition(check, action["condition"], place);
  }
  return action["task"] === undefined ? action : { ...action, task: readTask(check, action["task"], place) };
}

function readTask(check: JsonCheck, json: unknown, place: string): unknown {
  const task = check.object(json, `${place}.task`, taskFields);
  if (task === undefined) {
    return undefined;
  }
  checkTaskParts(check, task, `${place}.task.`);
  const { inputFrom = {}, input = {}, ...rest } = task;
  const references = isObject(inputFrom) ? Object.entries(inputFrom) : [];
  const inputs = references.map(([name, reference]) => {
    const at = `${place}.task.inputFrom.${name}`;
    const { from, output: of } = check.object(reference, at, { "from!": "text", output: "text" }) ?? {};
    if (isObject(input) && input[name] !== undefined) {
      check.mistakes.push(`${at} stands in input too`);
    }
    return [name, output(typeof from === "string" ? from : "", typeof of === "string" ? of : "")] as const;
  });
  return { ...rest, input: { ...(isObject(input) ? input : {}), ...Object.fromEntries(inputs) } };
}

function checkCondition(check: JsonCheck, json: unknown, place: string): void {
  const condition = check.object(json, `${place}.condition`, conditionFields);
  const type = condition?.["type"];
  if (typeof type === "string" && !(conditionTypes as readonly string[]).includes(type)) {
    check.mistakes.push(`${place}.condition.type must be one of ${conditionTypes.join(", ")}`);
  }
  if (condition !== undefined) checkConditionParts(check, condition, `${place}.condition.`);
}

function checkDependency(check: JsonCheck, json: unknown, place: string): void {
  if (typeof json === "string") {
    return;
  }
  const fields: Fields = { "action!": "text", requirement: "text", equals: "any" };
  const requirement = check.object(json, `${place}.dependsOn`, fields)?.["requirement"];
  if (requirement !== undefined && requirement !== "SUCCEEDED" && requirement !== "ENDED") {
    check.mistakes.push(`${place}.dependsOn.requirement must be SUCCEEDED or ENDED`);
  }
}
