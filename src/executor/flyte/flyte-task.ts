import { type JsValues, Reference } from "../../worker/worker.ts";
import { ProgramFailedForGood } from "../attempt-failure.ts";

/** The op of all tasks of Flyte. */
export const flyteOp = "flyte";

/** The action that every run of Flyte begins with. */
export const rootAction = "a0";

/** The inputs of the op that this worker reads, as the server writes them. */
export const inputNames = {
  /** A reference to the serialised TaskSpec. */
  spec: "spec",
  /** A reference to the serialised RunSpec; if it is not there, that of `a0` counts. */
  runSpec: "run_spec",
  inputUri: "input_uri",
  runOutputBase: "run_output_base",
  /** What is known of the task without its spec. */
  task: "task",
} as const;

/** The output of the op: where the task has put its own. */
export const outputUriName = "output_uri";

/** One task of Flyte, as its assignment says it. */
export interface FlyteTask {
  readonly spec: Reference;
  readonly runSpec: Reference | undefined;
  /** Where its inputs are; empty for none. */
  readonly inputUri: string;
  /** Where the attempts of the run put what they put out. */
  readonly runOutputBase: string;
  /** The organization, which means nothing here; empty if it is not said. */
  readonly org: string;
}

/** Reads the inputs of an assignment. Throws, for good, for one that the Flyte services did not write. */
export function readFlyteTask(inputs: JsValues): FlyteTask {
  const spec = inputs[inputNames.spec];
  const runSpec = inputs[inputNames.runSpec];
  const task = inputs[inputNames.task];
  if (!(spec instanceof Reference)) {
    throw new ProgramFailedForGood("SpecInvalid", "the input spec is to be a reference to a TaskSpec");
  }
  const org = typeof task === "object" && task !== null && "org" in task ? task.org : "";
  return {
    spec,
    runSpec: runSpec instanceof Reference ? runSpec : undefined,
    inputUri: readText(inputs, inputNames.inputUri),
    runOutputBase: readText(inputs, inputNames.runOutputBase),
    org: typeof org === "string" ? org : "",
  };
}

/** Flyte's name of an action: the last part of its whole name, if the run was made through Flyte. */
export function toFlyteName(action: string): string {
  return action.startsWith(`${rootAction}/`) ? action.slice(action.lastIndexOf("/") + 1) : action;
}

/** The project and the domain that a namespace stands for. */
export function toScope(namespace: string): { readonly project: string; readonly domain: string } {
  if (namespace === "default") return { project: "", domain: "" };
  const [project = "", ...domain] = namespace.split("--");
  return { project, domain: domain.join("--") };
}

function readText(inputs: JsValues, name: string): string {
  const value = inputs[name] ?? "";
  if (typeof value === "string") return value;
  throw new ProgramFailedForGood("SpecInvalid", `the input ${name} is to be a text`);
}
